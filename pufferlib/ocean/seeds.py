"""Worlds that differ by their seed alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class SeedsConfig(NativeConfig):
    """How many worlds there are."""

    worlds: int = 4
    """Different worlds, 2-16."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(worlds=(2, 16))


class Seeds(NativeEnv):
    """Shows the number of a world, which is to be named; an environment's seed decides which world it is in, for ever.

    Only environments with different seeds show all worlds. A policy that was trained in copies of one of them can't
    name the others.

    - Observation: (worlds,) float32: 1 at the world's number.
    - Actions: the number.
    - Reward and score: 1 for the right one, else 0.
    - End: a terminal after every step.
    - Optimum: 1. Random play scores 1 / worlds, a policy that knows one world about as much.
    - Catches: environments that share a seed.
    """

    name = "seeds"
    Config = SeedsConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: SeedsConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (config.worlds,), np.float32),
            action_space=Discrete(config.worlds),
            frame=(14, 6 * config.worlds + 2),
            render_fps=4,
        )
