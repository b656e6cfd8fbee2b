"""A structured observation, every leaf of which is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class SpacesConfig(NativeConfig):
    """How long an episode is."""

    steps: int = 1
    """Steps of an episode; each shows something new."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(steps=(1, None))


class Spaces(NativeEnv):
    """Shows four leaves of four types; each is the answer to one part of the action.

    A packed row has padding in two places and each leaf means something else when it is read at another offset, as
    another type or in another order.

    - Observation: a Dict of `height`, (1,) float32, and `nested`, a Dict of `bits`, MultiBinary(2), and `letter`,
      Discrete(5), and `votes`, (3,) uint8.
    - Actions: MultiDiscrete([2, 3, 4, 5]): whether the height is positive; which place has most votes; the number in
      bits, lowest first; the letter.
    - Reward and score: the share of right parts.
    - End: a terminal after `steps` steps.
    - Optimum: 1 a step. Random play scores 0.32.
    - Catches: structured observations that are mis-unpacked; multi-discrete actions that are mis-packed.
    """

    name = "spaces"
    Config = SpacesConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: SpacesConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Dict(
                {
                    "height": Box(-1, 1, (1,), np.float32),
                    "nested": Dict({"bits": MultiBinary(2), "letter": Discrete(5)}),
                    "votes": Box(0, 255, (3,), np.uint8),
                }
            ),
            action_space=MultiDiscrete([2, 3, 4, 5]),
            frame=(26, 32),
            render_fps=4,
        )
