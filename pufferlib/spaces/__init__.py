"""Flat forms of structured spaces: compile once, pack and unpack for ever."""

from __future__ import annotations

from pufferlib.spaces._actions import ActionLayout, compile_action_layout
from pufferlib.spaces._declared import Graph, Sequence
from pufferlib.spaces._emulated import Emulated, emulated_of
from pufferlib.spaces._layout import Layout, compile_layout
from pufferlib.spaces._nodes import Leaf

__all__ = [
    "ActionLayout",
    "Emulated",
    "Graph",
    "Layout",
    "Leaf",
    "Sequence",
    "compile_action_layout",
    "compile_layout",
    "emulated_of",
]
