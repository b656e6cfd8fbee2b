"""What is special about Atari: what is seen of the frames, lives and clipped rewards, true scores, the ROM's seed."""

from __future__ import annotations

import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest

ale_py = pytest.importorskip("ale_py")
cv2 = pytest.importorskip("cv2")

import pufferlib.environments.atari as adapter  # noqa: E402 (after the skip)
from pufferlib.environments.atari import environment  # noqa: E402
from pufferlib.exceptions import ConfigError, UnknownEnvironment  # noqa: E402

CALM = {"noop_max": 0, "fire_reset": False, "repeat_action_probability": 0.0}


def play_out(env, action_seed=0):
    """Plays random actions until a game is over and returns every step's reward, flags and info."""
    rng = np.random.default_rng(action_seed)
    steps = []
    while not steps or "episode" not in steps[-1][3]:
        _, reward, terminated, truncated, info = env.step(int(rng.integers(env.action_space.n)))
        steps.append((reward, terminated, truncated, info))
        if (terminated or truncated) and "episode" not in info:
            env.reset()
    return steps


def test_names__are_all_single_player_games():
    """Every bundled ROM is a name, but for the four games that only two players can play."""
    bundled = {rom.title().replace("_", "") for rom in ale_py.roms.get_all_rom_ids()}

    assert bundled - set(adapter.names()) == {"Combat", "Joust", "MazeCraze", "Warlords"}
    assert len(adapter.names()) >= 104
    assert {"Breakout", "MontezumaRevenge", "MsPacman", "Pong", "Qbert"} <= set(adapter.names())


@pytest.mark.parametrize(
    ("name", "sticky"),
    [("Pong", 0.25), ("ALE/Pong-v5", 0.25), ("PongNoFrameskip-v4", 0.0), ("PongNoFrameskip-v0", 0.25)],
)
def test_make__understands_ids_of_gymnasium(name, sticky):
    """An id names the same game, and "-v4" means that actions don't stick."""
    with adapter.make(name) as env:
        assert env.env.unwrapped.spec.kwargs["game"] == "pong"
        assert env.env.unwrapped.ale.getFloat("repeat_action_probability") == sticky


@pytest.mark.parametrize(("name", "nearest"), [("breakot", "Breakout"), ("ALE/ms_pacman-v5", "MsPacman")])
def test_make__wrong_game_names_the_nearest(name, nearest):
    """A game that doesn't exist is answered with one that does."""
    with pytest.raises(UnknownEnvironment, match=nearest):
        adapter.make(name)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("noop_max", -1),
        ("frame_skip", 0),
        ("screen_size", 0),
        ("screen_size", (84,)),
        ("frame_stack", 0),
        ("repeat_action_probability", 1.5),
        ("max_episode_frames", 0),
        ("mode", 99),
        ("difficulty", 99),
    ],
)
def test_make__wrong_option_is_named(option, value):
    """An option out of its range is refused with its value."""
    with pytest.raises(ConfigError, match=f"{option}: it can't be .*{value}"):
        adapter.make("Pong", **{option: value})


def test_make__mode_and_difficulty_reach_the_game():
    """A game's other flavours can be chosen."""
    with adapter.make("Freeway", mode=3, difficulty=1, **CALM) as env, adapter.make("Freeway", **CALM) as usual:
        different, same = env.reset(seed=0)[0], usual.reset(seed=0)[0]

        assert not np.array_equal(different, same)


@pytest.mark.parametrize("game", ["Breakout", "Asteroids"])
def test_screens__are_those_of_gymnasiums_wrappers(game):
    """Pictures, rewards and ends are those of AtariPreprocessing and FrameStackObservation, bit for bit."""
    plain = gymnasium.make(f"ALE/{game}-v5", frameskip=1, disable_env_checker=True)
    theirs = gymnasium.wrappers.AtariPreprocessing(plain, noop_max=30, frame_skip=4, screen_size=84)
    theirs = gymnasium.wrappers.FrameStackObservation(theirs, 4)
    with adapter.make(game, fire_reset=False) as ours, theirs:
        assert ours.observation_space == theirs.observation_space
        np.testing.assert_array_equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
        rng = np.random.default_rng(0)
        for _ in range(600):
            action = int(rng.integers(ours.action_space.n))
            got, expected = ours.step(action), theirs.step(action)
            assert got[1:4] == expected[1:4]
            if got[2] or got[3]:
                break  # theirs shows an older picture when the game ends between two frames
            np.testing.assert_array_equal(got[0], expected[0])


def test_screens__show_the_newest_frame_last_and_colours_in_order():
    """Planes are ordered by age, and within a frame red, green, blue; nothing is lost at the console's own size."""
    with adapter.make("Breakout", grayscale=False, frame_stack=2, frame_skip=1, screen_size=(210, 160)) as env:
        first, _ = env.reset(seed=0)
        second, *_ = env.step(1)
        screen = env.env.unwrapped.ale.getScreenRGB()

    assert second.shape == (6, 210, 160)
    np.testing.assert_array_equal(second[:3], first[3:])
    np.testing.assert_array_equal(second[3:], screen.transpose(2, 0, 1))


def test_screens__join_the_last_two_frames():
    """What flickers, shown in every other frame, is seen in every observation."""
    options = {"screen_size": (210, 160), "frame_stack": 1, **CALM}
    with (
        adapter.make("Asteroids", frame_skip=4, **options) as ours,
        adapter.make("Asteroids", frame_skip=1, **options) as each,
    ):
        ours.reset(seed=0)
        each.reset(seed=0)
        for _ in range(20):
            joined = ours.step(0)[0]
            frames = [each.step(0)[0] for _ in range(4)]
            np.testing.assert_array_equal(joined, np.maximum(frames[2], frames[3]))


def test_screens__observations_are_not_overwritten():
    """An observation stays as it was when the game goes on."""
    with adapter.make("Breakout") as env:
        kept, _ = env.reset(seed=0)
        copy = kept.copy()
        for _ in range(10):
            env.step(1)

    np.testing.assert_array_equal(kept, copy)


def test_reset__presses_fire_where_the_game_has_it():
    """Breakout's ball is in play from the first observation on, and waits for ever without."""
    with adapter.make("Breakout", noop_max=0) as env, adapter.make("Breakout", noop_max=0, fire_reset=False) as waits:
        for game, moves in ((env, True), (waits, False)):
            before = game.reset(seed=0)[0]
            after = [game.step(0)[0] for _ in range(30)][-1]
            assert bool((before[0] != after[3]).any()) is moves


def test_reset__starts_after_a_random_number_of_no_ops():
    """Games start between 1 and `noop_max` frames after the console does."""
    with adapter.make("Pong", fire_reset=False, noop_max=10) as env:
        frames = {env.reset(seed=None if i else 0)[1]["frames"] for i in range(40)}

    assert min(frames) >= 1
    assert max(frames) == 10
    assert len(frames) > 5


def test_reset__only_a_seed_loads_the_rom(monkeypatch):
    """Loading takes as long as hundreds of steps, so that resets without a seed don't."""
    with adapter.make("Pong") as env:
        env.reset(seed=0)
        monkeypatch.setattr(env.env.unwrapped, "load_game", lambda: pytest.fail("The ROM was loaded again."))
        env.reset()


def test_make__too_many_frames_truncate():
    """A game that goes on for ever is cut, not lost, and the last step's info says what was played."""
    with adapter.make("Pong", max_episode_frames=200) as env:
        env.reset(seed=0)
        *before, (_, terminated, truncated, info) = play_out(env)

    assert (terminated, truncated) == (False, True)
    assert not any(step[1] or step[2] for step in before)
    assert info["frames"] == 200
    assert info["episode"]["l"] == len(before) + 1


def test_lives__end_episodes_but_not_games():
    """A lost life is a terminal, the next one goes on in the same game, and the statistics count the whole of it."""
    with adapter.make("Breakout", terminal_on_life_loss=True) as env:
        env.reset(seed=0)
        steps = play_out(env)

    ends = [info for _, terminated, _, info in steps if terminated]
    assert [info["lives"] for info in ends] == [4, 3, 2, 1, 0]
    assert [("episode" in info) for info in ends] == [False] * 4 + [True]
    assert ends[-1]["episode"]["r"] == sum(reward for reward, *_ in steps)
    assert ends[-1]["episode"]["l"] >= len(steps)  # and the steps that pressed FIRE


def test_lives__a_seed_starts_a_new_game():
    """Also after a lost life, a seeded reset gives the game that the seed stands for."""
    with adapter.make("Breakout", terminal_on_life_loss=True) as env:
        first, info = env.reset(seed=5)
        over = False
        while not over:
            over = env.step(0)[2]
        again, info_again = env.reset(seed=5)

    np.testing.assert_array_equal(first, again)
    assert info == info_again


def test_lives__games_without_fire_go_on_with_the_last_picture():
    """Where no button is needed, no step is taken between two lives."""
    with adapter.make("Breakout", terminal_on_life_loss=True, fire_reset=False) as env:
        env.reset(seed=0)
        over = False
        while not over:
            last, _, over, _, info = env.step(1)
        start, info_start = env.reset()

    np.testing.assert_array_equal(last, start)
    assert (info["lives"], info["frames"]) == (info_start["lives"], info_start["frames"])


def test_clip__changes_rewards_but_not_scores():
    """The learner gets -1, 0 or 1, the statistics the score that the game shows."""
    with adapter.make("Asteroids", clip_rewards=True) as clipped, adapter.make("Asteroids") as plain:
        for env in (clipped, plain):
            env.reset(seed=0)
        ours, theirs = play_out(clipped), play_out(plain)

    assert {reward for reward, *_ in ours} == {0.0, 1.0}
    assert [environment.clip(reward) for reward, *_ in theirs] == [reward for reward, *_ in ours]
    assert ours[-1][3]["episode"] == theirs[-1][3]["episode"]
    assert ours[-1][3]["episode"]["r"] > sum(reward for reward, *_ in ours)


def test_make__is_silent_and_leaves_the_process_as_it_was():
    """No banner, no new warning filter, no variable, no window."""
    code = (
        "import os, warnings\n"
        "import pufferlib.environments.atari as adapter\n"
        "filters, variables = list(warnings.filters), dict(os.environ)\n"
        "env = adapter.make('Pong', render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "assert env.render().shape == (210, 160, 3)\n"
        "assert warnings.filters == filters\n"
        "assert dict(os.environ) == variables\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make__missing_opencv_gives_the_command():
    """Where OpenCV isn't installed, the error names it and the extra that brings it."""
    code = (
        "import sys\nsys.modules['cv2'] = None\nimport pufferlib.environments.atari as adapter\nadapter.make('Pong')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert "MissingDependency: atari needs the package cv2" in done.stderr
    assert "pip install 'pufferlib[atari]'" in done.stderr


def test_policy__is_the_network_of_the_paper():
    """On 84 x 84 screens it has the sizes of Mnih et al. 2015, and a value beside the actions."""
    pytest.importorskip("torch")
    with adapter.make("Breakout") as env:
        policy = adapter.Policy(env)
    sizes = [tuple(parameter.shape) for name, parameter in policy.named_parameters() if name.endswith("weight")]

    assert sizes == [(32, 4, 8, 8), (64, 32, 4, 4), (64, 64, 3, 3), (512, 3136), (4, 512), (1, 512)]


def test_spec__makes_the_same_game_again():
    """Gymnasium's checker, and anybody with `env.spec`, gets the options too."""
    with adapter.make("Pong", screen_size=42, frame_stack=2, repeat_action_probability=0.0) as env:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with env.spec.make() as again:
                assert again.observation_space == env.observation_space
                np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])
