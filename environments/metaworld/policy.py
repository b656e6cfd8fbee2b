"""Baseline policy: two hidden layers over the state, as is usual for these robots."""

from __future__ import annotations

from pufferlib.models import Default


class Policy(Default):
    """A small shared network with heads for continuous actions and value."""
