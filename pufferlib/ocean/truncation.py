"""A job that goes on for ever, of which only the beginning is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class TruncationConfig(NativeConfig):
    """How long it is seen, and what one gets for leaving."""

    limit: int = 2
    """Steps after which an episode is cut, at least 2."""

    pay_off: float = 3.0
    """Paid for leaving at the door."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(limit=(2, None))
        if self.pay_off <= 0:
            raise ConfigError("pay_off", f"it is {self.pay_off}.", "Choose a number above 0.")


class Truncation(NativeEnv):
    """Offers a job that pays 1 a step for ever, or a sum for leaving at once; every episode is cut soon.

    The cut isn't the end of the job. With gamma = 0.8 the job is worth 5 when one has it, so 4 at the door, and the 3
    for leaving are less. A trainer that takes the cut for the end sees 0.8, and one that goes on with the value of the
    next episode's first observation sees 2.7 at most.

    - Observation: (2,) float32: one-hot: at the door, in the job.
    - Actions: 0 takes the job, 1 leaves; in the job both work.
    - Reward: `pay_off` for leaving, 0 for taking the job, then 1 a step.
    - Score: 1 for taking the job, else 0.
    - End: a terminal after leaving, else a truncation after `limit` steps.
    - Optimum: the job; `limit` - 1 is what it pays before the cut. Random play scores 0.5.
    - Catches: truncations that are treated as terminals or not at all, or valued by the wrong observation.
    """

    name = "truncation"
    Config = TruncationConfig
    numbers = ("score",)
    keys: ClassVar[dict[str, int]] = {"left": 1, "right": 0}

    @classmethod
    def spec(cls, config: TruncationConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (2,), np.float32),
            action_space=Discrete(2),
            frame=(16, 32),
            render_fps=4,
        )
