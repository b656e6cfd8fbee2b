"""What is special about Craftax: compiled once, textures without files, limits that are truncations, achievements."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("craftax")
pytest.importorskip("jax")

import pufferlib.environments.craftax as adapter
from pufferlib.exceptions import ConfigError, UnknownEnvironment

pytestmark = pytest.mark.timeout(400)  # compiling takes a quarter of a minute on a machine that does nothing else
CLASSIC = "Craftax-Classic-Symbolic-v1"


def play(env: Any, seed: int, num_steps: int = 100) -> list[Any]:
    """Plays the same actions every time, over ends, and returns bytes of all observations, and all rewards."""
    rng = np.random.default_rng(0)
    results: list[Any] = [env.reset(seed=seed)[0].tobytes()]
    for _ in range(num_steps):
        observation, reward, terminal, truncation, _ = env.step(int(rng.integers(17)))
        results.append((observation.tobytes(), reward, terminal, truncation))
        if terminal or truncation:
            results.append(env.reset()[0].tobytes())
    return results


def test_names__are_craftaxs_games():
    """Four games: Classic and the whole one, symbols and pixels."""
    assert adapter.names() == [
        "Craftax-Classic-Pixels-v1",
        "Craftax-Classic-Symbolic-v1",
        "Craftax-Pixels-v1",
        "Craftax-Symbolic-v1",
    ]
    with pytest.raises(UnknownEnvironment, match="Craftax-Classic-Symbolic-v1"):
        adapter.make("Craftax-Classic-Symbolic-v0")


def test_game__is_compiled_once_for_all():
    """Environments of one game share the compiled functions, whatever their options, and whatever they show."""
    first, second = adapter.make(CLASSIC), adapter.make(CLASSIC, max_timesteps=3, day_length=10)
    for env in (first, second):
        env.reset(seed=0)
        env.step(0)
    game = first.env.unwrapped._game

    assert second.env.unwrapped._game is game
    assert adapter.make("Craftax-Classic-Pixels-v1").env.unwrapped._game is game
    assert (game.reset._cache_size(), game.step._cache_size()) == (1, 1)


def test_reset__seed_decides_everything():
    """The same seed gives the same world and course in a used and in a new environment, another seed another."""
    used, new = adapter.make(CLASSIC), adapter.make(CLASSIC)
    first = play(used, seed=1)

    assert play(used, seed=1) == first
    assert play(new, seed=1) == first
    assert play(new, seed=2) != first


def test_reset__without_a_seed_makes_another_world():
    """The next episode is played in a new world."""
    env = adapter.make(CLASSIC)

    assert (env.reset(seed=0)[0] != env.reset()[0]).any()


def test_step__time_limit_is_a_truncation():
    """Running out of steps cuts the episode; the game itself knows only one kind of end."""
    env = adapter.make(CLASSIC, max_timesteps=5)
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(5)]

    assert [step[2:4] for step in steps] == [(False, False)] * 4 + [(False, True)]
    assert steps[-1][4]["episode"]["l"] == 5


def test_step__death_is_a_terminal():
    """A player who sleeps through everything dies long before the limit."""
    env = adapter.make(CLASSIC)
    env.reset(seed=0)
    terminal = truncation = False
    while not (terminal or truncation):
        _, _, terminal, truncation, info = env.step(0)

    assert (terminal, truncation) == (True, False)
    assert 10 < info["episode"]["l"] < 10_000


def test_step__achievements_come_with_the_end():
    """Each of the 22 achievements is 0 or 1, and their number is that of the rewards for them."""
    env = adapter.make(CLASSIC, max_timesteps=300)
    rng, total = np.random.default_rng(3), 0
    for seed in range(10):
        env.reset(seed=seed)
        unlocked, info = 0, {}
        while "episode" not in info:
            assert info == {}
            _, reward, _, _, info = env.step(int(rng.integers(17)))
            unlocked += reward > 0.5  # an achievement is worth 1, a point of health a tenth
        each = [value for name, value in info.items() if name.startswith("achievement/")]
        assert len(each) == 22
        assert set(each) <= {0.0, 1.0}
        assert info["achievements"] == sum(each) >= unlocked
        total += unlocked

    assert total > 5


def test_make__options_are_the_games_parameters():
    """A parameter that the game doesn't have gets the nearest."""
    with pytest.raises(ConfigError, match="Did you mean max_timesteps"):
        adapter.make(CLASSIC, max_timestep=5)
    with pytest.raises(ConfigError, match="always_diamond"):
        adapter.make(CLASSIC, always_diamond=3)


def test_observation__is_a_copy():
    """JAX's own arrays can't be written to; what comes out here can."""
    env = adapter.make(CLASSIC)
    observation, _ = env.env.reset(seed=0)

    assert observation.flags.writeable
    assert observation.flags.owndata


def test_pixels__are_bytes_without_a_file(tmp_path):
    """Pixels come as bytes from textures that are made in memory: silent, nothing written, variables untouched."""
    code = (
        "import os, pathlib, craftax, numpy as np, gymnasium, pufferlib.environments.craftax as adapter\n"
        "folder, before = pathlib.Path(craftax.__file__).parent, dict(os.environ)\n"
        "files = lambda: {str(path) for path in folder.rglob('*') if path.suffix != '.pyc' and path.is_file()}\n"
        "there = files()\n"
        "env = adapter.make('Craftax-Classic-Pixels-v1', render_mode='rgb_array')\n"
        "observation, _ = env.reset(seed=0)\n"
        "assert observation.dtype == np.uint8 and observation.shape == (63, 63, 3)\n"
        "assert len(np.unique(observation)) > 20 and observation.max() > 200\n"
        "from craftax.craftax_classic.renderer import make_craftax_pixel_renderer\n"
        "game, state = env.env.unwrapped._game, env.env.unwrapped._state[1]\n"
        "with game._textures():\n"
        "    pixels = make_craftax_pixel_renderer(7)(state)\n"
        "assert np.abs(np.asarray(pixels) - observation).max() <= 0.501\n"
        "assert env.render().shape == (144, 144, 3)\n"
        "assert files() == there\n"
        "assert dict(os.environ) == before\n"
    )
    environ = {**os.environ, "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=390, env=environ
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
