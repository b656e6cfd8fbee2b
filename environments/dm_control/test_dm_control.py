"""What is special about the control suite: dm_env's ends, seeds of everything, pixels, and frames without a display."""

from __future__ import annotations

import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

pytest.importorskip("dm_control")

import pufferlib.environments.dm_control as adapter
from pufferlib.environments.dm_control._suite import import_suite
from pufferlib.environments.dm_control.environment import ControlSuite
from pufferlib.exceptions import ConfigError, UnknownEnvironment

pytestmark = pytest.mark.timeout(120)  # the software renderer is slow
WITHOUT_DISPLAY = {
    name: value
    for name, value in os.environ.items()
    if name not in {"DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM"}
}


def play(env: gymnasium.Env, seed: int, num_steps: int = 12) -> bytes:
    """Plays at random and returns all observations and rewards."""
    seen = [env.reset(seed=seed)[0].tobytes()]
    env.action_space.seed(seed)
    for _ in range(num_steps):
        observation, reward, *_ = env.step(env.action_space.sample())
        seen += [observation.tobytes(), np.float64(reward).tobytes()]
    return b"".join(seen)


def test_names__are_all_tasks():
    """Every pair of a domain and a task of the suite has a name."""
    assert adapter.names() == sorted("-".join(pair) for pair in import_suite().ALL_TASKS)
    assert len(adapter.names()) >= 51


def test_make__unknown_options_and_names_are_answered_with_near_ones():
    """A slip names what is there."""
    with pytest.raises(UnknownEnvironment, match="cheetah-run"):
        adapter.make("cheetah-walk")
    with pytest.raises(ConfigError, match="pixels.*Did you mean from_pixels"):
        adapter.make("cheetah-run", pixels=True)
    with pytest.raises(ConfigError, match="time_limit: it can't be -1"):
        adapter.make("cheetah-run", time_limit=-1)
    with pytest.raises(ConfigError, match="render_mode: it can't be 'human'"):
        adapter.make("cheetah-run", render_mode="human")


@pytest.mark.parametrize(
    "name",
    ["lqr-lqr_2_1", "quadruped-escape", "fish-swim", "manipulator-insert_peg", "point_mass-hard", "finger-turn_easy"],
)
def test_reset__a_used_simulation_plays_the_same_episode_again(name):
    """Tasks that change their model, or draw it, give the same for the same seed, used or new."""
    with adapter.make(name) as env, adapter.make(name) as other:
        first = play(env, seed=5)
        assert play(env, seed=6) != first
        assert play(env, seed=5) == first
        assert play(other, seed=5) == first


def test_reset__leaves_numpys_global_generator_alone():
    """Seeds reach the task's own generator only."""
    before = np.random.get_state()[1].tolist()
    with adapter.make("walker-walk") as env:
        play(env, seed=1)

    assert np.random.get_state()[1].tolist() == before


def test_step__time_limit_is_a_truncation():
    """The suite's own limit leaves the discount at 1, so the last step is cut, not terminal."""
    with adapter.make("cheetah-run", time_limit=0.1) as env:
        env.reset(seed=0)
        steps = [env.step(np.zeros(6, np.float32)) for _ in range(10)]

    assert [step[3] for step in steps] == [False] * 9 + [True]
    assert not any(step[2] for step in steps)
    assert steps[-1][4]["episode"]["l"] == 10


def test_step__discount_zero_is_a_terminal():
    """LQR ends for good when its state has come to rest."""
    with adapter.make("lqr-lqr_2_1") as env:
        env.reset(seed=0)
        with env.env.unwrapped.physics.reset_context() as physics:
            physics.data.qpos[:] = 0
        _, _, terminal, truncation, _ = env.step(np.zeros(1, np.float32))

    assert (terminal, truncation) == (True, False)


def test_step__a_simulation_that_diverges_ends_the_episode():
    """A state that MuJoCo gives up on cuts the episode, says so, and the next one is fine."""
    with adapter.make("lqr-lqr_2_1") as env:
        first, _ = env.reset(seed=0)
        observation, reward, terminal, truncation, info = env.step(np.full(1, 1e30, np.float32))
        assert (reward, terminal, truncation, info["diverged"]) == (0, False, True, 1.0)
        np.testing.assert_array_equal(observation, first)
        again, _ = env.reset(seed=0)
        np.testing.assert_array_equal(again, first)


def test_step__repeats_actions_and_adds_rewards():
    """A skip of four is four control steps with the same action."""
    action = np.full(6, 0.3, np.float32)
    with adapter.make("walker-walk", frame_skip=4) as four, adapter.make("walker-walk") as one:
        four.reset(seed=2)
        one.reset(seed=2)
        observation, reward, *_ = four.step(action)
        steps = [one.step(action) for _ in range(4)]
        np.testing.assert_array_equal(observation, steps[-1][0])
        assert reward == pytest.approx(sum(step[1] for step in steps))


def test_spaces__are_those_of_the_task():
    """The observation is the task's own dict; rewards of the suite lie in 0..1."""
    with adapter.make("hopper-hop") as env:
        space = env.emulated.observation.space
        assert {key: box.shape for key, box in space.items()} == {"position": (6,), "touch": (2,), "velocity": (7,)}
        observation, _ = env.reset(seed=0)
        unpacked = env.emulated.observation.unpack(observation)
        task = env.env.unwrapped
        assert isinstance(task, ControlSuite)
        np.testing.assert_array_equal(unpacked["velocity"], task.physics.velocity())
        rewards = [env.step(env.action_space.sample())[1] for _ in range(50)]
        assert all(0 <= reward <= 1 for reward in rewards)


def test_pixels__stack_the_newest_last():
    """Frames are what the camera sees now; the first stands for those before it; shadows can be left out."""
    options = {"from_pixels": True, "height": 24, "width": 32, "frame_skip": 8}
    with (
        adapter.make("pendulum-swingup", **options) as env,
        adapter.make("pendulum-swingup", shadows=False, **options) as flat,
    ):
        assert env.observation_space.shape == (24, 32, 9)
        first, _ = env.reset(seed=1)
        second, *_ = env.step(np.ones(1, np.float32))
        for channel in (3, 6):
            np.testing.assert_array_equal(first[..., channel : channel + 3], first[..., :3])
        np.testing.assert_array_equal(second[..., :6], first[..., 3:])
        assert (second[..., 6:] != first[..., 6:]).any()
        assert (flat.reset(seed=1)[0] != first).any()


def test_render__is_silent_without_a_display():
    """Nothing is set, nothing is said, and frames of several simulations, and of Gymnasium's, don't mix."""
    code = (
        "import os\n"
        "import pufferlib.environments.dm_control as adapter\n"
        "before = dict(os.environ)\n"
        "envs = [adapter.make(name, render_mode='rgb_array') for name in ('pendulum-swingup', 'reacher-easy')]\n"
        "for env in envs: env.reset(seed=1)\n"
        "first = [env.render() for env in envs]\n"
        "assert first[0].shape == (240, 320, 3)\n"
        "import gymnasium\n"
        "from pufferlib.environments._mujoco import OffScreenMujoco\n"
        "robot = OffScreenMujoco(gymnasium.make('InvertedPendulum-v5', render_mode='rgb_array', width=32, height=32))\n"
        "robot.reset(seed=0); robot.render()\n"
        "assert all((env.render() == frame).all() for env, frame in zip(envs, first))\n"
        "robot.close()\n"
        "assert all((env.render() == frame).all() for env, frame in zip(envs, first))\n"
        "envs[0].close(); envs[0].close()\n"
        "assert (envs[1].render() == first[1]).all()\n"
        "envs[1].close()\n"
        "assert dict(os.environ) == before\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=WITHOUT_DISPLAY)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make__needs_nothing_to_draw_with_until_a_frame_is_drawn():
    """Physics alone, the escape's terrain included, loads no OpenGL library; MUJOCO_GL=off is respected."""
    code = (
        "import sys\n"
        "import pufferlib.environments.dm_control as adapter\n"
        "env = adapter.make('quadruped-escape', render_mode='rgb_array')\n"
        "env.reset(seed=1)\n"
        "assert 'OpenGL' not in sys.modules\n"
        "try: env.render()\n"
        "except RuntimeError as error: print(error)\n"
    )
    for variables, printed in (({}, ""), ({"MUJOCO_GL": "off"}, "No OpenGL rendering backend is available.\n")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=100,
            env={**WITHOUT_DISPLAY, **variables},
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")
