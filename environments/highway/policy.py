"""Baseline policy for highway: the general one, which encodes every leaf by its kind, fits these observations."""

from pufferlib.models import Default as Policy

__all__ = ["Policy"]
