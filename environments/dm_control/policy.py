"""Baseline policy for the control suite: two hidden layers over the state, convolutions over pixels."""

from __future__ import annotations

from pufferlib.environments._policies import NumbersOrPixels


class Policy(NumbersOrPixels):
    """A small shared network for states, Atari's for pixels; heads for actions and value."""
