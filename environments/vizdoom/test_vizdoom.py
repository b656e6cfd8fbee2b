"""What is special about ViZDoom: an engine in another process, pictures, ends, buttons with values, missing files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest

vizdoom = pytest.importorskip("vizdoom")
cv2 = pytest.importorskip("cv2")

import pufferlib.environments.vizdoom as adapter  # noqa: E402 (after the skip)
from pufferlib.environments.vizdoom._doom import LARGEST_DELTA  # noqa: E402
from pufferlib.exceptions import ConfigError, UnknownEnvironment  # noqa: E402

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Engines end with their parent on Linux only.")


def wait_until(condition, limit_s=20.0):
    """Waits until something is so, and says whether it became so in time."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def folder_of(env):
    """Finds the folder of an emulated environment's engine."""
    return env.env.env._folder


def test_names__are_all_scenarios_and_the_levels_of_freedoom():
    """Every scenario is listed, and every level of the WADs that come with ViZDoom, on its usual skill."""
    names = set(adapter.names())
    scenarios = {name for name in gymnasium.registry if name.startswith("Vizdoom") and name.endswith("-v1")}

    assert len(scenarios) >= 24
    assert scenarios <= names
    assert len([name for name in names if name.startswith("VizdoomFreedoom")]) == 36 + 32
    assert len(scenarios) + 36 + 32 == len(names)


def test_make__levels_can_be_made_on_every_skill():
    """The other skills' ids aren't listed but made, and the skill is the engine's."""
    with adapter.make("VizdoomFreedoom1E1M1-S5-v0") as env:
        assert env.env.unwrapped.game.get_doom_skill() == 5


def test_make__levels_of_doom_say_where_their_file_goes():
    """Doom's own levels are in files that one must own."""
    if (Path(vizdoom.root_path) / "doom2.wad").exists():
        pytest.skip("This machine has Doom II.")

    with pytest.raises(ConfigError, match=r"doom2\.wad.*Copy it to "):
        adapter.make("VizdoomDoom2MAP01-S3-v0")


def test_make__wrong_name_and_settings_are_named():
    """A wrong id, a wrong setting and a wrong value are refused, with the nearest right one."""
    with pytest.raises(UnknownEnvironment, match="VizdoomBasic-v1"):
        adapter.make("VizdoomBasik-v1")
    with pytest.raises(ConfigError, match="labels_buffer: .*labels_buffer_enabled"):
        adapter.make(labels_buffer=True)
    with pytest.raises(ConfigError, match="screen_resolution: it can't be 'RES_1X1'"):
        adapter.make(screen_resolution="RES_1X1")
    with pytest.raises(ConfigError, match="frame_skip: it can't be 0"):
        adapter.make(frame_skip=0)
    with pytest.raises(ConfigError, match="screen_height: it can't be 0"):
        adapter.make(screen_height=0)


def test_screen__is_the_engines_shrunk_by_area():
    """The picture that is observed is the one that is drawn, made smaller."""
    with adapter.make(render_mode="rgb_array") as env:
        seen = env.emulated.observation.unpack(env.reset(seed=0)[0])["screen"]
        drawn = env.render()

    assert drawn.shape == (120, 160, 3)
    np.testing.assert_array_equal(seen, cv2.resize(drawn, (80, 60), interpolation=cv2.INTER_AREA))


def test_labels__are_not_mixed():
    """Labels are numbers of things: shrinking picks them, as a mean would invent other things."""
    options = {"labels_buffer_enabled": True, "screen_height": 30}
    with adapter.make(**options) as env, adapter.make(**{**options, "screen_height": None}) as full:
        small, large = (e.emulated.observation.unpack(e.reset(seed=0)[0])["labels"] for e in (env, full))

    assert small.shape == (30, 40, 1)
    assert set(np.unique(small)) <= set(np.unique(large))


def test_actions__of_buttons_with_values_are_bounded():
    """Deathmatch's axes turn by degrees that a policy can choose from, and turn indeed."""
    with adapter.make("VizdoomDeathmatch-v1", screen_height=None, screen_resolution="RES_320X240") as env:
        layout = env.emulated.action
        assert layout.space["continuous"] == gymnasium.spaces.Box(-LARGEST_DELTA, LARGEST_DELTA, (3,), np.float32)
        screens = []
        for degrees in (0.0, 12.5):
            env.reset(seed=0)
            for turn in (0, 0, 0, 0, 0, 0, degrees):  # nobody can turn in the first half second
                action = {"binary": np.int64(0), "continuous": np.array([0, turn, 0], np.float32)}
                observation, *_ = env.env.step(action)
            screens.append(observation["screen"])

    assert screens[0].shape == (240, 320, 3)
    assert (screens[0] != screens[1]).mean() > 0.3


def test_reset__the_first_map_is_drawn():
    """The first episode of an engine shows the same map as the same episode later."""
    with adapter.make("VizdoomFreedoom2MAP01-S3-v0") as env:
        first, again = (env.emulated.observation.unpack(env.reset(seed=7)[0])["automap"] for _ in range(2))

    assert first.any()
    np.testing.assert_array_equal(first, again)


def test_step__running_out_of_time_is_a_truncation():
    """The limit is a cut, with an observation to bootstrap from, and the info tells what was done."""
    with adapter.make(episode_timeout=50) as env:
        env.reset(seed=0)
        over, last, steps = False, None, 0
        while not over:
            before = last
            last, _, terminated, truncated, info = env.step(0)
            over, steps = terminated or truncated, steps + 1

    assert (terminated, truncated) == (False, True)
    assert env.emulated.observation.unpack(last)["screen"].any()
    np.testing.assert_array_equal(before, last)
    assert info["episode"]["l"] == steps
    assert (info["killcount"], info["health"], info["ammo2"]) == (0, 100, 50)


def test_step__winning_is_a_terminal():
    """Who shoots the monster ends the scenario."""
    with adapter.make() as env:
        env.reset(seed=0)
        env.action_space.seed(0)
        ends = []
        while not any(terminated for terminated, *_ in ends):
            _, reward, terminated, truncated, info = env.step(env.action_space.sample())
            if terminated or truncated:
                ends.append((terminated, truncated, reward, info["killcount"]))
                env.reset()

    terminated, truncated, reward, kills = ends[-1]
    assert not truncated
    assert reward > 90
    assert kills == 1


def test_engine__writes_nothing_into_the_working_directory(tmp_path, monkeypatch):
    """Its settings, and the folder that it makes, are in a folder of their own, which goes with it."""
    monkeypatch.chdir(tmp_path)
    env = adapter.make()
    env.reset(seed=0)
    folder = folder_of(env)
    assert folder.is_dir()
    env.close()
    env.close()

    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_engine__of_a_lost_environment_ends():
    """An environment that nobody holds takes its engine and its folder along."""
    env = adapter.make()
    env.reset(seed=0)
    folder, game = folder_of(env), env.env.unwrapped.game
    assert game.is_running()
    del env
    import gc

    gc.collect()
    assert not game.is_running()
    assert not folder.exists()


def start_orphan_to_be():
    """Starts a Python that plays, and gives it, its engine's process and the name of their shared memory."""
    code = (
        "import sys, pufferlib.environments.vizdoom as adapter\n"
        "env = adapter.make()\n"
        "env.reset(seed=0)\n"
        "print((env.env.env._folder / 'instance').read_text(), env.env.env._folder, flush=True)\n"
        "sys.stdin.read()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    parent = subprocess.Popen([sys.executable, "-c", code], **pipes)
    instance, folder = parent.stdout.readline().split()
    engines = Path(f"/proc/{parent.pid}/task").glob("*/children")
    (engine,) = [int(child) for children in engines for child in children.read_text().split()]
    assert instance in Path(f"/proc/{engine}/cmdline").read_text()
    return parent, engine, instance, Path(folder)


def is_alive(process):
    """Says whether a process runs; one that ended and wasn't waited for doesn't."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@LINUX
def test_engine__dies_with_a_parent_that_is_killed():
    """After SIGKILL there is no engine, and no shared memory with a name."""
    parent, engine, instance, folder = start_orphan_to_be()
    assert is_alive(engine)
    assert not any(instance in path.name for path in Path("/dev/shm").iterdir())
    with parent:
        os.kill(parent.pid, signal.SIGKILL)

    assert wait_until(lambda: not is_alive(engine))
    shutil.rmtree(folder)  # nobody is left to do it


@LINUX
def test_engine__ends_with_a_parent_that_forgets_to_close():
    """A program that simply ends leaves neither the engine nor its folder."""
    parent, engine, _, folder = start_orphan_to_be()
    with parent:
        parent.stdin.close()
        assert parent.wait(timeout=60) == 0

    assert wait_until(lambda: not is_alive(engine))
    assert not folder.exists()


@LINUX
def test_engine__runs_where_its_launcher_cannot(monkeypatch):
    """In a temporary folder that isn't executable, the engine is started without the launcher."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *arguments: False)
        env = adapter.make()
    with env:
        env.reset(seed=0)
        assert not (folder_of(env) / "instance").exists()
        assert env.env.unwrapped.game.is_running()


def test_make__is_silent_and_leaves_the_process_as_it_was():
    """Nothing is printed, and warning filters, signals and variables stay (but for pygame's greeting, switched off)."""
    code = (
        "import os, signal, warnings\n"
        "import pufferlib.environments.vizdoom as adapter\n"
        "def state():\n"
        "    variables = {k: v for k, v in os.environ.items() if k != 'PYGAME_HIDE_SUPPORT_PROMPT'}\n"
        "    return list(warnings.filters), variables, [signal.getsignal(n) for n in (2, 15)]\n"
        "before = state()\n"
        "env = adapter.make(render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "env.render()\n"
        "env.close()\n"
        "assert state() == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_policy__sees_pictures_and_variables():
    """Both the screen and the ammunition change what the policy says."""
    torch = pytest.importorskip("torch")
    with adapter.make() as env:
        layout = env.emulated.observation
        seen = layout.unpack(env.reset(seed=0)[0])
        changes = ({}, {"screen": 255 - seen["screen"]}, {"gamevariables": seen["gamevariables"] * 0})
        rows = np.stack([layout.pack({**seen, **change}) for change in changes])
        hidden, _ = adapter.Policy(env).encode_observations(torch.from_numpy(rows))

    assert not torch.equal(hidden[0], hidden[1])
    assert not torch.equal(hidden[0], hidden[2])
