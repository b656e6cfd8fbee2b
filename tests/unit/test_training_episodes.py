"""Episodes are read out of infos with all the numbers that the environment counts in their last step."""

import numpy as np

from pufferlib.training.episodes import Episode, iterate_episodes, mean_numbers

END = {"episode": {"r": 2.5, "l": 7}}


def test_iterate_episodes__keeps_numbers_and_nothing_else():
    """Numbers of Python and NumPy count; text, arrays, dicts and other steps' infos don't."""
    infos = [
        {},
        {"win": 1, "lives": 3},
        {**END, "win": True, "depth": np.int64(3), "x": np.float32(0.5), "name": "a", "inventory": {"wood": 1}},
        {**END, "position": np.zeros(2)},
    ]

    assert list(iterate_episodes(infos)) == [
        Episode(2.5, 7.0, {"win": 1.0, "depth": 3.0, "x": 0.5}),
        Episode(2.5, 7.0, {}),
    ]


def test_iterate_episodes__reads_each_agents_own_numbers():
    """With several agents, infos are by agent."""
    infos = [{"a": {**END, "kills": 2}, "b": {"kills": 9}, "c": {**END}}]

    assert list(iterate_episodes(infos)) == [Episode(2.5, 7.0, {"kills": 2.0}), Episode(2.5, 7.0, {})]


def test_mean_numbers__averages_over_those_that_have_one():
    """A number that only some episodes report isn't watered down by the others."""
    episodes = [Episode(0, 1, {"b": 1.0, "a": 4.0}), Episode(0, 1, {"b": 0.0}), Episode(0, 1)]

    assert mean_numbers(episodes) == {"a": 4.0, "b": 0.5}
    assert list(mean_numbers(episodes)) == ["a", "b"]
    assert mean_numbers([]) == {}
