"""A row of arms, one of which pays: the one whose symbol is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class BanditConfig(NativeConfig):
    """How many arms there are."""

    arms: int = 4
    """Arms, and symbols, 2-16."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(arms=(2, 16))


class Bandit(NativeEnv):
    """Shows a symbol; the arm of that symbol pays 1, the others nothing. One pull, and the episode is over.

    An episode is one step and the next symbol has nothing to do with the last one: whatever is stored a step too early
    or too late, or in another row, is noise. What is observed after the pull is all zeros, so a policy that is given
    last observations in the place of first ones is blind.

    - Observation: (arms,) float32: 1 at the symbol.
    - Actions: which arm to pull.
    - Reward and score: 1 for the symbol's arm, else 0.
    - End: a terminal after every step.
    - Optimum: 1. Random play gets 1 / arms.
    - Catches: observations misaligned with actions; rewards shifted by a step; an autoreset that is off by one; with
      batches of some of the environments, results that are put into other rows.
    """

    name = "bandit"
    Config = BanditConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"1": 0, "2": 1, "3": 2, "4": 3}

    @classmethod
    def spec(cls, config: BanditConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (config.arms,), np.float32),
            action_space=Discrete(config.arms),
            frame=(16, 8 * config.arms),
            render_fps=4,
        )
