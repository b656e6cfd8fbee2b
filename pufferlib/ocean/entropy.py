"""Two actions, one of which pays a little more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class EntropyConfig(NativeConfig):
    """How much more, and how long it is watched."""

    steps: int = 64
    """Steps of an episode."""

    premium: float = 0.2197
    """Paid for action 0."""

    share: float = 0.75
    """Of action 0 that scores best; above 0, below 1."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(steps=(1, None))
        if not 0 < self.share < 1:
            raise ConfigError("share", f"it is {self.share}.", "Choose a number between 0 and 1.")


class Entropy(NativeEnv):
    """Pays a small premium for one of two actions, and watches how often it is played.

    With an entropy bonus of weight b the best policy plays action 0 with odds of exp(premium / b): three to one at b =
    0.2, which is part of the task, with advantages that aren't normalized and gamma = 0. Without a bonus it plays
    nothing else, with too large a one it tosses a coin.

    - Observation: (1,) float32, always 0.
    - Actions: 0 and 1.
    - Reward: `premium` for 0, nothing for 1.
    - Score: 1 - (error / (1 - share)) ** 2, at least 0, where error is how far the episode's share of 0 is from
      `share` (for a share below 0.5: divided by share).
    - End: a terminal after `steps` steps.
    - Optimum: a coin of 0.75 scores 0.954 in 64 steps on average; the return isn't what counts. A fair one scores
      0.17, always doing the same 0.
    - Catches: an entropy bonus that is missing, has the wrong sign or the wrong weight.
    """

    name = "entropy"
    Config = EntropyConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}

    @classmethod
    def spec(cls, config: EntropyConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (1,), np.float32),
            action_space=Discrete(2),
            frame=(20, 64),
            render_fps=15,
        )
