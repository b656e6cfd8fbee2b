"""What is special about MuJoCo: which robots there are, and frames without a display from many contexts."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

pytest.importorskip("mujoco")

import pufferlib.environments.mujoco as adapter
from pufferlib.environments import _mujoco
from pufferlib.exceptions import ConfigError, MissingDependency, UnknownEnvironment

pytestmark = pytest.mark.timeout(120)  # the software renderer is slow


def test_names__are_v4_and_v5():
    """Eleven robots in two versions; Pusher-v4 is the one that MuJoCo 3 can't run."""
    names = adapter.names()
    robots = {name.rpartition("-")[0] for name in names}

    assert len(robots) == 11
    assert set(names) == {f"{robot}-v{version}" for robot in robots for version in (4, 5)} - {"Pusher-v4"}


def test_names__what_is_left_out_doesnt_work():
    """Gymnasium itself refuses every MuJoCo id that isn't listed."""
    left_out = {
        name
        for name in gymnasium.registry
        if name.rpartition("-")[0] in {name.rpartition("-")[0] for name in adapter.names()}
    } - set(adapter.names())

    assert {"Pusher-v4", "Hopper-v3", "Hopper-v2"} <= left_out
    for name in left_out:
        with pytest.raises((ImportError, gymnasium.error.Error)), pytest.warns(DeprecationWarning, match="out of date"):
            gymnasium.make(name)


def test_make__unknown_options_and_names_are_answered_with_near_ones():
    """Options of the robot and of its camera are known, others are refused."""
    with pytest.raises(UnknownEnvironment, match="Hopper-v5"):
        adapter.make("Hopper-v3")
    with pytest.raises(ConfigError, match="ctrl_cost_wight.*Did you mean ctrl_cost_weight"):
        adapter.make("HalfCheetah-v5", ctrl_cost_wight=0.2)
    adapter.make("HalfCheetah-v5", ctrl_cost_weight=0.2, width=64, max_episode_steps=10).close()


@pytest.mark.parametrize("name", ["HalfCheetah-v5", "Hopper-v5"])
def test_make__changes_nothing_about_a_robot(name):
    """Spaces, observations, rewards and ends are those of gymnasium.make, bit for bit."""
    with adapter.make(name) as ours, gymnasium.make(name) as theirs:
        theirs.action_space.seed(1)
        assert ours.single_observation_space == theirs.observation_space
        np.testing.assert_array_equal(ours.reset(seed=2)[0], theirs.reset(seed=2)[0], strict=True)
        for _ in range(100):
            action = theirs.action_space.sample()
            got, expected = ours.step(action), theirs.step(action)
            np.testing.assert_array_equal(got[0], expected[0], strict=True)
            assert got[1:4] == expected[1:4]
            if got[2] or got[3]:
                np.testing.assert_array_equal(ours.reset()[0], theirs.reset()[0], strict=True)


def test_stats__say_how_far_a_robot_went():
    """The distance is along x from where the episode began; a pendulum has none."""
    with adapter.make("HalfCheetah-v5", max_episode_steps=30) as env:
        env.reset(seed=0)
        start = env.env.unwrapped.data.qpos[0]
        *_, info = [env.step(np.full(6, 0.5, np.float32)) for _ in range(30)][-1]
        assert info["distance"] == pytest.approx(env.env.unwrapped.data.qpos[0] - start)
    with adapter.make("InvertedPendulum-v5", max_episode_steps=1) as env:
        env.reset(seed=0)
        *_, info = env.step(np.zeros(1, np.float32))
        assert info["episode"]["l"] == 1
        assert "distance" not in info


def test_render__is_silent_without_a_display():
    """A frame comes on a machine without any display, nothing is written to stderr, and no variable stays set."""
    code = (
        "import os, pufferlib.environments.mujoco as adapter\n"
        "before = dict(os.environ)\n"
        "env = adapter.make('InvertedPendulum-v5', render_mode='rgb_array', width=64, height=48)\n"
        "env.reset(seed=0)\n"
        "frame = env.render()\n"
        "assert (frame.shape, frame.flags.c_contiguous) == ((48, 64, 3), True)\n"
        "assert len(set(frame.ravel().tolist())) > 10\n"
        "assert dict(os.environ) == before\n"
        "env.close()\n"
        "env.close()\n"
    )
    names = {"DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "MUJOCO_GL", "PYOPENGL_PLATFORM"}
    environ = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environ)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("adapter_name", ["mujoco", "dm_control", "metaworld"])
def test_render__triton_comes_before_mesa(adapter_name, tmp_path):
    """PyTorch's triton crashes the process if it is imported after Mesa's LLVM, which the first frame brings."""
    pytest.importorskip("gymnasium" if adapter_name == "mujoco" else adapter_name)
    (tmp_path / "triton.py").write_text('has_llvm = "libLLVM" in open("/proc/self/maps").read()\n')
    code = (
        "import sys\n"
        "from pufferlib.environments import make_creator\n"
        f"with make_creator('{adapter_name}', render_mode='rgb_array')() as env:\n"
        "    env.reset(seed=0)\n"
        "    assert env.render() is not None\n"
        "print(sys.modules['triton'].has_llvm)\n"
    )
    environ = os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, env=environ)

    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_render__other_contexts_dont_disturb():
    """Two robots that are drawn in turns, one of which is closed, look as if each were alone."""
    kinds = (("Reacher-v5", {"width": 64, "height": 48}), ("Humanoid-v5", {"width": 100, "height": 120}))
    alone = []
    for name, size in kinds:
        with adapter.make(name, render_mode="rgb_array", **size) as env:
            env.reset(seed=3)
            alone.append(env.render())
    reacher, humanoid = (adapter.make(name, render_mode="rgb_array", **size) for name, size in kinds)
    for env in (reacher, humanoid):
        env.reset(seed=3)
        env.render()

    np.testing.assert_array_equal(reacher.render(), alone[0])
    np.testing.assert_array_equal(humanoid.render(), alone[1])
    reacher.close()
    del reacher, env
    gc.collect()
    np.testing.assert_array_equal(humanoid.render(), alone[1])
    humanoid.close()


def test_needs_backend__leaves_the_choice_to_the_user(monkeypatch):
    """Nothing is chosen where MUJOCO_GL or a display is there."""
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert _mujoco.needs_backend() == sys.platform.startswith("linux")
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        with monkeypatch.context() as patch:
            patch.setenv(name, ":1")
            assert not _mujoco.needs_backend()


def test_find_backend__says_what_to_install(monkeypatch):
    """A machine without either library is told which Debian package brings one."""
    monkeypatch.setattr(_mujoco, "_LIBRARIES", {"egl": ("libnosuchthing.so.1",)})
    with pytest.raises(MissingDependency, match="apt-get install libegl1"):
        _mujoco.find_backend.__wrapped__()


def test_choosing_backend__says_which_driver_is_missing(monkeypatch):
    """A library without a device to draw on is answered with the packages that bring a driver."""
    monkeypatch.setattr(_mujoco, "needs_backend", lambda: True)
    monkeypatch.setattr(_mujoco, "find_backend", lambda: "egl")
    with pytest.raises(MissingDependency, match="apt-get install libegl1 libgl1-mesa-dri"), _mujoco.choosing_backend():
        assert os.environ["MUJOCO_GL"] == "egl"
        raise ImportError("Cannot initialize a EGL device display.")


def test_sheltered__puts_back_variables_after_an_error(monkeypatch):
    """What a block sets, and what MuJoCo's imports set inside, is gone after it."""
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    monkeypatch.delenv("PYOPENGL_PLATFORM", raising=False)
    with pytest.raises(KeyError), _mujoco.sheltered(MUJOCO_GL="egl"):
        assert os.environ["MUJOCO_GL"] == "egl"
        os.environ["PYOPENGL_PLATFORM"] = "egl"
        raise KeyError

    assert os.environ["MUJOCO_GL"] == "glfw"
    assert "PYOPENGL_PLATFORM" not in os.environ
