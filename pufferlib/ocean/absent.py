"""Agents that are there for a step or two of many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class AbsentConfig(NativeConfig):
    """How many agents there are, and when."""

    agents: int = 8
    """Agents, 1-16."""

    steps: int = 24
    """Steps within which they arrive, at least 1."""

    prize: float = 2.0
    """Paid on the field."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(agents=(1, 16), steps=(1, None))
        if self.prize <= 1:
            raise ConfigError("prize", f"it is {self.prize}.", "Choose a number above 1.")


class Absent(NativeEnv):
    """Lets agents arrive at a gate at random times; each takes 1 there, or 2 on the field behind it, and goes.

    The field looks like nothing at all: all zeros, as an absent agent's slot does. With gamma = 0.7 it is worth 2, so
    1.4 at the gate, more than the 1 there. A trainer that also learns from the empty slots, some 15 of 16, where
    nothing is ever paid, takes the field for worthless. (That needs an advantage that looks at values: gae_lambda =
    0.)

    - Observation: (2,) float32: (1, 0) at the gate, zeros on the field; (0, 1) for agent_0, who queues until all
      others have gone.
    - Actions: 0 takes what there is, 1 goes on to the field; there both take. In the queue neither does anything.
    - Reward: 1 at the gate, `prize` on the field.
    - Score: 1 for each agent that went to the field, else 0.
    - End: a terminal for an agent with its reward; the episode is over when all have gone.
    - Optimum: `prize` an agent. Random play scores 0.5.
    - Catches: slots without an agent that are trained on.
    """

    name = "absent"
    Config = AbsentConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: AbsentConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (2,), np.float32),
            action_space=Discrete(2),
            num_agents=config.agents,
            frame=(8, 6 * config.agents + 2),
            render_fps=4,
        )
