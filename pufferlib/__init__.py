"""Flat observations, flat actions and a constant number of agents, from any environment."""

__version__ = "0.1.0"
