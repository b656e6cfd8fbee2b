"""Infos of native environments: numbers that look like a list of dicts to whoever asks for one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from native_play import sample_actions
from pufferlib.training.episodes import iterate_sources
from pufferlib.vector._infos import EndInfo, EpisodeFormat, EpisodeInfos, is_silent, join_infos

SINGLE = EpisodeFormat(("score",), None)
TEAM = EpisodeFormat((), ("agent_0", "agent_1"))


def episodes(num_envs, format, *records, is_split=False):
    """Builds infos."""
    width = 3 + len(format.numbers)
    return EpisodeInfos(num_envs, np.array(records, np.float64).reshape(-1, width), format, is_split)


def test_infos__equal_a_list_of_dicts():
    """Comparing, indexing, slicing and iterating are those of a list."""
    infos = episodes(3, SINGLE, [1, 2.5, 7, 0.5])
    ended = {"episode": {"r": 2.5, "l": 7}, "score": 0.5}

    assert infos == [{}, ended, {}]
    assert infos != [{}, {}, ended]
    assert (len(infos), infos[1], infos[-2], infos[:2], list(infos)) == (3, ended, ended, [{}, ended], [{}, ended, {}])
    assert type(infos[1]["episode"]["l"]) is int
    assert infos[1] is infos[1]
    assert repr(infos) == repr([{}, ended, {}])
    with pytest.raises(IndexError):
        infos[3]


def test_infos__name_the_agents():
    """With several agents, the episode is under the name of whose it was."""
    infos = episodes(2, TEAM, [1, 1, 4], [2, 2, 4], [3, 3, 4])

    assert infos[0] == {"agent_1": {"episode": {"r": 1.0, "l": 4}}}
    assert list(infos[1]) == ["agent_0", "agent_1"]


def test_infos__stay_apart_where_gymnasium_wants_it():
    """Split infos are pairs: the end's, and the empty one of the reset."""
    infos = episodes(2, SINGLE, [0, 1, 2, 3], is_split=True)

    assert infos[0] == EndInfo({"episode": {"r": 1.0, "l": 2}, "score": 3.0}, {})
    assert infos[1] == {}


@pytest.mark.parametrize("format", [SINGLE, TEAM])
def test_infos__join_and_pickle(format):
    """Parts of consecutive environments become one sequence; a pickle holds numbers, not dicts."""
    width = 3 + len(format.numbers)
    parts = [episodes(2, format, range(1, width + 1)), episodes(3, format), episodes(1, format, [0] * width)]
    joined = join_infos(parts)

    assert joined == [info for part in parts for info in part]
    assert pickle.loads(pickle.dumps(joined)) == joined
    assert len(pickle.dumps(EpisodeInfos(65536, np.zeros((10, width)), format))) < 1000
    assert join_infos([parts[1], [{"a": 1}]]) == [{}, {}, {}, {"a": 1}]
    assert [is_silent(part) for part in (parts[0], parts[1], [{}], [{"a": 1}])] == [False, True, True, False]


@pytest.mark.parametrize("format", [SINGLE, TEAM])
def test_training__reads_the_same_episodes_from_both_forms(format):
    """The trainer's way past the dicts gives what the dicts give."""
    width = 3 + len(format.numbers)
    infos = episodes(4, format, *([row, *range(row, row + width - 1)] for row in (0, 2, 3)))

    assert list(iterate_sources(infos)) == list(iterate_sources(list(infos)))
    assert len(list(iterate_sources(infos))) == 3


@pytest.mark.parametrize("name", pufferlib.ocean.names())
def test_pool__counts_every_episode(name):
    """Return and length of each agent's episode are the sums of what the batches said, ends included."""
    with pufferlib.vector.make(pufferlib.ocean.env_creator(name), num_envs=4) as pool:
        rng = np.random.default_rng(1)
        pool.async_reset(seed=2)
        *_, mask = pool.recv()
        mask = mask.copy()
        returns, lengths = np.zeros(pool.num_agents), np.zeros(pool.num_agents, np.int64)
        for _ in range(300):
            pool.send(sample_actions(pool, pool.num_agents, rng))
            batch = pool.recv()
            returns += batch.rewards
            lengths += mask
            ended = np.flatnonzero(batch.terminals | batch.truncations)
            found = {
                env * (pool.num_agents // 4) + (0 if agent is None else int(agent.removeprefix("agent_"))): episode
                for env, agent, episode in iterate_sources(batch.infos)
            }
            assert sorted(found) == ended.tolist()
            for row in ended:
                assert found[row].episode_return == pytest.approx(returns[row], abs=1e-9)
                assert found[row].length == lengths[row]
                assert set(found[row].numbers) == set(pufferlib.ocean.load(name).numbers)
            returns[ended] = 0
            lengths[ended] = 0
            mask = batch.mask.copy()
