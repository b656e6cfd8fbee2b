"""A secret of some bits, and a consolation that leads away from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class PasswordConfig(NativeConfig):
    """How long the secret is."""

    length: int = 8
    """Bits of the secret, 2-16."""

    consolation: float = 0.1
    """Paid for a first bit that is wrong, 0-1."""

    def check(self) -> None:
        """Refuses what can't be played."""
        if not 2 <= self.length <= 16:
            raise ConfigError("length", f"it is {self.length}.", "Choose 2-16.")
        if not 0 <= self.consolation < 1:
            raise ConfigError("consolation", f"it is {self.consolation}.", "Choose a number from 0 to 1.")


class Password(NativeEnv):
    """Asks for a secret bit by bit and pays only if all of them were right; a wrong first bit pays a little at once.

    The secret is always the same and nothing hints at it: only a policy that keeps trying everything types it by
    chance, once in 2 ** length episodes, before it has learned to live on the consolation.

    - Observation: (length,) float32: 1 at the place of the bit that is asked for; zeros when all were given.
    - Actions: 0 or 1.
    - Reward: 1 at the end if all bits are right; `consolation` at once for a first bit of 0, which is wrong.
    - Score: 1 if all are right, else 0.
    - End: a terminal after `length` steps.
    - Optimum: 1. Random play scores 2 ** -length.
    - Catches: exploration that is broken: actions that aren't sampled, an entropy bonus that is missing or has the
      wrong sign.
    """

    name = "password"
    Config = PasswordConfig
    numbers = ("score",)
    keys = {"left": 0, "right": 1}  # noqa: RUF012

    @classmethod
    def spec(cls, config: PasswordConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (config.length,), np.float32),
            action_space=Discrete(2),
            num_agents=1,
            frame=(12, 6 * config.length + 2),
            render_fps=4,
        )

    @classmethod
    def optimum(cls, config: PasswordConfig) -> float:
        """Returns the best mean return of an episode."""
        return 1.0
