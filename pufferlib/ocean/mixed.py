"""A tool, a mode and two amounts in one action."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class MixedActionsConfig(NativeConfig):
    """How exact one has to be."""

    tolerance: float = 1.0
    """Error of an amount that pays nothing, in half ranges."""

    def check(self) -> None:
        """Refuses what can't be played."""
        if self.tolerance <= 0:
            raise ConfigError("tolerance", f"it is {self.tolerance}.", "Choose a number above 0.")


class MixedActions(NativeEnv):
    """Shows which tool to pick, how to set it, and how much to measure out, twice; all of it is one action.

    The parts of the action have different sizes, types and bounds, so none of them can stand in for another.

    - Observation: (7,) float32: the amounts' targets (2, in half ranges from the centre), the mode (2, one-hot), the
      tool (3, one-hot).
    - Actions: a Dict of `amounts`, (2,) float32 within 0 to 10 and -20 to -10, `mode`, 0-1, and `tool`, 0-2.
    - Reward and score: the mean over the four parts: 1 or 0 for mode and tool, 1 - (error / tolerance) ** 2, at least
      0, for an amount.
    - End: a terminal after every step.
    - Optimum: 1. Random play scores 0.48.
    - Catches: mixed actions that are mis-packed: discrete and continuous parts in the wrong order or of the wrong
      type.
    """

    name = "mixed"
    Config = MixedActionsConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: MixedActionsConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(-1, 1, (7,), np.float32),
            action_space=Dict(
                {
                    "amounts": Box(np.array([0, -20], np.float32), np.array([10, -10], np.float32)),
                    "mode": Discrete(2),
                    "tool": Discrete(3),
                }
            ),
            frame=(32, 64),
            render_fps=4,
        )
