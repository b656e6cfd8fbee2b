"""What is special about MicroRTS: one Java machine for everybody, masks, dice that can't be seeded, and its bots."""

from __future__ import annotations

import inspect
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("gym_microrts")
pytest.importorskip("jpype")

import pufferlib.environments.microrts as adapter
from pufferlib.environments.microrts import _java, environment
from pufferlib.environments.microrts._game import CHOICES, PLANES
from pufferlib.exceptions import ConfigError, EmulationError, MissingDependency, UnknownEnvironment

SEEDABLE = sorted(name for name, bot in _java.BOTS.items() if not bot.uses_clock)
BY_CLOCK = sorted(name for name, bot in _java.BOTS.items() if bot.uses_clock)


def unpack(env, row):
    """Returns grid and mask of a row."""
    parts = env.emulated.observation.unpack(row)
    return parts["grid"], parts["action_mask"]


def legal_action(mask, rng):
    """Draws a legal choice for every head; 0 where there is none."""
    scores = np.where(mask, rng.random(mask.shape), -1.0)
    ends = np.cumsum(CHOICES)[:-1]
    return np.stack([part.argmax(-1) for part in np.split(scores, ends, -1)], -1).reshape(-1)


def play(env, seed, num_steps=120):
    """Plays legal moves and returns everything that came out."""
    rng = np.random.default_rng(seed)
    row, _ = env.reset(seed=seed)
    rows = [row]
    for _ in range(num_steps):
        row, reward, terminated, truncated, _ = env.step(legal_action(unpack(env, row)[1], rng))
        rows += [row, reward]
        if terminated or truncated:
            row, _ = env.reset()
            rows.append(row)
    return rows


def assert_same(one, other):
    """Compares what two games gave."""
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def run(code, **options):
    """Runs a program in a process of its own, which must end by itself, and returns what it prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# --- Names and options ---


def test_names__are_all_maps_of_the_package():
    """Every map is listed once, by the name of its file, but for one that Java can't read."""
    files = {path.stem: path for path in (_java.package_folder() / "maps").rglob("*.xml")}
    jpype = _java.start()

    assert len(files) == 144
    assert {"basesWorkers8x8", "basesWorkers16x16", "(4)BloodBath.scmB"} <= set(adapter.names())
    (old,) = set(files) - set(adapter.names())
    with pytest.raises(jpype.JException, match="null"):
        units = jpype.JClass("rts.units.UnitTypeTable")()
        jpype.JClass("rts.PhysicalGameState").load(str(files[old]), units)


def test_opponents__are_all_bots_of_the_package():
    """The bots have the names of the functions of `gym_microrts.microrts_ai`, and the classes that those make."""
    from gym_microrts import microrts_ai

    theirs = {name: inspect.getsource(value) for name, value in vars(microrts_ai).items() if inspect.isfunction(value)}
    assert environment.opponents() == sorted(theirs)
    for name, source in theirs.items():
        package, java_class = re.search(r"from (\S+) import (\S+)", source).groups()
        assert _java.BOTS[name].java_class == f"{package}.{java_class}"


@pytest.mark.parametrize("opponent", environment.opponents())
def test_opponents__all_play(opponent):
    """Every bot makes its moves on the default map."""
    with adapter.make(opponent=opponent, max_steps=12) as env:
        env.reset(seed=0)
        for _ in range(12):
            *_, truncated, info = env.step(np.zeros(env.action_space.shape, np.int64))

    assert truncated
    assert (info["draw"], info["win"], info["loss"]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"opponent": "coacIA"}, "no bot 'coacIA'.*coacAI"),
        ({"opponent": []}, "no bot"),
        ({"max_steps": 0}, "max_steps: it is 0"),
        ({"reward_weight": (1, 2)}, "6 numbers: for win_loss"),
        ({"reward_weight": "a,b"}, "6 numbers"),
        ({"render_mode": "human"}, "rgb_array"),
    ],
)
def test_make__wrong_option_is_refused(options, words):
    """The error names the option, its value and what to choose instead."""
    with pytest.raises(ConfigError, match=words):
        adapter.make(**options)


def test_make__wrong_map_gets_the_nearest():
    """A misspelt map is answered with the right one."""
    with pytest.raises(UnknownEnvironment, match="basesWorkers8x8"):
        adapter.make("basesWorker8x8")


def test_make__without_java_says_what_to_install(monkeypatch):
    """Where no Java is found the error has the command."""
    import jpype

    def start(*options, **more):
        raise jpype.JVMNotFoundException("no JVM")

    monkeypatch.setattr(jpype, "isJVMStarted", lambda: False)
    monkeypatch.setattr(jpype, "startJVM", start)
    with pytest.raises(MissingDependency, match="apt-get install .*openjdk-17-jre-headless"):
        _java.start.__wrapped__()


# --- Observations and actions ---


def test_grid__has_one_of_each_feature():
    """Every cell has exactly one value of each feature; the start of the map is as its file says."""
    with adapter.make() as env:
        grid, mask = unpack(env, env.reset(seed=0)[0])

    assert grid.shape == (8, 8, 27)
    parts = np.split(grid, np.cumsum(PLANES)[:-1], -1)
    assert all((part.sum(-1) == 1).all() for part in parts)
    _, resources, owner, kind, _ = (part.argmax(-1) for part in parts)
    assert (owner[1, 2], kind[1, 2], owner[6, 5], kind[6, 5]) == (1, 2, 2, 2)  # bases
    assert (kind[0, 0], resources[0, 0], owner[0, 0]) == (1, 4, 0)  # 20 resources show as 4
    assert np.argwhere(mask.any(-1)).tolist() == [[1, 1], [1, 2]]  # the worker and the base


def test_mask__is_that_of_the_package():
    """The observation's mask is what the game says before the step, without the unit's own bit."""
    with adapter.make(opponent="workerRushAI") as env:
        row, _ = env.reset(seed=0)
        rng = np.random.default_rng(0)
        for _ in range(60):
            _, mask = unpack(env, row)
            theirs = np.array(env.env.unwrapped._client.getMasks(0))
            np.testing.assert_array_equal(mask, theirs[..., 1:])
            row, _, terminated, truncated, _ = env.step(legal_action(mask, rng))
            assert not (terminated or truncated)


def test_step__obeys_orders():
    """The worker goes where it is sent, and what other cells are told makes no difference."""
    grids = []
    for others in (0, 1):
        with adapter.make(opponent="passiveAI") as env:
            env.reset(seed=0)
            action = np.full((8, 8, 7), others)
            action[1, 2] = 0  # the base waits
            action[1, 1] = (1, 2, 0, 0, 0, 0, 0)  # the worker moves down
            grid = unpack(env, env.step(action.reshape(-1))[0])[0]
            assert grid[1, 1, -PLANES[-1] :].argmax() == 1
            for _ in range(20):
                grid = unpack(env, env.step(np.zeros(448, np.int64))[0])[0]
            grids.append(grid)

    assert grids[0][2, 1, 13 + 4] == 1
    np.testing.assert_array_equal(grids[0], grids[1])


def test_step__survives_any_action():
    """Orders against the rules do nothing bad, on any kind of map, and nothing is printed."""
    code = """
import pufferlib.environments.microrts as adapter
for name in ("basesWorkers8x8", "NoWhereToRun9x8", "melee8x8Mixed6", "chambers32x32"):
    with adapter.make(name, opponent="randomBiasedAI") as env:
        env.reset(seed=0)
        env.action_space.seed(0)
        for _ in range(200):
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
"""
    assert run(code) == ""


def test_partial_obs__hides_what_is_far_away():
    """With `partial_obs` two planes say what is seen, and the other base isn't there yet."""
    with adapter.make(partial_obs=True) as env:
        grid, _ = unpack(env, env.reset(seed=0)[0])

    assert grid.shape == (8, 8, 29)
    assert (grid[..., -2:].sum(-1) == 1).all()
    assert grid[6, 5, 13] == 1  # nothing
    assert len(np.unique(grid[..., -1])) == 2


def test_reward__is_the_weighted_sum_of_the_parts():
    """The return is the sum of the parts in the last info, times their weights; a lost game ends in a terminal."""
    weights = (10.0, 1.0, 1.0, 0.2, 1.0, 4.0)
    for opponent in ("workerRushAI", "passiveAI"):
        with adapter.make(opponent=opponent, max_steps=700) as env:
            row, _ = env.reset(seed=1)
            rng = np.random.default_rng(1)
            while True:
                row, _, terminated, truncated, info = env.step(legal_action(unpack(env, row)[1], rng))
                if terminated or truncated:
                    break
        parts = [info[name] for name in _java.REWARDS.values()]
        assert info["episode"]["r"] == pytest.approx(float(np.dot(parts, weights)))
        assert info["win"] + info["loss"] + info["draw"] == 1
        assert terminated == (info["draw"] == 0)
        assert info["loss"] == (opponent == "workerRushAI")
        assert info["workers"] > 0


def test_reward__weights_are_an_option():
    """Weights come as numbers or as a string; the last observation of a lost game is its own, not the next one's."""
    with adapter.make(opponent="workerRushAI", reward_weight="100,0,0,0,0,0") as env:
        env.reset(seed=0)
        terminated = False
        while not terminated:
            row, reward, terminated, _, info = env.step(np.zeros(448, np.int64))

    assert (reward, info["loss"]) == (-100, 1)
    grid, mask = unpack(env, row)
    assert grid[..., 10 + 1].sum() == 0  # no unit left
    assert not mask.any()


def test_step__a_bot_that_fails_is_named():
    """What a bot throws becomes an error of the library, without Java in it."""
    with adapter.make(opponent="workerRushAI") as env:
        env.reset(seed=0)
        env.env.unwrapped._client.ai2 = None
        with pytest.raises(EmulationError, match="against workerRushAI failed in Java"):
            env.step(np.zeros(448, np.int64))


# --- Seeds ---


@pytest.mark.parametrize("opponent", SEEDABLE)
def test_seed__games_can_be_repeated_beside_others(opponent):
    """The same seed gives the same game, in a fresh environment or a used one, whatever else is played meanwhile."""
    with adapter.make(opponent=opponent) as env, adapter.make(opponent=opponent) as noise:
        alone = play(env, seed=3)
        play(noise, seed=4)
        row, _ = noise.reset(seed=5)

        step = env.step

        def step_with_noise(action):
            noise.step(noise.action_space.sample())
            return step(action)

        env.step = step_with_noise
        assert_same(alone, play(env, seed=3))


def test_seed__differs():
    """Other seeds give other games where the bot throws dice, and draw other opponents."""
    with adapter.make(opponent="randomBiasedAI") as env:
        games = []
        for seed in (0, 1):
            env.reset(seed=seed)
            games.append(np.stack([env.step(np.zeros(448, np.int64))[0] for _ in range(60)]))
    assert (games[0] != games[1]).any()

    with adapter.make(opponent=["passiveAI", "coacAI"]) as env:
        drawn = []
        for seed in range(8):
            env.reset(seed=seed)
            drawn.append(env.env.unwrapped._opponent)
    assert set(drawn) == {"passiveAI", "coacAI"}


@pytest.mark.parametrize("opponent", BY_CLOCK)
def test_seed__bots_that_search_stop_by_the_clock(opponent):
    """These bots think for some time and not for a number of steps, so their games can't be repeated."""
    jpype = _java.start()
    bot = _java.make_bot(jpype, opponent, jpype.JClass("rts.units.UnitTypeTable")())

    assert bot.getTimeBudget() == 100  # ms


# --- The machine ---


def test_machine__survives_close():
    """Closing one environment, or all, leaves the machine to the others."""
    first, second = adapter.make(), adapter.make()
    first.reset(seed=0)
    first.close()
    second.reset(seed=0)
    second.step(np.zeros(448, np.int64))
    second.close()

    with adapter.make() as third:
        third.reset(seed=0)


def test_machine__ends_with_its_process_and_changes_nothing():
    """After a rendered game the process ends by itself; signals, variables and modules are as they were."""
    code = """
import os, signal, sys, threading
handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
variables = dict(os.environ)
import pufferlib.environments.microrts as adapter
with adapter.make(render_mode="rgb_array", opponent="naiveMCTSAI") as env:
    env.reset(seed=0)
    env.step(env.action_space.sample())
    env.render()
assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
assert variables == dict(os.environ)
assert "gym" not in sys.modules
assert threading.active_count() == 1
"""
    assert run(code) == ""


def test_machine__that_others_have_started_or_ended():
    """A machine that runs already is used; one that was shut down gives an error that says so."""
    code = """
import jpype, pufferlib.environments.microrts as adapter
from pufferlib.exceptions import EmulationError
jpype.startJVM("-Xrs", interrupt=False)
if %r:
    jpype.shutdownJVM()
try:
    with adapter.make() as env:
        env.reset(seed=0)
        env.step(env.action_space.sample())
        print("played")
except EmulationError as error:
    print(error)
"""
    assert run(code % False) == "played\n"
    assert "cannot be restarted" in run(code % True)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_machine__leaves_interrupts_to_python():
    """Ctrl-C raises KeyboardInterrupt where Java runs, too."""
    code = """
import os, signal
import pufferlib.environments.microrts as adapter
with adapter.make() as env:
    env.reset(seed=0)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            env.step(env.action_space.sample())
            if env.episode_over:
                env.reset()
    except KeyboardInterrupt:
        print("interrupted")
"""
    assert signal.SIGINT and run(code) == "interrupted\n"
