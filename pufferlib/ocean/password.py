"""A secret of some bits to be guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class PasswordConfig(NativeConfig):
    """How long the secret is."""

    length: int = 10
    """Bits of the secret, 2-16."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(length=(2, 16))


class Password(NativeEnv):
    """Asks for a secret bit by bit and pays only if all of them were right.

    The secret is always the same and nothing hints at it: only a policy that tries everything types it by chance, once
    in 2 ** length episodes. One that takes what it believes best types the same again and again.

    - Observation: (length,) float32: 1 at the place of the bit that is asked for; zeros when all were given.
    - Actions: 0 or 1.
    - Reward and score: 1 at the end if all bits are right, else 0.
    - End: a terminal after `length` steps.
    - Optimum: 1. Random play scores 2 ** -length.
    - Catches: exploration that is broken, such as actions that aren't sampled in training; with so rare a reward also
      whatever loses single rewards.
    """

    name = "password"
    Config = PasswordConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}

    @classmethod
    def spec(cls, config: PasswordConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (config.length,), np.float32),
            action_space=Discrete(2),
            frame=(12, 6 * config.length + 2),
            render_fps=4,
        )
