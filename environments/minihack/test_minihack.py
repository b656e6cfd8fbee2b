"""What is special about MiniHack: levels that are compiled, drawn by others, or downloaded; windows; repairs."""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("nle")

import pufferlib.environments.minihack as adapter
from pufferlib.environments import _legacy
from pufferlib.environments.minihack import _build
from pufferlib.exceptions import ConfigError, MissingDependency, UnknownEnvironment

ROOM, MULTIROOM = "MiniHack-Room-Random-5x5-v0", "MiniHack-MultiRoom-N2-v0"
AGENT = 337  # glyph of the rogue that most tasks are played with
BOXOBAN = """; 0
##########
##########
###   ####
### @ ####
### $ ####
### . ####
###   ####
##########
##########
##########

; 1
##########
#@ $ .####
#    #####
##########
##########
##########
##########
##########
##########
##########

"""


def unpacked(env: Any, row: np.ndarray) -> dict[str, np.ndarray]:
    """Unpacks a flat observation."""
    return env.emulated.observation.unpack(row)


def levels(env: Any, seed: int | None, num_levels: int = 4) -> list[bytes]:
    """Resets a few times, first with the seed, and returns the first view of each level."""
    rows = [env.reset(seed=seed)[0]] + [env.reset()[0] for _ in range(num_levels - 1)]
    return [unpacked(env, row)["glyphs"].tobytes() for row in rows]


def play(env: Any, num_steps: int, seed: int) -> list[bytes]:
    """Plays the same actions every time, over the ends of episodes, and returns all observations."""
    observations = [env.reset(seed=seed)[0].tobytes()]
    rng = np.random.default_rng(0)
    for _ in range(num_steps):
        observation, _, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        observations.append(observation.tobytes())
        if terminated or truncated:
            observations.append(env.reset()[0].tobytes())
    return observations


def play_to_the_end(env: Any, seed: int = 0) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
    """Plays at random and returns the last step of the first episode."""
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    while True:
        step = env.step(int(rng.integers(env.action_space.n)))
        if step[2] or step[3]:
            return step


@pytest.fixture
def boxoban(monkeypatch, tmp_path):
    """Two levels of our own where MiniHack looks for Boxoban's."""
    adapter.names()
    folder = tmp_path / "boxoban"
    for name in ("unfiltered/train", "medium/train", "hard"):
        (folder / name).mkdir(parents=True)
        (folder / name / "000.txt").write_text(BOXOBAN)
    monkeypatch.setattr("minihack.envs.boxohack.LEVELS_PATH", str(folder))


def test_names__are_all_of_minihack_but_for_boxoban():
    """Every id that MiniHack registers is listed, those without their levels excepted."""
    names = adapter.names()
    registered = {name for name in gymnasium.registry if name.startswith("MiniHack-")}

    assert len(names) >= 158
    assert sorted(registered - set(names)) == [
        f"MiniHack-Boxoban-{kind}-v0" for kind in ("Hard", "Medium", "Unfiltered")
    ]


def test_names__leave_no_pkg_resources_behind():
    """MiniHack imports the stand-in, which nobody else sees."""
    before = "pkg_resources" in sys.modules
    adapter.names()

    assert ("pkg_resources" in sys.modules) == before


def test_boxoban__says_where_its_levels_go():
    """Without a download the error holds the command that puts the levels where MiniHack looks for them."""
    with pytest.raises(MissingDependency, match=r"git clone https.*minihack/dat/boxoban-levels-master"):
        adapter.make("MiniHack-Boxoban-Medium-v0")


def test_boxoban__plays_levels_that_are_there(boxoban):
    """With levels all three tasks are listed, follow their seeds, and end when every boulder is on a fountain."""
    name = "MiniHack-Boxoban-Unfiltered-v0"
    assert [f"MiniHack-Boxoban-{kind}-v0" in adapter.names() for kind in ("Hard", "Medium", "Unfiltered")] == [True] * 3
    with adapter.make(name, observation_keys="glyphs,blstats,message,chars") as env:
        assert levels(env, seed=1, num_levels=8) == levels(env, seed=1, num_levels=8)
        assert len(set(levels(env, seed=1, num_levels=8))) == 2
        state = random.getstate()
        for _ in range(20):
            row, _ = env.reset()
            if (unpacked(env, row)["chars"] == ord("`")).sum() == 1 and unpacked(env, row)["blstats"][1] > 5:
                break
        assert random.getstate() == state
        *_, terminated, _, info = env.step(2)  # south, the boulder goes along

    assert (terminated, info["end"]) == (True, "success")


@pytest.mark.parametrize("name", [MULTIROOM, "MiniHack-LavaCrossingS9N2-v0"])
def test_minigrid__levels_follow_the_seed(name):
    """Levels that Minigrid draws are the same for the same seed, and not always the same."""
    with adapter.make(name) as first, adapter.make(name) as second:
        drawn = levels(first, seed=1)

        assert levels(second, seed=1) == drawn
        assert levels(first, seed=1) == drawn
        assert len(set(drawn)) > 1
        assert levels(second, seed=2) != drawn


def test_minigrid__levels_are_random_without_a_seed():
    """Nobody seeds, so two levels differ."""
    with adapter.make(MULTIROOM) as env:
        assert len(set(levels(env, seed=None))) == 4


def test_minigrid__old_versions_are_made_in_silence():
    """MiniHack's use of an outdated Minigrid id isn't the user's to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapter.make("MiniHack-MultiRoom-N4-v0").close()


def test_seeds__choose_the_level_from_a_list():
    """With `seeds` there are as many levels as seeds; the choice follows the seed, Python's own numbers stay."""
    with adapter.make(ROOM, seeds=[3, 4]) as env:
        state = random.getstate()
        drawn = levels(env, seed=1, num_levels=12)

        assert len(set(drawn)) == 2
        assert levels(env, seed=1, num_levels=12) == drawn
        assert len(set(levels(env, seed=5, num_levels=12))) == 2
        assert random.getstate() == state
    with pytest.raises(ConfigError, match="no such option"):
        adapter.make(MULTIROOM, seeds=[3, 4])


def test_reset__seed_fixes_the_episodes_that_follow():
    """One seed, one series of episodes, in every instance and again."""
    with (
        adapter.make("MiniHack-Room-Ultimate-5x5-v0") as first,
        adapter.make("MiniHack-Room-Ultimate-5x5-v0") as second,
    ):
        series = play(first, 250, seed=1)

        assert play(second, 250, seed=1) == series
        assert play(first, 250, seed=1) == series
        assert play(second, 250, seed=2) != series


def test_step__success_keeps_the_last_view():
    """At the goal NLE quits the game and overwrites what was seen; here the agent stands on the stairs."""
    with adapter.make(ROOM, penalty_step=0.0, reward_win=3) as env:
        for seed in range(20):
            row, reward, terminated, truncated, info = play_to_the_end(env, seed)
            if info["success"]:
                break
        seen = unpacked(env, row)

    assert (reward, terminated, truncated, info["end"]) == (3.0, True, False, "success")
    x, y = seen["blstats"][:2]
    assert seen["blstats"][10] > 0
    assert seen["glyphs"][y, x] == AGENT


def test_step__time_limit_is_a_truncation():
    """An episode that runs out of steps is cut."""
    with adapter.make("MiniHack-Corridor-R5-v0", max_episode_steps=7) as env:
        row, _, terminated, truncated, info = play_to_the_end(env)
        x, y = unpacked(env, row)["blstats"][:2]

    assert (terminated, truncated, info["end"], info["episode"]["l"]) == (False, True, "time limit", 7)
    assert unpacked(env, row)["glyphs"][y, x] == AGENT


@pytest.mark.parametrize("sizes", [(9, 9), (5, 5), (3, 7), (11, 5)])
def test_windows__show_what_is_around_the_agent(sizes):
    """Every window is the part of its map around the agent, whatever its shape, and `obs_crop_pad` beyond the map."""
    height, width = sizes
    kinds = ("glyphs", "chars", "colors", "specials", "screen_descriptions")
    keys = ["blstats", *kinds, *(f"{kind}_crop" for kind in kinds)]
    with adapter.make(ROOM, observation_keys=keys, obs_crop_h=height, obs_crop_w=width, obs_crop_pad=1) as env:
        for seed in range(3):
            seen = unpacked(env, env.reset(seed=seed)[0])
            x, y = (int(number) for number in seen["blstats"][:2])
            for kind in kinds:
                wide = np.full((21 + 40, 79 + 40, *seen[kind].shape[2:]), 1, seen[kind].dtype)
                wide[20:41, 20:99] = seen[kind]
                top, left = 20 + y - height // 2, 20 + x - width // 2
                expected = wide[top : top + height, left : left + width]
                np.testing.assert_array_equal(seen[f"{kind}_crop"], expected, strict=True)


def test_windows__are_minihacks_own_where_those_are_right():
    """Square windows are those of MiniHack's own method, beside the map's corners too."""
    adapter.names()
    from minihack import MiniHack

    with adapter.make(ROOM) as env:
        inner = env.env.unwrapped
        array = np.arange(21 * 79, dtype=np.int16).reshape(21, 79)
        for place in ((0, 0), (78, 20), (40, 10), (3, 19)):
            original = MiniHack._crop_observation(inner, array, np.array(place))
            np.testing.assert_array_equal(inner._crop_observation(array, np.array(place)), original, strict=True)


def test_pixels__are_minihacks_own():
    """The fast tiles are the pictures that MiniHack's slow way draws, and its file isn't left open."""
    adapter.names()
    from minihack.tiles import GlyphMapper

    glyphs = np.random.default_rng(0).integers(0, 5976, (3, 5)).astype(np.int16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        expected = GlyphMapper().to_rgb(glyphs)
    np.testing.assert_array_equal(_build.Tiles().to_rgb(glyphs), expected, strict=True)


def test_observations__lie_in_their_spaces():
    """Every key that can be asked for is in its space in every step, ends included."""
    everything = [*adapter.environment._known_keys()]
    with adapter.make("MiniHack-MultiRoom-N2-Monster-v0", observation_keys=everything, max_episode_steps=25) as env:
        layout = env.emulated.observation
        assert set(layout.space) == set(everything)
        rng = np.random.default_rng(0)
        observation, _ = env.reset(seed=0)
        for _ in range(60):
            assert layout.space.contains(layout.unpack(observation))
            observation, _, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
            if terminated or truncated:
                assert layout.space.contains(layout.unpack(observation))
                observation, _ = env.reset()


def test_custom__plays_a_level_of_ones_own(tmp_path):
    """A level can be given as text or as a file; without one there is a room with stairs."""
    description = (
        'MAZE: "mylevel", \' \'\nGEOMETRY: center,center\nMAP\n.....\nENDMAP\nREGION:(0,0,4,0),lit,"ordinary"\n'
    )
    (tmp_path / "mine.des").write_text(description)
    with adapter.make("MiniHack-Navigation-Custom-v0") as plain:
        room = levels(plain, seed=1)
    for given in (description, str(tmp_path / "mine.des")):
        with adapter.make("MiniHack-Navigation-Custom-v0", des_file=given) as env:
            drawn = levels(env, seed=1)
        assert drawn != room
        assert (np.frombuffer(drawn[0], np.int16) != 2359).sum() == 5
    with adapter.make("MiniHack-Skill-Custom-v0", des_file="corridor5.des") as env:
        env.reset(seed=1)


@pytest.mark.parametrize(
    ("des_file", "message"),
    [
        ("MAZE: nonsense\n", "can't be compiled: mylevel.des: line 1"),
        ("MAZE: \"other\", ' '\nGEOMETRY: center,center\nMAP\n..\nENDMAP\n", 'a level called "mylevel"'),
        ("nowhere.des", "there is no file 'nowhere.des'"),
    ],
)
def test_custom__bad_levels_are_refused(des_file, message):
    """MiniHack would play plain NetHack instead; here the compiler's own words are the error."""
    with pytest.raises(ConfigError, match=message):
        adapter.make("MiniHack-Navigation-Custom-v0", des_file=des_file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"obs_crop_w": 4}, "it is 4. Give an odd number"),
        ({"observation_keys": "glyphs_cro"}, "'glyphs_cro'. Did you mean glyphs_crop"),
        ({"observation_keys": "internal"}, "no observation 'internal'"),
        ({"autopick": True}, "Did you mean autopickup"),
        ({"des_file": "corridor5.des"}, "has no such option"),
        ({"penalty_mode": "expo"}, "Choose one of constant"),
    ],
)
def test_make__wrong_options_say_what_is_right(options, message):
    """A slip is answered at once, with the value and what could stand there."""
    with pytest.raises(ConfigError, match=message):
        adapter.make(ROOM, **options)


def test_make__unknown_names_get_the_nearest():
    """A misspelt task is answered with those that look like it."""
    with pytest.raises(UnknownEnvironment, match="MiniHack-Room-5x5-v0"):
        adapter.make("MiniHack-Room-5x5")


def test_close__leaves_nothing():
    """No temporary folder stays behind, compiled levels included."""
    before = {path.name for path in Path(tempfile.gettempdir()).glob("nle*")}
    env = adapter.make(MULTIROOM)
    play(env, 20, seed=0)
    env.close()

    assert {path.name for path in Path(tempfile.gettempdir()).glob("nle*")} - before == set()


def test_build__leaves_minihacks_modules_as_they_were():
    """What stands in for Minigrid and the tiles is there only while a task is built."""
    with _legacy.pkg_resources():
        import minihack.base
        import minihack.envs.minigrid

    before = minihack.base.GlyphMapper, minihack.envs.minigrid.gym
    adapter.make(MULTIROOM).close()

    assert (minihack.base.GlyphMapper, minihack.envs.minigrid.gym) == before
