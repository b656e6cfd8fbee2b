"""What is special about classic control: nothing is changed, whatever the action space."""

from __future__ import annotations

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

import pufferlib.environments.classic_control as adapter


def test_names__are_gymnasiums_classic_control():
    """All ids whose code is in that package are listed, outdated versions included."""
    assert adapter.names() == [
        "Acrobot-v1",
        "CartPole-v0",
        "CartPole-v1",
        "MountainCar-v0",
        "MountainCarContinuous-v0",
        "Pendulum-v1",
    ]


def test_make__outdated_versions_warn():
    """Gymnasium's advice to use CartPole-v1 reaches the user."""
    with pytest.warns(DeprecationWarning, match="CartPole-v0 is out of date"):
        adapter.make("CartPole-v0").close()


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_make__changes_nothing_about_a_box(name):
    """Spaces, observations, rewards and ends are those of gymnasium.make, bit for bit."""
    ours, theirs = adapter.make(name), gymnasium.make(name)
    theirs.action_space.seed(1)
    assert ours.single_observation_space == theirs.observation_space
    assert ours.single_action_space == theirs.action_space
    np.testing.assert_array_equal(ours.reset(seed=2)[0], theirs.reset(seed=2)[0], strict=True)
    for _ in range(300):
        action = theirs.action_space.sample()
        got, expected = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(got[0], expected[0], strict=True)
        assert got[1:4] == expected[1:4]
        if got[2] or got[3]:
            np.testing.assert_array_equal(ours.reset()[0], theirs.reset()[0], strict=True)


def test_make__time_limit_is_a_truncation():
    """A pendulum never fails: its episodes are cut after 200 steps, and the statistics say so."""
    with adapter.make("Pendulum-v1") as env:
        env.reset(seed=0)
        steps = [env.step(np.zeros(1, np.float32)) for _ in range(200)]

    assert [step[3] for step in steps] == [False] * 199 + [True]
    assert not any(step[2] for step in steps)
    assert steps[-1][4]["episode"] == {"r": pytest.approx(sum(step[1] for step in steps)), "l": 200}


def test_render__is_silent_without_a_display():
    """A frame comes on a machine without any display, nothing is written to stderr, and no variable stays set."""
    code = (
        "import os, pufferlib.environments.classic_control as adapter\n"
        "env = adapter.make('CartPole-v1', render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "assert env.render().shape == (400, 600, 3)\n"
        "assert 'SDL_VIDEODRIVER' not in os.environ\n"
        "env.close()\n"
    )
    names = {"DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "SDL_VIDEODRIVER"}
    environ = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environ)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_render__keeps_the_users_driver(monkeypatch):
    """SDL_VIDEODRIVER is the user's: where it is set, it stays as it is."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "offscreen")
    with adapter.make("Pendulum-v1", render_mode="rgb_array") as env:
        env.reset(seed=0)
        assert env.render().any()

    assert os.environ["SDL_VIDEODRIVER"] == "offscreen"
