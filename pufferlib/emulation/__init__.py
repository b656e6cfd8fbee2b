"""One-line wrappers that make environments flat: flat observations, flat actions, a constant number of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pufferlib.emulation._buffers import Buffers
from pufferlib.emulation._emulate import emulate
from pufferlib.emulation._gymnasium import GymnasiumPufferEnv

if TYPE_CHECKING:
    from pufferlib.emulation._pettingzoo import PettingZooPufferEnv

__all__ = ["Buffers", "GymnasiumPufferEnv", "PettingZooPufferEnv", "emulate"]


def __getattr__(name: str) -> Any:
    """Imports the PettingZoo wrapper on first use: PettingZoo is optional."""
    if name == "PettingZooPufferEnv":
        from pufferlib.emulation._pettingzoo import PettingZooPufferEnv

        return PettingZooPufferEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
