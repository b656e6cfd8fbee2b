"""What is special about Butterfly: blank pixels, a zombie timer that outlives its game, and shared pygame."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pettingzoo = pytest.importorskip("pettingzoo")
pytest.importorskip("pymunk")

import pufferlib.environments.butterfly as adapter  # noqa: E402 (after the skip)
from pufferlib.exceptions import UnsupportedSpace  # noqa: E402

KNIGHTS, PONG, PISTONS = "knights_archers_zombies_v11", "cooperative_pong_v6", "pistonball_v6"


def play(env: Any, seed: int | None, num_steps: int) -> list[dict[str, np.ndarray]]:
    """Plays the same actions every time and returns all observations."""
    observations = [env.reset(seed=seed)[0]]
    rng = np.random.default_rng(0)
    for _ in range(num_steps):
        if not env.agents:
            break
        observations.append(env.step({agent: int(rng.integers(3)) for agent in env.agents})[0])
    return observations


def equal(first: list[dict[str, np.ndarray]], second: list[dict[str, np.ndarray]]) -> bool:
    """Compares two lists of observations."""
    return all(
        a.keys() == b.keys() and all(np.array_equal(a[agent], b[agent]) for agent in a)
        for a, b in zip(first, second, strict=True)
    )


def test_names__are_the_three_games():
    """The games are listed as PettingZoo registers them."""
    assert adapter.names() == [PONG, KNIGHTS, PISTONS]


@pytest.mark.filterwarnings(
    "ignore:.*calling render method without specifying any render mode"
)  # PettingZoo, on itself
@pytest.mark.parametrize(("name", "options"), [(PONG, {}), (PISTONS, {"n_pistons": 5, "continuous": False})])
def test_pixels__show_the_game_without_a_render_mode(name, options):
    """PettingZoo draws these observations only when frames are wanted too; the adapter always wants them."""
    blank = play(pettingzoo.make("parallel", f"butterfly/{name}", **options), seed=1, num_steps=3)
    ours = play(adapter.make(name, **options), seed=1, num_steps=3)
    agent = next(iter(ours[0]))

    assert equal(blank[1:2], blank[2:3])
    assert len(np.unique(ours[0][agent])) > len(np.unique(blank[0][agent]))
    assert not np.array_equal(ours[1][agent], ours[3][agent])


def test_knights__same_seed_gives_the_same_game_again():
    """A second reset with the same seed repeats the first game, although the first ended between two zombies."""
    theirs = pettingzoo.make("parallel", f"butterfly/{KNIGHTS}")
    assert not equal(play(theirs, seed=5, num_steps=50), play(theirs, seed=5, num_steps=50))
    ours = adapter.make(KNIGHTS)

    assert equal(play(ours, seed=5, num_steps=50), play(ours, seed=5, num_steps=50))


def test_knights__keep_their_float64():
    """Observations are the environment's own, in its own dtype."""
    env = adapter.make(KNIGHTS)
    observations, _ = env.reset(seed=0)

    assert env.single_observation_space.dtype == np.float64
    assert {observation.dtype for observation in observations.values()} == {np.dtype(np.float64)}


def test_knights__sequences_are_emulated_up_to_their_maximum():
    """With obs_method="vector-sequence" every agent sees as many rows as things are near, and none is lost."""
    options = {"obs_method": "vector-sequence", "max_zombies": 4, "max_arrows": 3}
    env = adapter.make(KNIGHTS, **options)
    layout = env.emulated.observation
    assert layout.space.max_length == 2 + 2 + 4 + 2 + 3 + 1
    lengths = set()
    for flat in play(env, seed=3, num_steps=200):
        for agent, row in flat.items():
            lengths.add(len(layout.unpack(row)))
            if agent in env.agents:
                assert layout.unpack(row) in layout.space

    assert len(lengths) > 2


def test_make__deaths_are_reported_for_each_agent():
    """A knight's death ends its episode with its own statistics while the others go on."""
    env = adapter.make(KNIGHTS, spawn_delay=5, max_cycles=500)
    env.reset(seed=0)
    ends: dict[str, Any] = {}
    while env.agents:
        _, _, terminals, truncations, infos = env.step({agent: 5 for agent in env.agents})
        ends |= {agent: infos[agent]["episode"] for agent in terminals if terminals[agent] or truncations[agent]}

    assert ends.keys() == set(env.possible_agents)
    assert len({episode["l"] for episode in ends.values()}) > 1


def test_close__leaves_other_environments_alone():
    """Closing one game quits pygame, and the others still step, draw and reset."""
    for name in (PONG, KNIGHTS):
        first, second = adapter.make(name, render_mode="rgb_array"), adapter.make(name, render_mode="rgb_array")
        first.reset(seed=0)
        second.reset(seed=0)
        first.close()
        play(second, seed=0, num_steps=3)

        assert second.render().any()
        second.close()


def test_make__needs_no_display_and_leaves_the_process_as_it_was():
    """Frames come without SDL_VIDEODRIVER; neither it nor Python's bytecode switch is touched."""
    code = (
        "import os, sys, pufferlib.environments.butterfly as adapter\n"
        "for name in adapter.names():\n"
        "    env = adapter.make(name, render_mode='rgb_array')\n"
        "    env.reset(seed=0)\n"
        "    assert env.render().any()\n"
        "assert 'SDL_VIDEODRIVER' not in os.environ\n"
        "assert sys.dont_write_bytecode is False\n"
    )
    names = {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "PYTHONDONTWRITEBYTECODE"}
    environ = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, env=environ)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make__missing_physics_gives_the_command():
    """Where pymunk isn't installed, the error names it and the extra that brings it."""
    code = (
        "import sys\n"
        "sys.modules['pymunk'] = None\n"
        "import pufferlib.environments.butterfly as adapter\n"
        f"adapter.make({PISTONS!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)

    assert "MissingDependency: butterfly needs the package pymunk" in done.stderr
    assert "pip install 'pufferlib[butterfly]'" in done.stderr


def test_make__other_unbounded_sequences_are_still_refused():
    """The bound is the adapter's knowledge about this game; without it such a space can't be emulated."""
    import gymnasium

    from pufferlib.spaces import compile_layout

    with pytest.raises(UnsupportedSpace):
        compile_layout(gymnasium.spaces.Sequence(gymnasium.spaces.Box(-1, 1, (2,)), stack=True))
