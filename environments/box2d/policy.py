"""Baseline policy for Box2D: convolutions for the race car's pixels, two hidden layers for the others' numbers."""

from __future__ import annotations

from pufferlib.environments._policies import NumbersOrPixels


class Policy(NumbersOrPixels):
    """Atari's network for frames, a small shared one for vectors; heads for actions and value."""
