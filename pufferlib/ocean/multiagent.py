"""Agents with a symbol each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class MultiagentConfig(NativeConfig):
    """How many agents, for how long."""

    agents: int = 4
    """Agents, and symbols, 2-16."""

    steps: int = 4
    """Steps of an episode."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(agents=(2, 16), steps=(1, None))


class Multiagent(NativeEnv):
    """Shows each agent a symbol of its own, which it has to name.

    No two agents see the same symbol, so what is right for one is wrong for all others: agents that are mixed up score
    0, worse than random ones.

    - Observation: (agents,) float32 for each agent: 1 at its symbol.
    - Actions: which symbol it is.
    - Reward: 1 for the right one, else 0.
    - Score: the share of right answers, for each agent.
    - End: a terminal for all of them after `steps` steps.
    - Optimum: `steps`. Random play scores 1 / agents.
    - Catches: actions, rewards or observations that are given to another agent of the same environment.
    """

    name = "multiagent"
    Config = MultiagentConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: MultiagentConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (config.agents,), np.float32),
            action_space=Discrete(config.agents),
            num_agents=config.agents,
            frame=(6 * config.agents + 2, 6 * config.agents + 2),
            render_fps=4,
        )
