"""Baseline policy for Crafter: Atari's three convolutions fit its 64 x 64 pixels."""

from __future__ import annotations

from pufferlib.models import Convolutional as Policy

__all__ = ["Policy"]
