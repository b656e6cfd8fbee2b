"""Four numbers to be set, each within bounds of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class ContinuousConfig(NativeConfig):
    """How exact one has to be."""

    tolerance: float = 1.0
    """Error that pays nothing, in half ranges."""

    def check(self) -> None:
        """Refuses what can't be played."""
        if self.tolerance <= 0:
            raise ConfigError("tolerance", f"it is {self.tolerance}.", "Choose a number above 0.")


class Continuous(NativeEnv):
    """Shows four targets and pays for numbers that come close to them.

    Each number has bounds of its own: -1 to 1, 0 to 10, -30 to -10, 100 to 500. The targets are given in units of half
    a range from its centre. Numbers that are mixed up, scaled for another entry or clipped to bounds of another one
    can't reach them.

    - Observation: (4,) float32: the targets, -1 to 1.
    - Actions: (2, 2) float32 within the bounds above, row by row; what lies outside is clipped.
    - Reward and score: 1 - the mean of (error / tolerance) ** 2 over the four, each at most 1; errors in half ranges.
    - End: a terminal after every step.
    - Optimum: 1. Uniformly random numbers score 0.54.
    - Catches: continuous actions that are mis-packed, scaled wrongly or clipped wrongly; densities of a normal
      distribution that are wrong.
    """

    name = "continuous"
    Config = ContinuousConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: ContinuousConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(-1, 1, (4,), np.float32),
            action_space=Box(np.array([[-1, 0], [-30, 100]], np.float32), np.array([[1, 10], [-10, 500]], np.float32)),
            frame=(26, 64),
            render_fps=4,
        )
