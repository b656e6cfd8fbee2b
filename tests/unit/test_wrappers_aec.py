"""AEC environments as parallel ones: in cycles, in turns, with agents that end in the middle."""

import gymnasium
import numpy as np
import pettingzoo
import pytest
from pettingzoo import AECEnv
from pettingzoo.test import parallel_api_test
from pettingzoo.utils import AgentSelector
from pettingzoo.utils.conversions import aec_to_parallel as pettingzoo_aec_to_parallel
from pettingzoo.utils.conversions import parallel_to_aec

import pufferlib.vector
from pufferlib.exceptions import EmulationError
from pufferlib.wrappers import AECToParallel, aec_to_parallel
from vector_envs import Crowd


class Round(AECEnv):
    """Three agents act one after the other; the action KILL ends the next agent; the game ends after four cycles.

    Whoever acts gets the action as reward; the observation is (cycle, own index).
    """

    KILL = 4
    metadata = {"name": "round", "is_parallelizable": True, "render_modes": []}
    render_mode = None

    def __init__(self, takes_turns=False):
        """Acts in cycles, or in turns."""
        super().__init__()
        self.metadata = {**self.metadata, "is_parallelizable": not takes_turns}
        self.possible_agents = ["a", "b", "c"]
        self.agents = []

    def observation_space(self, agent):
        """A pair of counts."""
        return self._observation_space

    def action_space(self, agent):
        """Four harmless actions and one that kills."""
        return self._action_space

    _observation_space = gymnasium.spaces.Box(0, 100, (2,), np.float32)
    _action_space = gymnasium.spaces.Discrete(5)

    def reset(self, seed=None, options=None):
        """Lets all agents in."""
        self.agents = list(self.possible_agents)
        self.cycle = 0
        self.rewards = dict.fromkeys(self.agents, 0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {"n": 0} for agent in self.agents}
        self._selector = AgentSelector(self.agents)
        self.agent_selection = self._selector.next()

    def observe(self, agent):
        """Gives cycle and index."""
        return np.array([self.cycle, self.possible_agents.index(agent)], np.float32)

    def step(self, action):
        """Lets one agent act, or removes it if it ended."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            self._selector.reinit([a for a in self.possible_agents if a in self.agents])
            if self.agents:
                later = [a for a in self.agents if self.possible_agents.index(a) > self.possible_agents.index(agent)]
                self.agent_selection = (later or self.agents)[0]
                while self._selector.next() != self.agent_selection:
                    pass
            return
        self._clear_rewards()
        self.rewards[agent] = float(action)
        position = self.agents.index(agent)
        if action == self.KILL:
            self.terminations[self.agents[(position + 1) % len(self.agents)]] = True
        if self._selector.is_last():
            self.cycle += 1
            if self.cycle == 4:
                self.truncations = dict.fromkeys(self.agents, True)
        self.agent_selection = self._selector.next()
        self._accumulate_rewards()


def test_aec__a_cycle_is_a_step():
    """Parallelizable environments step all agents at once."""
    env = AECToParallel(Round())
    observations, infos = env.reset(seed=1)
    result = env.step({"a": 1, "b": 2, "c": 3})

    assert not env.takes_turns
    assert {agent: row.tolist() for agent, row in observations.items()} == {"a": [0, 0], "b": [0, 1], "c": [0, 2]}
    assert infos == {"a": {"n": 0}, "b": {"n": 0}, "c": {"n": 0}}
    assert result[0]["b"].tolist() == [1, 1]
    assert result[1] == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert set(result[2].values()) == set(result[3].values()) == {False}


def test_aec__ends_come_with_the_last_observation():
    """The step in which all end reports it; then nobody is left."""
    env = AECToParallel(Round())
    env.reset()
    for _ in range(4):
        observations, _, terminations, truncations, _ = env.step(dict.fromkeys(env.agents, 0))

    assert (set(terminations.values()), set(truncations.values())) == ({False}, {True})
    assert observations["c"].tolist() == [4, 2]
    assert env.agents == []


def test_aec__an_agent_killed_before_its_turn_is_reported():
    """It doesn't act any more in this cycle, and its end isn't lost."""
    env = AECToParallel(Round())
    env.reset()
    _, rewards, terminations, _, infos = env.step({"a": Round.KILL, "b": 3, "c": 2})

    assert terminations == {"a": False, "b": True, "c": False}
    assert rewards == {"a": 4.0, "b": 0.0, "c": 2.0}
    assert infos.keys() == {"a", "b", "c"}
    assert env.agents == ["a", "c"]
    assert env.step({"a": 1, "c": 1})[1] == {"a": 1.0, "c": 1.0}


def test_aec__an_agent_killed_after_its_turn_is_reported():
    """It acted, was paid, and ends with the cycle."""
    env = AECToParallel(Round())
    env.reset()
    _, rewards, terminations, _, _ = env.step({"a": 1, "b": 1, "c": Round.KILL})

    assert terminations == {"a": True, "b": False, "c": False}
    assert rewards == {"a": 1.0, "b": 1.0, "c": 4.0}
    assert env.agents == ["b", "c"]


def test_aec__turns_use_one_agents_action():
    """Otherwise one step is one agent's turn; the infos say whose is next."""
    env = AECToParallel(Round(takes_turns=True))
    env.reset()
    _, rewards, _, _, infos = env.step({"a": 1, "b": 2, "c": 3})
    _, more, _, _, _ = env.step({"b": 2})

    assert env.takes_turns
    assert rewards == {"a": 1.0, "b": 0.0, "c": 0.0}
    assert {info["active_agent"] for info in infos.values()} == {"b"}
    assert more == {"a": 0.0, "b": 2.0, "c": 0.0}
    assert "active_agent" not in env.env.infos["a"]


def test_aec__a_missing_action_is_an_error():
    """Who acts needs an action; the error says who."""
    env = AECToParallel(Round())
    env.reset()

    with pytest.raises(EmulationError, match="no action for agent 'b'"):
        env.step({"a": 1})


def test_aec__an_environment_that_breaks_the_cycle_is_an_error():
    """Metadata that promise cycles must keep them; the error says what to set."""

    class Skips(Round):
        def step(self, action):
            super().step(action)
            self.agent_selection = "c"

    env = AECToParallel(Skips())
    env.reset()

    with pytest.raises(EmulationError, match="is_parallelizable"):
        env.step(dict.fromkeys("abc", 0))


@pytest.mark.parametrize("takes_turns", [False, True])
def test_aec__conforms_to_pettingzoo(takes_turns):
    """The converted environment passes PettingZoo's own test."""
    parallel_api_test(AECToParallel(Round(takes_turns)), num_cycles=50)


def test_aec__agrees_with_pettingzoos_converter():
    """Without deaths in a cycle both converters give the same."""
    ours, theirs = AECToParallel(Round()), pettingzoo_aec_to_parallel(Round())
    ours.reset()
    theirs.reset()
    while theirs.agents:
        actions = {agent: index for index, agent in enumerate(theirs.agents)}
        one, other = ours.step(actions), theirs.step(actions)

        assert [{agent: row.tolist() for agent, row in part[0].items()} for part in (one, other)][0] == {
            agent: row.tolist() for agent, row in other[0].items()
        }
        assert one[1:4] == (dict(other[1]), *other[2:4])
        assert ours.agents == theirs.agents


def test_aec_to_parallel__gives_back_a_parallel_environment():
    """An AEC environment that was made from a parallel one is unwrapped, any other is converted."""
    crowd = Crowd()

    assert aec_to_parallel(parallel_to_aec(crowd)) is crowd
    assert isinstance(aec_to_parallel(Round()), AECToParallel)


@pytest.mark.parametrize("name", ["classic/tictactoe_v3", "classic/connect_four_v3"])
def test_aec__board_games_play_to_the_end(name):
    """Real turn-based games run in a pool, legal moves taken from the observation."""
    aec = pettingzoo.make("aec", name)
    env = aec_to_parallel(aec)
    rng = np.random.default_rng(0)
    observations, _ = env.reset(seed=0)
    total = dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        legal = np.flatnonzero(observations[aec.agent_selection]["action_mask"])
        observations, rewards, _, _, _ = env.step(dict.fromkeys(env.agents, int(rng.choice(legal))))
        for agent, reward in rewards.items():
            total[agent] += reward
    env.close()

    assert sorted(total.values()) in ([-1.0, 1.0], [0.0, 0.0])


def test_aec__runs_in_a_pool():
    """A converted environment is one like any other."""
    with pufferlib.vector.make(lambda: AECToParallel(Round()), num_envs=2) as envs:
        envs.reset()
        for _ in range(4):
            observations, rewards, _, truncations, _ = envs.step([0, 1, 2] * 2)

        assert rewards.tolist() == [0, 1, 2] * 2
        assert truncations.all()
        assert observations[:, 0].tolist() == [0] * 6
        assert envs.final_observations[:, 0].tolist() == [4] * 6
