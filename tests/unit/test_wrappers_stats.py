"""Episode statistics of single agents, of each agent, and averaged over agents."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

import pufferlib.wrappers
from pufferlib.emulation import GymnasiumPufferEnv, PettingZooPufferEnv
from pufferlib.wrappers import EpisodeStats, MeanOverAgents, MultiagentEpisodeStats
from pufferlib.wrappers._multiagent import mean_info
from vector_envs import Counter, Crowd


class FixedRewards(Counter):
    """A Counter that pays a given list of rewards."""

    def __init__(self, rewards, info=None, **kwargs):
        """Ends after the last reward."""
        super().__init__(length=len(rewards), **kwargs)
        self.rewards, self.info = rewards, info if info is not None else {}

    def step(self, action):
        """Pays the next reward."""
        observation, _, terminated, truncated, _ = super().step(action)
        return observation, self.rewards[self.count - 1], terminated, truncated, self.info


@pytest.mark.parametrize("cut", [False, True])
def test_episode_stats__come_with_the_last_step_only(cut):
    """Return and length appear once an episode, at either end, and start anew."""
    env = EpisodeStats(FixedRewards([1, 2.5, -4], cut=cut))
    for _ in range(2):
        env.reset()
        infos = [env.step(0)[4] for _ in range(3)]

        assert infos == [{}, {}, {"episode": {"r": -0.5, "l": 3}}]
    assert (type(infos[2]["episode"]["r"]), type(infos[2]["episode"]["l"])) == (float, int)


def test_episode_stats__keep_the_environments_info():
    """What the environment says stays, in the environment's own dict nothing is added."""
    said = {"score": np.int64(3), "name": "level 1"}
    env = EpisodeStats(FixedRewards([1], said))
    env.reset()
    info = env.step(0)[4]

    assert info == {"score": 3, "name": "level 1", "episode": {"r": 1.0, "l": 1}}
    assert said == {"score": 3, "name": "level 1"}


def test_episode_stats__leave_an_inner_wrappers_episode():
    """The innermost statistics win: they are those of the rewards before any shaping."""
    inner = EpisodeStats(FixedRewards([1, 1]))
    env = EpisodeStats(gymnasium.wrappers.TransformReward(inner, lambda reward: 10 * reward))
    env.reset()
    env.step(0)

    assert env.step(0)[4]["episode"] == {"r": 2.0, "l": 2}


def test_episode_stats__sum_in_full_precision():
    """float32 rewards are added up as Python floats."""
    rewards = [np.float32(16777216), np.float32(1), np.float32(1)]
    env = EpisodeStats(FixedRewards(rewards))
    env.reset()
    env.step(0)
    env.step(0)

    assert env.step(0)[4]["episode"]["r"] == 16777218.0


def test_episode_stats__a_reset_in_the_middle_starts_anew():
    """An abandoned episode counts for nothing."""
    env = EpisodeStats(FixedRewards([1, 1]))
    env.reset()
    env.step(0)
    env.reset(seed=3, options={"a": 1})
    env.step(0)

    assert env.step(0)[4]["episode"] == {"r": 2.0, "l": 2}
    assert (env.unwrapped.seed_value, env.unwrapped.options) == (3, {"a": 1})


def test_episode_stats__work_inside_emulation():
    """The emulated environment hands the statistics on."""
    env = GymnasiumPufferEnv(env=EpisodeStats(Counter(1)))
    env.reset()

    assert env.step(0)[4] == {"count": 1, "episode": {"r": 1.0, "l": 1}}


def test_multiagent_stats__come_when_an_agent_ends():
    """Every agent has its own return and length, from when it appeared to when it ended."""
    env = MultiagentEpisodeStats(Crowd())
    env.reset()
    infos = []
    while env.agents:
        infos.append(env.step(dict.fromkeys(env.agents, 1))[4])

    assert infos[0] == {"early": {}, "whole": {}, "late": {}, "ghost": {"episode": {"r": 31.0, "l": 1}, "last": 1}}
    assert infos[1]["early"] == {"episode": {"r": 2.0, "l": 2}, "last": 2}
    assert infos[3] == {
        "late": {"episode": {"r": 43.0, "l": 4}, "last": 4},
        "whole": {"episode": {"r": 84.0, "l": 4}},
    }


def test_multiagent_stats__start_anew_at_each_reset():
    """Nothing of an abandoned episode is left."""
    env = MultiagentEpisodeStats(Crowd())
    env.reset()
    env.step(dict.fromkeys(env.agents, 1))
    env.reset()
    env.reset()

    assert env.step(dict.fromkeys(env.agents, 1))[4]["ghost"]["episode"] == {"r": 31.0, "l": 1}


@pytest.mark.filterwarnings("ignore:No agents present")  # the ghost stays away in odd episodes
def test_multiagent_stats__conform_to_pettingzoo():
    """The wrapped environment passes PettingZoo's own test."""
    parallel_api_test(MultiagentEpisodeStats(Crowd()), num_cycles=30)


def test_mean_over_agents__averages_what_agents_have():
    """Each key is averaged over the agents that have it; texts and arrays are left out."""
    infos = [
        {"a": 1, "b": True, "episode": {"r": 2.0, "l": 3}, "name": "x", "image": np.zeros(3)},
        {"a": np.float32(2), "episode": {"r": 4.0, "l": 5}, "deep": {"er": {"x": 1, "y": "z"}}},
        {"c": np.array(7), "deep": {"er": {"x": 3}}, "none": None},
    ]

    assert mean_info(infos) == {
        "a": 1.5,
        "b": 1.0,
        "c": 7.0,
        "episode": {"r": 3.0, "l": 4.0},
        "deep": {"er": {"x": 2.0}},
    }


def test_mean_over_agents__empty_infos_stay_empty():
    """No agents, or none with numbers, give {}."""
    assert mean_info([]) == {}
    assert mean_info([{}, {"name": "x", "deep": {"er": "y"}}]) == {}


def test_mean_over_agents__a_key_that_is_both_number_and_dict_keeps_the_number():
    """Agents that disagree about a key don't break the mean."""
    assert mean_info([{"a": 1}, {"a": {"b": 2}}]) == {"a": 1.0}


def test_mean_over_agents__goes_through_emulation():
    """The emulated environment hands the one info on as it is."""
    env = PettingZooPufferEnv(env=MeanOverAgents(MultiagentEpisodeStats(Crowd())))
    _, info = env.reset(seed=1)
    assert info == {}

    *_, info = env.step(dict.fromkeys(env.agents, 1))
    assert info == {"episode": {"r": 31.0, "l": 1.0}, "last": 1.0}


def test_wrappers__list_their_public_names():
    """Lazy names are listed, found and nothing else is."""
    names = pufferlib.wrappers.__all__

    assert names == sorted(names)
    assert set(names) <= set(dir(pufferlib.wrappers))
    assert all(isinstance(getattr(pufferlib.wrappers, name), type) or name.islower() for name in names)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        pufferlib.wrappers.Nothing  # noqa: B018


def test_wrappers__without_pettingzoo_say_what_to_install():
    """Single-agent wrappers and pools work without PettingZoo; the others name the package when they are used."""
    code = """
import sys
sys.modules["pettingzoo"] = None  # as if it weren't installed
import pufferlib.vector, pufferlib.wrappers
from pufferlib.exceptions import MissingDependency
pufferlib.wrappers.EpisodeStats
assert "torch" not in sys.modules
try:
    pufferlib.wrappers.MeanOverAgents
except MissingDependency as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert result.stderr == ""
    assert result.stdout.strip().endswith("Run: pip install pettingzoo")
