"""What is taken in one episode is paid for in the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class AfterlifeConfig(NativeConfig):
    """How dear it is."""

    price: float = 2.0
    """Taken off the next episode's reward."""

    def check(self) -> None:
        """Refuses what can't be played."""
        if self.price <= 1:
            raise ConfigError("price", f"it is {self.price}.", "Choose a number above 1.")


class Afterlife(NativeEnv):
    """Lets the player take 1, and takes 2 off the next episode, in which nobody can tell.

    Episodes end after one step, and what happens after an end is no business of the one before: taking is right. A
    trainer whose advantages leak across ends learns to abstain.

    - Observation: (1,) float32, always 0.
    - Actions: 1 takes, 0 doesn't.
    - Reward: 1 for taking, less `price` if something was taken in the episode before.
    - Score: 1 for taking, else 0.
    - End: a terminal after every step.
    - Optimum: the return isn't what counts here: always taking gets 1 - price, never taking 0. Random play scores 0.5.
    - Catches: advantages or returns that leak across the end of an episode.
    """

    name = "afterlife"
    Config = AfterlifeConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}

    @classmethod
    def spec(cls, config: AfterlifeConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (1,), np.float32),
            action_space=Discrete(2),
            frame=(16, 16),
            render_fps=4,
        )
