"""What is special about Box2D: worlds that remember, frames as options, and statistics that say how far one got."""

from __future__ import annotations

import subprocess
import sys

import gymnasium
import numpy as np
import pytest

pytest.importorskip("Box2D")

import pufferlib.environments.box2d as adapter
from pufferlib.environments.box2d.environment import Box2DStats
from pufferlib.exceptions import ConfigError, UnknownEnvironment


def test_names__are_all_of_gymnasiums_box2d():
    """The lander and the walker in two kinds each, and the car."""
    assert adapter.names() == [
        "BipedalWalker-v3",
        "BipedalWalkerHardcore-v3",
        "CarRacing-v3",
        "LunarLander-v3",
        "LunarLanderContinuous-v3",
    ]


def test_make__imports_box2d_where_warnings_are_errors():
    """The binding warns of its own classes when it is imported, and crashes the process if that raises."""
    code = "import pufferlib.environments.box2d as adapter; adapter.make().close()"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make__unknown_options_and_names_are_answered_with_near_ones():
    """A slip names what is there: options of the game, and frames only where there are any."""
    with pytest.raises(UnknownEnvironment, match="LunarLander-v3"):
        adapter.make("LunarLander-v2")
    with pytest.raises(ConfigError, match="enable_wnd.*Did you mean enable_wind"):
        adapter.make("LunarLander-v3", enable_wnd=True)
    with pytest.raises(ConfigError, match="LunarLander-v3 has no such option"):
        adapter.make("LunarLander-v3", frame_stack=2)
    with pytest.raises(ConfigError, match="frame_skip: it can't be 0"):
        adapter.make("CarRacing-v3", frame_skip=0)


@pytest.mark.parametrize("name", ["LunarLander-v3", "BipedalWalker-v3"])
def test_make__changes_nothing_about_a_first_episode(name):
    """Spaces, observations, rewards and ends are those of gymnasium.make, bit for bit."""
    with adapter.make(name) as ours, gymnasium.make(name) as theirs:
        theirs.action_space.seed(1)
        assert ours.single_observation_space == theirs.observation_space
        np.testing.assert_array_equal(ours.reset(seed=2)[0], theirs.reset(seed=2)[0], strict=True)
        for _ in range(60):
            action = theirs.action_space.sample()
            got, expected = ours.step(action), theirs.step(action)
            np.testing.assert_array_equal(got[0], expected[0], strict=True)
            assert got[1:4] == expected[1:4]


def play(env: gymnasium.Env, seed: int, num_steps: int) -> bytes:
    """Plays at random and returns all observations."""
    seen = [env.reset(seed=seed)[0]]
    env.action_space.seed(seed)
    seen += [env.step(env.action_space.sample())[0] for _ in range(num_steps)]
    return np.stack(seen).tobytes()


def test_reset__a_used_world_plays_the_same_episode_again():
    """Gymnasium's walker differs in its second world; the adapter's doesn't, because every episode has a new one."""
    theirs, ours = gymnasium.make("BipedalWalker-v3"), adapter.make("BipedalWalker-v3")
    is_same = []
    for env in (theirs, ours):
        first = play(env, seed=5, num_steps=80)
        play(env, seed=6, num_steps=80)
        is_same.append(play(env, seed=5, num_steps=80) == first)
        env.close()

    assert is_same == [False, True]


def test_stats__lander_says_whether_it_landed():
    """A lander that does nothing crashes; one that sleeps on the ground at the end has landed."""
    with adapter.make("LunarLander-v3") as env:
        env.reset(seed=1)
        done, info = False, {}
        while not done:
            _, reward, done, _, info = env.step(np.int64(0))
        assert (reward, info["landed"]) == (-100, 0.0)

        stats = env.env
        assert isinstance(stats, Box2DStats)
        env.reset(seed=1)
        env.env.unwrapped.lander.awake = False
        for leg in env.env.unwrapped.legs:
            leg.awake = False
        *_, info = env.step(np.int64(0))
        assert info["landed"] == 1.0


def test_stats__walker_and_car_say_how_far_they_got():
    """The part of the course that was covered: some for a car on the road, hardly any for a falling walker."""
    with adapter.make("CarRacing-v3", max_episode_steps=60) as env:
        env.reset(seed=1)
        *_, truncated, info = [env.step(np.array([0, 0.5, 0], np.float32)) for _ in range(60)][-1]
        inner = env.env.unwrapped
        assert truncated
        assert info["progress"] == inner.tile_visited_count / len(inner.track) > 0
        assert info["lap_finished"] == 0.0
    with adapter.make("BipedalWalker-v3", max_episode_steps=20) as env:
        env.reset(seed=1)
        *_, info = [env.step(np.zeros(4, np.float32)) for _ in range(20)][-1]
        assert 0 <= info["progress"] < 0.05


def test_frames__skip_stack_and_gray():
    """Actions are repeated and rewards add up; frames are stacked with the newest last, one channel each."""
    action = np.array([0, 1, 0], np.float32)
    with (
        adapter.make("CarRacing-v3", frame_skip=3, frame_stack=2, grayscale=True) as ours,
        gymnasium.make("CarRacing-v3") as theirs,
    ):
        assert ours.observation_space.shape == (96, 96, 2)
        first, _ = ours.reset(seed=4)
        colour, _ = theirs.reset(seed=4)
        gray = (colour @ np.array([0.299, 0.587, 0.114])).round()
        assert np.abs(first - gray[..., None]).max() <= 1
        second, reward, *_ = ours.step(action)
        rewards = [theirs.step(action) for _ in range(3)]
        gray = (rewards[-1][0] @ np.array([0.299, 0.587, 0.114])).round()
        np.testing.assert_array_equal(second[..., 0], first[..., 1])
        assert np.abs(second[..., 1] - gray).max() <= 1
        assert reward == pytest.approx(sum(step[1] for step in rewards))
