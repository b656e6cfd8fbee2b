"""What is special about Procgen: it starts episodes by itself, hides why they ended, and takes seeds only when made."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

import pufferlib.environments.procgen as adapter
from pufferlib.environments.procgen import environment
from pufferlib.exceptions import ConfigError, MissingDependency, UnknownEnvironment

GAMES = adapter.names()
STILL = 4  # the action without a key


def game_of(env: Any) -> Any:
    """Procgen's own object inside."""
    return env.env.env._game


def read_state(state: bytes) -> tuple[int, int]:
    """Reads the time limit and the number of steps from a saved state."""
    stream = io.BytesIO(state)

    def number() -> int:
        return struct.unpack("<i", stream.read(4))[0]

    def numbers(count: int) -> list[int]:
        return [number() for _ in range(count)]

    number()  # version
    stream.read(number())  # name
    numbers(12 + 5)  # options, level range
    for _ in range(2):  # generators
        number()
        stream.read(number())
    numbers(3)  # reward, done, level complete
    _, time_limit = numbers(2)
    numbers(4 + 4)  # levels, last reward
    return time_limit, number()


def play(env: Any, num_steps: int, seed: int) -> list[Any]:
    """Plays the same random actions every time and returns all that came out, the resets' observations included."""
    rng = np.random.default_rng(0)
    results: list[Any] = [env.reset(seed=seed)]
    for _ in range(num_steps):
        results.append(env.step(int(rng.integers(15))))
        if results[-1][2] or results[-1][3]:
            results.append(env.reset())
    return results


def test_names__are_the_sixteen_games():
    """All games of the package are listed."""
    assert len(GAMES) == 16
    assert sorted(environment._import_procgen().env.ENV_NAMES) == GAMES


def test_import__leaves_the_process_as_it_was():
    """No gym, no ids that Gymnasium couldn't make, and no folder of somebody else's home on the import path."""
    adapter.make().close()

    assert "gym" not in sys.modules
    assert not [name for name in gymnasium.registry if name.startswith("procgen")]
    assert not [folder for folder in sys.path if "/google/" in folder]


@pytest.mark.parametrize("name", GAMES)
def test_time_limits__are_those_in_the_games_state(name):
    """The limit by which truncations are told from terminations is the one that the game itself counts up to."""
    env = adapter.make(name)
    env.reset(seed=0)
    env.step(STILL)

    assert read_state(game_of(env).get_state()[0]) == (env.env.env.time_limit, 1)


@pytest.mark.parametrize("name", ["maze", "leaper"])
def test_step__time_limit_is_a_truncation(name):
    """Who stands still for 500 steps is cut off: no termination, although Procgen only says that an episode began."""
    env = adapter.make(name, distribution_mode="easy")
    env.reset(seed=0)
    steps = [env.step(STILL) for _ in range(500)]

    assert [step[3] for step in steps] == [False] * 499 + [True]
    assert not any(step[2] for step in steps)
    assert steps[-1][4]["prev_level_complete"] == 0
    assert steps[-1][4]["episode"] == {"r": 0.0, "l": 500}


def test_step__solved_level_terminates():
    """Who finds the cheese gets its reward in the last step, which terminates and says that the level is solved."""
    env = adapter.make("maze", distribution_mode="easy", num_levels=20)
    ends = [step for step in play(env, 3000, seed=1) if len(step) == 5 and (step[2] or step[3])]
    solved = [step for step in ends if step[4]["prev_level_complete"]]

    assert solved
    assert all(step[2] and not step[3] and step[1] == 10.0 for step in solved)
    assert all(step[4]["episode"]["r"] == 10.0 for step in solved)


def test_episodes__are_those_of_the_original():
    """Rewards, ends and pictures are Procgen's own, one after the other: no episode is lost, none is shown twice."""
    env = adapter.make("bigfish", distribution_mode="easy")
    env.reset(seed=3)
    theirs = env.env.env._create(rand_seed=game_of(env).options["rand_seed"])
    _, pictures, first = theirs.observe()
    seen, _ = env.reset(seed=3)
    assert first[0]
    num_ends = 0
    for action in np.random.default_rng(1).integers(15, size=400):
        np.testing.assert_array_equal(seen, pictures["rgb"][0], strict=True)
        before = seen
        seen, reward, terminated, truncated, _ = env.step(int(action))
        theirs.act(np.array([action]))
        rewards, pictures, first = theirs.observe()
        assert reward == rewards[0]
        assert (terminated or truncated) == first[0]
        if first[0]:
            num_ends += 1
            np.testing.assert_array_equal(seen, before)  # the last picture stays away
            seen, _ = env.reset()
    theirs.close()

    assert num_ends > 1


def test_reset__early_gives_the_level_up():
    """A reset in the middle of an episode goes on to another level; one right after the end doesn't skip any."""
    env = adapter.make("coinrun")
    _, first = env.reset(seed=5)
    assert env.reset()[1] == first
    env.step(STILL)
    _, second = env.reset()

    assert second["level_seed"] != first["level_seed"]
    assert env.reset()[1] == second


def test_reset__same_seed_gives_the_same_levels():
    """A seed fixes the row of levels, in a used game as in a new one; another seed gives others."""
    first, second = adapter.make("miner"), adapter.make("miner")
    rows = [play(first, 300, seed=7), play(first, 300, seed=7), play(second, 300, seed=7)]
    for row in rows[1:]:
        for ours, others in zip(row, rows[0], strict=True):
            np.testing.assert_array_equal(ours[0], others[0])
            assert ours[1:] == others[1:]

    assert first.reset(seed=8)[1] != rows[0][0][1]


def test_reset__unseeded_games_differ():
    """Without a seed, two games have different levels."""
    levels = {adapter.make("miner").reset()[1]["level_seed"] for _ in range(4)}

    assert len(levels) == 4


def test_levels__come_from_the_chosen_ones():
    """`start_level` and `num_levels` bound the levels that episodes are played in."""
    env = adapter.make("coinrun", start_level=40, num_levels=3)
    levels = set()
    for seed in range(12):
        levels.add(env.reset(seed=seed)[1]["level_seed"])

    assert levels == {40, 41, 42}


def test_sequential_levels__go_on_in_the_same_episode():
    """A solved level is followed by the next; infos of every step name it, and each level has its own time limit."""
    env = adapter.make("maze", distribution_mode="easy", start_level=3, num_levels=1, use_sequential_levels=True)
    solved = [step for step in play(env, 3000, seed=1) if len(step) == 5 and step[4]["prev_level_complete"]]
    ends = [step for step in play(env, 3000, seed=1) if len(step) == 5 and (step[2] or step[3])]

    assert solved
    assert not any(step[2] or step[3] for step in solved)
    assert all(step[4]["level_seed"] != step[4]["prev_level_seed"] for step in solved)
    assert ends
    assert all(step[3] and not step[2] for step in ends)  # nothing but time ends a maze
    assert any(step[4]["episode"]["l"] > 500 for step in ends)


def test_infos__only_at_starts_and_ends():
    """Asking for infos takes time, so the steps between have none."""
    env = adapter.make("coinrun", distribution_mode="easy")
    for result in play(env, 300, seed=0):
        if len(result) == 5 and not (result[2] or result[3]):
            assert result[4] == {}


@pytest.mark.parametrize(
    ("name", "mode"), [("chaser", "extreme"), ("jumper", "memory"), ("climber", "exploration"), ("ninja", "easy")]
)
def test_distribution_mode__games_have_different_ones(name, mode):
    """Each of the five modes can be played where there is one."""
    env = adapter.make(name, distribution_mode=mode)
    picture, _ = env.reset(seed=0)

    assert picture.std() > 1


@pytest.mark.parametrize(
    "option", ["use_backgrounds", "restrict_themes", "use_generated_assets", "use_monochrome_assets", "paint_vel_info"]
)
def test_looks__change_the_picture_only(option):
    """The options for looks change what is seen of the same level."""
    plain, changed = adapter.make("coinrun"), adapter.make("coinrun", **{option: option != "use_backgrounds"})
    (first, level), (second, other) = plain.reset(seed=6), changed.reset(seed=6)

    assert level == other
    assert option == "restrict_themes" or not np.array_equal(first, second)


def test_close__is_not_missed_at_the_end_of_the_process():
    """Games that nobody closed are silent when the interpreter ends, in a cycle of references too."""
    code = (
        "import pufferlib.environments.procgen as adapter\n"
        "first, second = adapter.make(), adapter.make()\n"
        "second.reset(seed=1)\n"
        "second.myself = second\n"
        "adapter.make('maze').close()\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=100)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_render__is_the_picture_for_people():
    """Frames have 512 x 512 pixels; without a render mode there are none."""
    env = adapter.make("heist", render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()

    assert (frame.shape, frame.dtype) == ((512, 512, 3), np.uint8)
    assert len(np.unique(frame)) > 20
    assert adapter.make("heist").render() is None


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("coinrun", {"distribution_mode": "memory"}, "distribution_mode: it can't be 'memory'"),
        ("miner", {"distribution_mode": "extreme"}, "Choose"),
        ("coinrun", {"distribution_mode": "esay"}, "Choose easy"),
        ("coinrun", {"distribution_mode": "exploration", "num_levels": 5}, "num_levels: it can't be 5"),
        ("coinrun", {"num_level": 1}, "Did you mean num_levels"),
        ("coinrun", {"num_levels": -1}, "num_levels: it can't be -1"),
        ("coinrun", {"start_level": 2**31}, "Choose a whole number from 0"),
        ("coinrun", {"center_agent": 1}, "center_agent: it can't be 1"),
        ("coinrun", {"render_mode": "human"}, "render_mode: it can't be 'human'"),
    ],
    ids=str,
)
def test_make__refuses_wrong_options(name, options, words):
    """Some of them would end the process inside Procgen; here the message says what to write instead."""
    with pytest.raises(ConfigError) as raised:
        adapter.make(name, **options)

    assert words in str(raised.value)


def test_make__unknown_game_gets_the_nearest():
    """A slip in the name is answered with the names that exist."""
    with pytest.raises(UnknownEnvironment, match="Did you mean coinrun"):
        adapter.make("coin-run")


def test_make__missing_library_gives_the_command(monkeypatch):
    """Without libGL the library can't be loaded; the error says what to install."""

    def fail(**options: Any) -> None:
        raise OSError("cannot load library: libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(environment._import_procgen(), "ProcgenGym3Env", fail)
    with pytest.raises(MissingDependency, match=r"libGL\.so\.1.*apt-get install libgl1 libglib2\.0-0"):
        adapter.make("coinrun")


def test_policy__is_impalas_large_network():
    """Fifteen convolutions, 2,048 features, and rows that don't depend on each other."""
    torch = pytest.importorskip("torch")
    policy = adapter.Policy(adapter.make("coinrun"))
    pixels = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)

    assert sum(isinstance(module, torch.nn.Conv2d) for module in policy.modules()) == 15
    assert policy.linear.in_features == 2048
    assert sum(parameter.numel() for parameter in policy.parameters()) == 626_256
    with torch.no_grad():
        torch.testing.assert_close(policy(pixels)[0][1:2], policy(pixels[1:2])[0])
