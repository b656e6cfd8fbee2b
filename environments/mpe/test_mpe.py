"""What is special about MPE: agents of different kinds, and pygame that all games share."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("mpe2")

import mpe2  # noqa: E402 (after the skip)

import pufferlib.environments.mpe as adapter  # noqa: E402
from pufferlib.exceptions import ConfigError, UnknownEnvironment  # noqa: E402

LISTENER, TAG, SPREAD = "simple_speaker_listener_v4", "simple_tag_v3", "simple_spread_v3"


def play_through(env: Any, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Plays one episode at random and returns the infos of each agent's last step."""
    env.reset(seed=seed)
    last: dict[str, dict[str, Any]] = {}
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        _, _, terminals, truncations, infos = env.step(actions)
        last |= {agent: infos[agent] for agent in infos if terminals[agent] or truncations[agent]}
    return last


def test_names__are_the_twelve_games():
    """The games are listed by the names of their modules, versions included."""
    names = adapter.names()

    assert len(names) == 12
    assert {SPREAD, TAG, LISTENER, "simple_v3", "collect_treasure_v1"} <= set(names)


def test_make__like_agents_stay_as_they_are():
    """Where all agents have the same spaces, nothing is padded."""
    env = adapter.make(SPREAD)

    assert env.single_observation_space == mpe2.simple_spread_v3.parallel_env().observation_space("agent_0")
    assert env.single_action_space == gymnasium.spaces.Discrete(5)


def test_make__pads_unlike_agents_and_says_who_they_are():
    """A speaker's 3 numbers and a listener's 11 become 11, and two entries tell the kinds apart."""
    env = adapter.make(LISTENER)
    theirs = mpe2.simple_speaker_listener_v4.parallel_env()
    ours, original = env.reset(seed=3)[0], theirs.reset(seed=3)[0]

    assert env.kinds == ("speaker", "listener")
    assert np.array_equal(ours["speaker_0"], [*original["speaker_0"], *[0] * 8, 1, 0])
    assert np.array_equal(ours["listener_0"], [*original["listener_0"], 0, 1])
    assert env.legal_actions.tolist() == [[True, True, True, False, False], [True] * 5]


def test_make__actions_that_an_agent_lacks_count_as_zero():
    """The speaker has three words; whatever else it is told to say is the first one."""
    worlds = [adapter.make(LISTENER) for _ in range(2)]
    for env in worlds:
        env.reset(seed=0)
    first, second = (
        env.step({"speaker_0": word, "listener_0": 1})[0] for env, word in zip(worlds, (0, 4), strict=True)
    )

    assert np.array_equal(first["listener_0"], second["listener_0"])


def test_make__extra_continuous_entries_are_ignored():
    """With continuous actions all agents have the longest vector, and a speaker's last two entries do nothing."""
    worlds = [adapter.make(LISTENER, continuous_actions=True) for _ in range(2)]
    for env in worlds:
        assert env.single_action_space.shape == (5,)
        env.reset(seed=0)
    still, word = np.zeros(5, np.float32), np.array([0, 1, 0, 0, 0], np.float32)
    noise = word + np.array([0, 0, 0, 1, 1], np.float32)
    first = worlds[0].step({"speaker_0": word, "listener_0": still})[0]
    second = worlds[1].step({"speaker_0": noise, "listener_0": still})[0]

    assert np.array_equal(first["listener_0"], second["listener_0"])


def test_make__options_reach_the_game():
    """Number of agents and length of an episode are the game's own options."""
    env = adapter.make(TAG, num_good=2, num_adversaries=4, max_cycles=7)
    infos = play_through(env)

    assert len(env.possible_agents) == 6
    assert {info["episode"]["l"] for info in infos.values()} == {7}


def test_infos__hold_the_games_own_numbers():
    """At the end, spread tells how many landmarks are covered, and tag how many catches there are."""
    spread, tag = play_through(adapter.make(SPREAD)), play_through(adapter.make(TAG))

    assert all({"episode", "collisions", "distance", "occupied_landmarks"} <= info.keys() for info in spread.values())
    assert all(isinstance(info["catches"], float) for info in tag.values())


def test_close__leaves_other_games_alone():
    """Closing one game doesn't quit pygame under the others, which still write their messages."""
    first, second = (adapter.make("simple_reference_v3", render_mode="rgb_array") for _ in range(2))
    first.reset(seed=0)
    second.reset(seed=0)
    first.render()
    first.close()

    assert len(np.unique(second.render())) > 2
    second.close()


def test_make__prints_nothing():
    """From nothing, neither pygame nor the game greets the user."""
    code = "import pufferlib.environments.mpe as adapter; adapter.make().reset(seed=0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make__wrong_names_are_answered_with_the_nearest():
    """A game or an option that doesn't exist is an error that names one that does."""
    with pytest.raises(UnknownEnvironment, match="simple_spread_v3"):
        adapter.make("simple_spraed_v3")
    with pytest.raises(ConfigError, match="max_cycles"):
        adapter.make(SPREAD, max_cycle=3)


def test_policy__never_takes_an_action_that_the_agent_lacks():
    """Words that a speaker doesn't have get no probability, for rows without an agent all stay possible."""
    torch = pytest.importorskip("torch")
    env = adapter.make(LISTENER)
    observations = np.stack([*env.reset(seed=0)[0].values(), np.zeros(13, np.float32)])
    logits, _ = adapter.Policy(env)(torch.as_tensor(observations))

    assert torch.isinf(logits).tolist() == [[False] * 3 + [True] * 2, [False] * 5, [False] * 5]
