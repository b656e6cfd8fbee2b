"""Adapters of third-party environments."""
