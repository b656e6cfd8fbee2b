"""Targets on the edge of a square, to be reached from its middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class SquaredConfig(NativeConfig):
    """Options of `Squared`."""

    size: int = 11
    """Cells along an edge, odd, at least 3."""

    def check(self) -> None:
        """Refuses squares that have no middle."""
        if self.size < 3 or self.size % 2 == 0 or self.size > 255:
            raise ConfigError("size", f"it is {self.size}.", "Pass an odd number from 3 to 255.")


class Squared(NativeEnv):
    """The agent walks from the middle of a square to a cell of its edge, drawn anew each episode.

    Observation: Box(0, 2, (size, size), uint8), 1 where the agent is, 2 where the target is.
    Action: Discrete(5): stay, down, up, right, left.
    Reward: 1 in the step that reaches the target; else -distance / (4 * (size - 1)), distance in king's moves.
    End: terminal at the target; truncation after 4 * (size - 1) steps.
    Optimum: straight on, 1 - (the sum of the distances left on the way) / (4 * (size - 1)).
    Catches: a trainer that doesn't learn at all, or mixes up the observations of its environments.
    """

    name = "squared"
    Config = SquaredConfig
    numbers = ("reached",)
    keys: ClassVar[dict[str, int]] = {"down": 1, "up": 2, "right": 3, "left": 4}

    @classmethod
    def spec(cls, config: SquaredConfig) -> NativeSpec:
        """Describes a square of this size."""
        return NativeSpec(
            observation_space=Box(0, 2, (config.size, config.size), np.uint8),
            action_space=Discrete(5),
            frame=(config.size, config.size),
            render_fps=10,
        )
