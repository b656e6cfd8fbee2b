"""What is special about NLE: its own seeds, ends that look like deaths, buffers that are used again, and options."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("nle")

import pufferlib.environments.nethack as adapter
from pufferlib.environments.nethack import _game, _options
from pufferlib.exceptions import ConfigError, UnknownEnvironment, UnsupportedSpace

EVERYTHING = (
    "glyphs,chars,colors,specials,blstats,message,program_state,internal,inv_glyphs,inv_letters,inv_oclasses,inv_strs,"
    "screen_descriptions,tty_chars,tty_colors,tty_cursor,misc"
)


def play(env: Any, num_steps: int, seed: int | None = None) -> list[bytes]:
    """Plays the same actions every time, over the ends of games, and returns all observations."""
    observations = [env.reset(seed=seed)[0].tobytes()]
    rng = np.random.default_rng(0)
    for _ in range(num_steps):
        observation, _, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
        observations.append(observation.tobytes())
        if terminated or truncated:
            observations.append(env.reset()[0].tobytes())
    return observations


def last_step(env: Any, action: int = 0) -> tuple[Any, float, bool, bool, dict[str, Any]]:
    """Repeats an action until the episode ends and returns the last step."""
    while True:
        step = env.step(action)
        if step[2] or step[3]:
            return step


def test_names__are_all_of_nle():
    """Every id that NLE registers is listed."""
    names = adapter.names()

    assert len(names) == 9
    assert set(names) == {name for name in gymnasium.registry if name.startswith("NetHack")}


@pytest.mark.parametrize("name", ["NetHackScore-v0", "NetHackChallenge-v0"])
def test_reset__seed_fixes_this_game_and_the_next(name):
    """One seed, one series of games, in every instance and again; another seed, another game."""
    with adapter.make(name, max_episode_steps=30) as first, adapter.make(name, max_episode_steps=30) as second:
        games = play(first, 100, seed=1)

        assert games[0] != games[31]
        assert play(second, 100, seed=1) == games
        assert play(first, 100, seed=1) == games
        assert play(second, 100, seed=2) != games


def test_reset__is_random_without_a_seed():
    """Games that nobody seeded differ."""
    with adapter.make() as first, adapter.make() as second:
        assert play(first, 0) != play(second, 0)
        assert play(first, 0) != play(first, 0)


def test_reset__two_games_in_a_process_are_independent():
    """Stepping two games in turns changes neither."""
    with adapter.make() as first, adapter.make() as second:
        alone = play(first, 200, seed=3)
        first.reset(seed=3)
        rng, other = np.random.default_rng(0), np.random.default_rng(1)
        second.reset(seed=4)
        for expected in alone[1:]:
            second.step(int(other.integers(23)))
            assert first.step(int(rng.integers(23)))[0].tobytes() == expected


def test_reset__seed_fixes_the_moon_too():
    """The moon of a seeded game doesn't hang on today's date."""
    with adapter.make() as env:
        assert env.env.spec.kwargs["fix_moon_phase"] is True
    with adapter.make(fix_moon_phase=False) as env:
        assert env.env.spec.kwargs["fix_moon_phase"] is False


def test_step__observations_are_copies():
    """What a step returned doesn't change with the next step, although NLE writes into the same arrays."""
    with adapter.make() as env:
        env.reset(seed=0)
        observations = [env.step(action)[0] for action in (1, 2, 3, 4)]
        kept = [observation.copy() for observation in observations]
        for action in range(8):
            env.step(action)

    assert all(map(np.array_equal, observations, kept))
    assert len({observation.tobytes() for observation in observations}) > 1


def test_step__time_limit_is_a_truncation_with_the_last_view():
    """NLE calls it a death and shows the farewell; here it is a cut, and the agent still stands where it stood."""
    with adapter.make(max_episode_steps=5) as env:
        first, _ = env.reset(seed=0)
        observation, _, terminated, truncated, info = last_step(env, 18)  # waits, more or less
        seen = env.emulated.observation.unpack(observation)
    before = env.emulated.observation.unpack(first)

    assert (terminated, truncated) == (False, True)
    assert info["episode"]["l"] == 5
    assert (info["end"], info["died"], info["success"]) == ("time limit", False, False)
    assert seen["blstats"][11] == before["blstats"][11] > 0
    assert (seen["glyphs"] != 2359).sum() > 5


def test_step__death_is_a_terminal_and_says_how():
    """Whoever prays, fights and digs at random dies before long, with numbers of the game in the info."""
    with adapter.make("NetHackScore-v0", max_episode_steps=100_000) as env:
        env.reset(seed=1)
        rng = np.random.default_rng(0)
        for _ in range(20_000):
            *_, terminated, truncated, info = env.step(int(rng.integers(23)))
            if terminated or truncated:
                break
            assert info == {}

    assert (terminated, truncated, info["died"], info["success"]) == (True, False, True, False)
    assert info["end"] in _game.ENDS
    assert info["turns"] > 0
    assert info["experience_level"] >= 1
    assert info["depth"] >= 1
    assert {type(value) for value in info.values()} == {int, bool, str, dict}


def test_step__success_is_a_terminal():
    """A task that is done ends its game."""
    with adapter.make("NetHackStaircase-v0") as env:
        env.reset(seed=1)
        rng = np.random.default_rng(0)
        reward = 0.0
        for _ in range(50_000):
            _, reward, terminated, truncated, info = env.step(int(rng.integers(23)))
            if terminated and info["success"]:
                break
            if terminated or truncated:
                env.reset()

    assert reward > 0.9
    assert (terminated, truncated, info["end"], info["died"]) == (True, False, "success", False)


def test_challenge__counts_steps_without_a_turn_twice():
    """NLE's own arithmetic, as the data sheet says: half of `no_progress_timeout` steps end the game, as a cut."""
    with adapter.make("NetHackChallenge-v0", no_progress_timeout=40) as env:
        env.reset(seed=0)
        escape = list(env.env.unwrapped.actions).index(27)
        _, _, terminated, truncated, info = last_step(env, escape)

    assert (terminated, truncated, info["end"]) == (False, True, "time limit")
    assert 20 <= info["episode"]["l"] <= 21


def test_ends__are_nethacks():
    """The words stand where NetHack's own numbers say."""
    from nle import nethack

    named = {"DIED": "died", "STARVING": "starved", "QUIT": "quit", "ESCAPED": "escaped", "ASCENDED": "ascended"}
    assert {name: _game.ENDS[int(getattr(nethack, name))] for name in named} == named


def test_places__are_nles():
    """The status lines' places are those that NLE names."""
    from nle import nethack

    ours = (_game.SCORE, _game.DEPTH, _game.GOLD, _game.EXPERIENCE_LEVEL, _game.TURNS)
    theirs = ("SCORE", "DEPTH", "GOLD", "XP", "TIME")
    assert ours == tuple(getattr(nethack, f"NLE_BL_{name}") for name in theirs)


@pytest.mark.parametrize("name", ["NetHackScore-v0", "NetHackChallenge-v0"])
def test_observations__lie_in_their_spaces(name):
    """Every key of every step is inside its space, ends included, and survives packing."""
    with adapter.make(name, observation_keys=EVERYTHING, max_episode_steps=150) as env:
        layout = env.emulated.observation
        assert set(layout.space) == set(EVERYTHING.split(","))
        rng = np.random.default_rng(0)
        observation, _ = env.reset(seed=0)
        for _ in range(400):
            assert layout.space.contains(layout.unpack(observation))
            observation, _, terminated, truncated, _ = env.step(int(rng.integers(env.action_space.n)))
            if terminated or truncated:
                assert layout.space.contains(layout.unpack(observation))
                observation, _ = env.reset()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_steps": 3}, "NetHackScore-v0 has no such option. Did you mean max_episode_steps"),
        ({"max_episode_steps": 0}, "it is 0"),
        ({"observation_keys": "glyph"}, "no observation 'glyph'. Did you mean glyphs"),
        ({"observation_keys": ("glyphs", "glyphs")}, "each once"),
        ({"character": "wal-hum-neu-fem"}, "'wal' in 'wal-hum-neu-fem' is no role.*Did you mean val"),
        ({"penalty_mode": "expo"}, "'expo'. Choose one of constant, exp"),
        ({"penalty_step": "much"}, "Give a number"),
        ({"actions": "some"}, "Choose one of all, useful, task, moves"),
        ({"actions": (1000,)}, "1000 is no key of NetHack"),
        ({"wizard": 1}, "True or False"),
        ({"render_mode": "rgb"}, "Choose one of ansi, human, rgb_array"),
    ],
)
def test_make__wrong_options_say_what_is_right(options, message):
    """A slip is answered at once, with the value and what could stand there."""
    with pytest.raises(ConfigError, match=message):
        adapter.make(**options)


def test_make__options_belong_to_their_task():
    """What a task doesn't take, or sets itself, is refused."""
    with pytest.raises(ConfigError, match="NetHackChallenge-v0 has no such option"):
        adapter.make("NetHackChallenge-v0", actions="moves")
    with pytest.raises(ConfigError, match="NetHack-v0 has no such option"):
        adapter.make("NetHack-v0", penalty_mode="exp")
    with pytest.raises(UnknownEnvironment, match="Did you mean NetHackScore-v0"):
        adapter.make("NetHackScor-v0")


def test_make__options_reach_the_game():
    """Character, actions, penalties and limit are those that were asked for."""
    options = {"character": "val-dwa-law-fem", "actions": "moves", "penalty_step": -0.5, "max_episode_steps": 7}
    with adapter.make(observation_keys="tty_chars", **options) as env:
        screen, _ = env.reset(seed=0)
        steps = [env.step(7) for _ in range(7)]

    assert env.single_action_space.n == 8
    assert b"Agent the Stripling" in env.emulated.observation.unpack(screen)["tty_chars"].tobytes()
    assert [step[3] for step in steps] == [False] * 6 + [True]
    assert min(step[1] for step in steps) == -0.5


def test_options__every_documented_one_exists():
    """NLE still takes what the docstring lists, and what is checked."""
    parameters = _options.parameters_of(gymnasium.registry["NetHackChallenge-v0"])

    assert set(_options.CHECKS) <= parameters
    assert {"options", "save_ttyrec_every", "savedir"} <= parameters
    assert all(name in str(adapter.make.__doc__) for name in parameters - {"reward_win"})


def test_render__shows_the_terminal_and_the_map(capsys):
    """The mode "ansi" gives the screen in colours, "human" prints it, and neither adds to the observations."""
    with adapter.make(render_mode="ansi", observation_keys="blstats") as env:
        env.reset(seed=0)
        text = env.render()
        assert set(env.emulated.observation.space) == {"blstats"}
    with adapter.make(render_mode="human") as env:
        env.reset(seed=0)
        assert env.render() is None
    with adapter.make(render_mode="rgb_array") as env:
        env.reset(seed=0)
        frame = env.render()
        env.step(3)
        assert env.render() is not frame

    assert capsys.readouterr().out == text + "\n"
    assert len(text.splitlines()) == 24
    assert "\033[1;37;4m@" in text  # the agent, bright, under the cursor
    assert frame.shape == (336, 1264, 3)


def test_terminal__is_written_in_runs():
    """Letters of one style share an escape sequence; bright colours and the cursor have their own."""
    characters = np.frombuffer(b"ab.@", np.uint8).reshape(1, 4)

    text = _game.show_terminal(characters, np.array([[1, 1, 7, 15]], np.int8), np.array([0, 3], np.uint8))

    assert text == "\033[0;31mab\033[0;37m.\033[1;37;4m@\033[0m"


def test_close__leaves_nothing():
    """No temporary folder, open file, signal handler or changed working directory stays behind."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    before = {path.name for path in Path(tempfile.gettempdir()).glob("nle*")}, os.getcwd(), dict(os.environ)
    files = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    env = adapter.make(render_mode="rgb_array")
    play(env, 20, seed=0)
    env.render()
    env.close()
    env.close()

    assert files is None or set(os.listdir("/proc/self/fd")) == files
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == handlers
    assert before == ({path.name for path in Path(tempfile.gettempdir()).glob("nle*")}, os.getcwd(), dict(os.environ))


def test_policy__sees_what_is_near_and_what_is_far():
    """A thing beside the agent and one at the other end of the map both change the features, and so does a word."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    with adapter.make() as env:
        layout = env.emulated.observation
        seen = layout.unpack(env.reset(seed=0)[0])
        policy = adapter.Policy(env)
    x, y = seen["blstats"][:2]
    near, far, words = seen["glyphs"].copy(), seen["glyphs"].copy(), np.roll(seen["message"], 1)
    near[y, x + 1] = far[18 if y < 10 else 2, x + (30 if x < 40 else -30)] = 400
    rows = [seen, {**seen, "glyphs": near}, {**seen, "glyphs": far}, {**seen, "message": words}]
    features, _ = policy.encode_observations(torch.from_numpy(np.stack([layout.pack(row) for row in rows])))

    assert len(torch.unique(features.detach(), dim=0)) == 4


def test_policy__stands_in_the_middle_of_its_view():
    """The view holds the tiles around the agent, and stone beyond the map's edge."""
    torch = pytest.importorskip("torch")
    from pufferlib.environments.nethack import policy as module

    with adapter.make() as env:
        policy = adapter.Policy(env)
    glyphs = torch.arange(21 * 79, dtype=torch.int32).view(1, 21, 79)
    blstats = torch.zeros(1, 27, dtype=torch.int64)
    blstats[0, 0], blstats[0, 1] = 78, 2
    view = policy._center(glyphs, blstats)[0].numpy()

    assert view.shape == (27, 75)
    assert view[13, 37] == glyphs[0, 2, 78]
    np.testing.assert_array_equal(view[11:, :38], glyphs[0, :16, 41:].numpy())
    assert (view[:11] == module.STONE).all()
    assert (view[:, 38:] == module.STONE).all()


def test_policy__needs_glyphs():
    """Without the map there is nothing to look at, and the error names a policy that does without."""
    pytest.importorskip("torch")
    with adapter.make(observation_keys="blstats,message") as env, pytest.raises(UnsupportedSpace, match="Default"):
        adapter.Policy(env)
