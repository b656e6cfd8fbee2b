"""A prize now, or a larger one a step later, and then it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class TerminalConfig(NativeConfig):
    """How much larger the late prize is."""

    prize: float = 1.5
    """Paid at the second step."""

    def check(self) -> None:
        """Refuses what can't be played."""
        if self.prize <= 1:
            raise ConfigError("prize", f"it is {self.prize}.", "Choose a number above 1.")


class Terminal(NativeEnv):
    """Pays 1 at once or more a step later; either ends the episode, and what is seen then looks like its start.

    Within an episode the late prize is better: with gamma = 0.95, 1.43 instead of 1. A trainer that goes on after the
    end, with the value of what it sees there or of the next episode, gets more from many small prizes: 20 instead of
    14.6.

    - Observation: (2,) float32: one-hot: at the start, a step later. The last observation is that of the start.
    - Actions: 0 takes what there is, 1 waits; a step later both take.
    - Reward: 1 at the start, `prize` later.
    - Score: 1 for having waited, else 0.
    - End: a terminal with the reward.
    - Optimum: `prize`. Random play scores 0.5.
    - Catches: terminals that are treated as truncations or not at all; flags of ends that come a step late.
    """

    name = "terminal"
    Config = TerminalConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}

    @classmethod
    def spec(cls, config: TerminalConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (2,), np.float32),
            action_space=Discrete(2),
            frame=(16, 32),
            render_fps=4,
        )
