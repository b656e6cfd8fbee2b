"""Two actions, to be played in a given share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class StochasticConfig(NativeConfig):
    """Which share, and how long it is watched."""

    steps: int = 64
    """Steps of an episode."""

    share: float = 0.75
    """Of action 0; above 0, below 1."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(steps=(1, None))
        if not 0 < self.share < 1:
            raise ConfigError("share", f"it is {self.share}.", "Choose a number between 0 and 1.")


class Stochastic(NativeEnv):
    """Pays for whichever of two actions was played too rarely so far; the policy doesn't see which.

    Always doing the same is as bad as tossing a fair coin: the best that a policy without memory can do is to toss a
    biased one.

    - Observation: (1,) float32, always 0.
    - Actions: 0, which should make up `share` of all, and 1.
    - Reward: 1 for the action that the episode has too little of, else 0.
    - Score: 1 - (error / (1 - share)) ** 2, at least 0, where error is how far the episode's share of 0 is from
      `share` (for a share below 0.5: divided by share).
    - End: a terminal after `steps` steps.
    - Optimum: a coin of 0.75 scores 0.954 in 64 steps on average. A fair one scores 0.17, always doing the same 0.
    - Catches: actions that aren't sampled, or from another distribution than the one that is rated; an entropy bonus
      that is far too large.
    """

    name = "stochastic"
    Config = StochasticConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}

    @classmethod
    def spec(cls, config: StochasticConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (1,), np.float32),
            action_space=Discrete(2),
            frame=(20, 64),
            render_fps=15,
        )
