"""Baseline policy for Ocean: the library's networks."""

from __future__ import annotations

from pufferlib.environments._policies import NumbersOrPixels as Policy

__all__ = ["Policy"]
