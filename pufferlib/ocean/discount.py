"""A coin now, or more of them after a wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class DiscountConfig(NativeConfig):
    """What is offered, and after how long."""

    wait: int = 3
    """Steps between the choice and the late coins, 1-32."""

    little: float = 1.5
    """Late coins that aren't worth it."""

    much: float = 2.5
    """Late coins that are."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(wait=(1, 32))
        if self.little <= 1:
            raise ConfigError("little", f"it is {self.little}.", "Choose a number above 1.")
        if self.much <= self.little:
            raise ConfigError("much", f"it is {self.much}.", "Choose a number above little.")


class Discount(NativeEnv):
    """Offers 1 now or more later, and says which of two offers it is; what is right depends on the discount.

    With gamma = 0.8 the 2.5 that come 3 steps later are worth 1.28 now, and 1.5 are worth 0.77. So one is worth
    waiting for and the other isn't, for every gamma between 0.74 and 0.87, and for no other.

    - Observation: (2 + wait + 1,) float32: one-hot which offer it is (little, much), one-hot the steps waited.
    - Actions: 0 takes the coin, 1 waits; only the first one counts.
    - Reward: 1 at once, or `little` or `much` after waiting.
    - Score: 1 for the choice that is right at gamma = 0.8, else 0.
    - End: a terminal with the reward.
    - Optimum: 1.75 is the mean return of the right choices, not the best one without a discount. Random play scores
      0.5.
    - Catches: a discount that is wrong, applied twice or not at all; with short rollouts also values that come from
      another environment.
    """

    name = "discount"
    Config = DiscountConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}

    @classmethod
    def spec(cls, config: DiscountConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (3 + config.wait,), np.float32),
            action_space=Discrete(2),
            frame=(20, 6 * (config.wait + 2) + 2),
            render_fps=4,
        )
