"""Rows of agents that come, stay, end and vanish, against rows written the plain way, one by one."""

from __future__ import annotations

import gymnasium
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pettingzoo import ParallelEnv

from pufferlib.emulation import Buffers, PettingZooPufferEnv

AGENTS = ["a", "b", "c"]
# What an agent does in a step: it is live after it, ends in it, was cut, says nothing, or isn't there.
FATES = st.sampled_from(["live", "live", "live", "live", "dies", "cut", "vanishes", "absent"])
EPISODES = st.lists(st.lists(st.tuples(FATES, FATES, FATES), min_size=1, max_size=12), min_size=1, max_size=3)


class Scripted(ParallelEnv):
    """Agents whose fates are written down; observations and rewards count the steps."""

    metadata = {"name": "scripted"}
    render_mode = None

    def __init__(self, episodes):
        self.possible_agents = AGENTS
        self.episodes = iter(episodes)
        self.agents = []
        self.count = 0

    def observation_space(self, agent):
        """Two numbers."""
        return gymnasium.spaces.Box(0, 1e6, (2,), np.float32)

    def action_space(self, agent):
        """One of three."""
        return gymnasium.spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        """Begins with all agents."""
        self.script = iter(next(self.episodes))
        self.agents = list(AGENTS)
        return self.observe(self.agents), {agent: {} for agent in self.agents}

    def observe(self, agents):
        """Numbers that tell agent and step."""
        self.count += 1
        return {agent: np.array([AGENTS.index(agent), self.count], np.float32) for agent in agents}

    def step(self, actions):
        """Does what is written for this step; the last one ends all."""
        fates = dict(zip(AGENTS, next(self.script, ("cut",) * 3), strict=True))
        was = set(actions)
        seen = [
            agent for agent in AGENTS if fates[agent] == "live" or (agent in was and fates[agent] in ("dies", "cut"))
        ]
        self.agents = [agent for agent in seen if fates[agent] == "live"]
        rewards = {agent: self.count + 0.5 * AGENTS.index(agent) for agent in seen}
        terminals = {agent: fates[agent] == "dies" for agent in seen}
        truncations = {agent: fates[agent] == "cut" for agent in seen}
        return self.observe(seen), rewards, terminals, truncations, {agent: {} for agent in seen}


@settings(deadline=None, max_examples=300)
@given(EPISODES)
def test_step_into__steps_without_comings_and_goings_are_written_the_same(episodes):
    """The short way for steps in which nobody comes or goes leaves the same bytes as the long one."""
    quick, plain = (PettingZooPufferEnv(env=Scripted(episodes)) for _ in range(2))
    plain._is_steady = lambda result: False
    rows = [Buffers.allocate(3, env.single_observation_space) for env in (quick, plain)]
    for env, buffers in zip((quick, plain), rows, strict=True):
        env.attach(buffers)
    for _ in episodes:
        quick.reset_into()
        plain.reset_into()
        while True:
            for name in ("observations", "rewards", "terminals", "truncations", "mask", "final_observations"):
                np.testing.assert_array_equal(getattr(rows[0], name), getattr(rows[1], name), err_msg=name)
            assert quick.agents == plain.agents
            assert quick.episode_over == plain.episode_over
            if quick.episode_over:
                break
            assert quick.step_into(np.zeros(3, np.int64)) == plain.step_into(np.zeros(3, np.int64))
