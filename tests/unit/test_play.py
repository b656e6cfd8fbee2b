"""`puffer play`: in a terminal of its own, and step by step with keys that are scripted."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from pufferlib import _play
from pufferlib._play import Options, Table, read_options
from pufferlib._terminal import Fingers, Key, Terminal, fit, half_blocks
from pufferlib.cli import main
from pufferlib.exceptions import ConfigError, PufferError

# Makes the pseudo-terminal the controlling one, so that its Ctrl-C is a signal, and runs the command in it.
IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "pufferlib.cli", *sys.argv[1:]])
"""


class Player:
    """A command that runs in a pseudo-terminal of 100 x 40 characters."""

    def __init__(self, *words: str) -> None:
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (40, 100))
        self.terminal = theirs  # kept open, to look at it afterwards
        self.before = termios.tcgetattr(theirs)
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        command = [sys.executable, "-c", IN_TERMINAL, *words]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        self.output = ""

    def wait_for(self, text: str) -> None:
        """Reads until a text was written since the last call."""
        start, until = len(self.output), time.monotonic() + 60
        while text not in self.output[start:]:
            assert time.monotonic() < until, self.output[-2000:]
            self.read(1.0)

    def read(self, timeout_s: float) -> None:
        """Reads what there is, or comes in time."""
        if select.select([self.ours], [], [], timeout_s)[0]:
            self.output += os.read(self.ours, 65536).decode(errors="replace")

    def type(self, text: str) -> None:
        """Presses keys."""
        os.write(self.ours, text.encode())

    def end(self) -> int:
        """Waits for the end, reading on; the exit code."""
        until = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < until, self.output[-2000:]
            self.read(0.05)
        while select.select([self.ours], [], [], 0)[0]:
            self.read(0)
        return self.process.returncode

    def check_terminal(self) -> None:
        """Asserts that the terminal is as it was: its settings, its screen, its cursor."""
        assert termios.tcgetattr(self.terminal) == self.before
        assert self.output.count("\x1b[?1049h") == self.output.count("\x1b[?1049l") == 1
        assert self.output.rindex("\x1b[?25h") > self.output.rindex("\x1b[?25l")


@contextmanager
def playing(*words: str) -> Iterator[Player]:
    """Runs a command and ends it, whatever happens."""
    player = Player(*words)
    try:
        yield player
    finally:
        player.process.kill()
        player.process.wait()
        os.close(player.ours)
        os.close(player.terminal)


class Script:
    """A terminal whose keys are known beforehand: what it shows is kept, and each step hears one list of keys."""

    tells_releases = False

    def __init__(self, *keys: list[Key]) -> None:
        self.script = list(keys)
        self.pictures: list[np.ndarray] = []
        self.captions: list[str] = []

    def keys(self, timeout_s: float) -> list[Key]:
        """Gives the next keys of the script; q after the last."""
        time.sleep(max(0.0, min(timeout_s, 0.001)))
        return self.script.pop(0) if self.script else [Key("q")]

    def show(self, pixels: np.ndarray, caption: str) -> None:
        """Keeps a picture."""
        self.pictures.append(pixels)
        self.captions.append(caption)


def play_script(env: str, *keys: list[Key], policy=None, human=True, **env_kwargs) -> Script:
    """Plays with scripted keys."""
    script = Script(*keys)
    options = Options(f"ocean/{env}", env_kwargs, human=human, speed=1000.0, seed=1)
    with pufferlib.vector.make(pufferlib.ocean.env_creator(env), env_kwargs=env_kwargs, autoreset="next_step") as envs:
        Table(envs, script, options, policy).play()  # type: ignore[arg-type]
    return script


def paddle(picture: np.ndarray) -> float:
    """The column of the middle of Breakout's paddle."""
    return float(np.flatnonzero(picture[60, 1:-1, 2] > 100).mean())


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda player: player.type("q"), 0),
        (lambda player: player.type("\x03"), 130),
        (lambda player: player.process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    ],
    ids=["q", "Ctrl-C", "SIGTERM"],
)
def test_play__leaves_the_terminal_as_it_was(stop, code):
    """However a game is left, echo, line mode, screen and cursor come back."""
    with playing("play", "ocean/breakout", "--seed", "1") as player:
        player.wait_for("press a key to begin")
        assert termios.tcgetattr(player.terminal) != player.before
        player.type(" ")
        player.wait_for("return 0")
        stop(player)
        assert player.end() == code

        player.check_terminal()


@pytest.mark.timeout(120)
def test_play__an_exception_leaves_the_terminal_as_it_was():
    """A size of the terminal that nobody can ask for any more, or any other error, is raised with all put back."""
    ours, theirs = pty.openpty()
    try:
        before = termios.tcgetattr(theirs)
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(ZeroDivisionError), Terminal(theirs, theirs):
            assert termios.tcgetattr(theirs) != before
            raise ZeroDivisionError

        assert termios.tcgetattr(theirs) == before
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.timeout(120)
def test_play__plays_to_the_end_and_sums_up():
    """A game that nobody plays ends; space begins another; after q the best return is said."""
    with playing("play", "ocean/breakout", "lives=1", "--speed", "20") as player:
        player.wait_for("press a key to begin")
        player.type(" ")
        player.wait_for("The end")
        player.type(" ")
        player.wait_for("The end")
        player.type("q")
        assert player.end() == 0

    assert "2 episodes, best return" in player.output
    assert "\x1b[38;2;" in player.output  # true colours


def test_play__keys_move_the_paddle():
    """Arrows and letters go the same way, held keys go on, and without keys nothing moves."""
    begin, left, letter = [Key("space")], [Key("left")], [Key("a")]
    still = play_script("breakout", begin, *[[]] * 40).pictures
    moved = play_script("breakout", begin, left, *[[Key("left", "repeat")]] * 40).pictures
    by_letter = play_script("breakout", begin, letter, *[[Key("a", "repeat")]] * 40).pictures

    assert paddle(still[0]) == paddle(still[-1])
    assert paddle(moved[-1]) < paddle(moved[0]) - 5
    assert paddle(by_letter[-1]) < paddle(by_letter[0]) - 5


def test_play__r_begins_anew():
    """After r the next episode begins: with another seed, and a return of 0."""
    script = play_script("breakout", [Key("space")], *[[]] * 30, [Key("r")], *[[]] * 30)

    assert (script.pictures[0] == script.pictures[1]).all()  # before and after the first key
    assert any((script.pictures[0] != picture).any() for picture in script.pictures)
    assert "(left right, r restarts, q quits)" in script.captions[0]


def test_play__waits_for_a_key_where_doing_nothing_is_no_action():
    """CartPole has no action for nothing: a step a key, however late."""
    script = play_script("cartpole", *[[]] * 5, [Key("right")], *[[]] * 5, [Key("right", "repeat")])

    assert len(script.pictures) == 3
    assert "return 2" in script.captions[-1]


def test_play__policies_play_the_others():
    """With a human at the keys the policy decides for all agents but the first; alone, for all."""
    seen = []

    def up(observations: np.ndarray, starts: np.ndarray) -> np.ndarray:
        seen.append((observations.shape, starts.tolist()))
        return np.ones(2, np.int64)

    together = play_script("pong", [Key("space")], *[[]] * 60, policy=up, players=2).pictures[-1]
    alone = play_script("pong", *[[]] * 60, policy=up, human=False, players=2).pictures[-1]

    assert seen[:2] == [((2, 9), [True, True]), ((2, 9), [False, False])]
    left, right = np.s_[8:18, 3], np.s_[8:18, 77]
    assert together[left].max() > 90 > together[right].max()
    assert min(alone[left].max(), alone[right].max()) > 90


def test_play__asks_no_key_of_who_is_not_on_turn():
    """In Connect Four a key is a move of the human; the answer of the policy needs none."""

    def first_open(observations: np.ndarray, starts: np.ndarray) -> np.ndarray:
        return observations[:, :7].argmax(1)

    moves = [part for column in "765" for part in ([Key(column)], [])]
    script = play_script("connect4", *[[]] * 2, *moves, *[[]] * 5, policy=first_open, players=2)
    num_pieces = [int((picture == [240, 84, 80]).all(-1).sum() > 0) for picture in script.pictures]

    assert len(script.pictures) >= 6 and num_pieces[-1] == 1
    cells = script.pictures[-1].reshape(6, 8, 7, 8, 3)[5, 2]  # a line of pixels through the lowest row
    assert [tuple(cells[column, 3]) for column in (4, 5, 6)] == [(240, 84, 80)] * 3
    assert (255, 208, 84) in {tuple(pixel) for pixel in cells[:2, 3]}


@pytest.mark.timeout(120)
def test_play__shows_a_trained_policy(tmp_path, monkeypatch, capfd):
    """`--run` plays with what a run has learned, without keys, until q; another environment is refused."""
    monkeypatch.chdir(tmp_path)
    quick = ["--ppo.total-steps", "4096", "--vector.num-envs", "32", "--eval.episodes", "2", "--eval.video", "none"]
    assert main(["train", "ocean/pong", "--env-kwargs", "players", "2", *quick]) == 0
    run = str(next(tmp_path.glob("runs/*")))
    with playing("play", "--run", run, "--speed", "5") as player:
        player.wait_for("ocean/pong")
        player.wait_for("return")
        player.type("q")
        assert player.end() == 0
        player.check_terminal()
    capfd.readouterr()

    assert main(["play", "ocean/breakout", "--run", run]) == 1
    assert "was trained on ocean/pong, not on ocean/breakout" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ocean/breakout"], "this is no terminal. Run it in a terminal, or film a policy"),
        (["ocean/breakout", "rows=12"], "puffer: rows: it is 12"),
        (["ocean/breakout", "rows"], "Write it as players=2"),
        (["ocean/breakout", "--speed", "0"], "--speed"),
        (["classic_control/CartPole-v1"], "isn't one of Ocean"),
        ([], "Name an environment"),
        (["--run", "nowhere"], "nowhere"),
    ],
)
def test_play__says_what_is_wrong(words, message, monkeypatch, capfd):
    """No terminal, options that don't exist, environments that can't be played: an error that names the remedy."""
    if "rows=12" in words:
        monkeypatch.setattr(os, "isatty", lambda fd: True)

    assert main(["play", *words]) == 1
    assert message in capfd.readouterr().err


def test_play__needs_keys_or_a_policy(monkeypatch):
    """An environment without keys can be watched only, and the error says how."""
    monkeypatch.setattr(pufferlib.ocean.load("breakout"), "keys", {})

    with pytest.raises(PufferError, match="no keys.*--run RUN"):
        _play.play(Options("ocean/breakout", {}))


def test_read_options__reads_numbers_and_flags():
    """Values are those of TOML; anything else is an error."""
    assert read_options(["players=2", "strength=0.5", "respawn=true"]) == {
        "players": 2,
        "strength": 0.5,
        "respawn": True,
    }
    with pytest.raises(ConfigError, match="players=two"):
        read_options(["players=two"])


def typed(*parts: str) -> list[Key]:
    """What a terminal hears of these writes."""
    reading, writing = os.pipe()
    terminal, found = Terminal(reading, writing), []
    for part in parts:
        os.write(writing, part.encode())
        found += terminal.keys(1.0)
    os.close(writing)
    with pytest.raises(EOFError):
        terminal.keys(1.0)
    os.close(reading)
    return found


def test_terminal__knows_arrows_in_all_their_forms():
    """Normal and application mode, with modifiers and kinds of events, cut in two; other sequences are no keys."""
    assert [key.name for key in typed("\x1b[A\x1bOB\x1b[1;2C")] == ["up", "down", "right"]
    assert typed("\x1b[1;1:3D\x1b[1;1:2D") == [Key("left", "release"), Key("left", "repeat")]
    assert typed("\x1b", "[", "A") == [Key("up")]
    assert typed("\x1b[15~\x1b[?1;2cq \r") == [Key("q"), Key("space"), Key("enter")]
    assert [key.name for key in typed("\x1bq")] == ["q"]  # escape itself means nothing


def test_fingers__keep_taps_and_follow_what_is_held():
    """Two quick turns count at two steps; a held key goes on until it is let go; the newest wins."""
    fingers = Fingers()
    for name in ("up", "left"):
        fingers.feel(Key(name), tells_releases=True)
        fingers.feel(Key(name, "release"), tells_releases=True)
    assert [fingers.next() for _ in range(3)] == ["up", "left", None]
    fingers.feel(Key("up"), tells_releases=True)
    fingers.feel(Key("right"), tells_releases=True)
    assert [fingers.next() for _ in range(4)] == ["up", "right", "right", "right"]
    fingers.feel(Key("right", "release"), tells_releases=True)
    assert fingers.next() == "up"


def test_fingers__forget_keys_of_terminals_that_tell_no_releases(monkeypatch):
    """There a key counts for a moment after it was pressed or repeated."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    fingers = Fingers()
    fingers.feel(Key("up"), tells_releases=False)
    assert [fingers.next(), fingers.next()] == ["up", "up"]
    now += Fingers.HOLD_S * 0.9
    fingers.feel(Key("up"), tells_releases=False)  # the terminal's own repetition
    now += Fingers.HOLD_S * 0.9
    assert fingers.next() == "up"
    now += Fingers.HOLD_S
    assert fingers.next() is None


def test_half_blocks__show_two_pixels_a_character():
    """The upper pixel is the foreground, the lower one the background; equal neighbours share their codes."""
    pixels = np.zeros((3, 2, 3), np.uint8)
    pixels[0] = (255, 0, 10)
    lines = half_blocks(pixels)

    assert lines[0] == "\x1b[38;2;255;0;10;48;2;0;0;0m▀▀"
    assert len(lines) == 2
    assert half_blocks(pixels, true_colours=False)[0] == "\x1b[38;5;196;48;5;16m▀▀"


@pytest.mark.parametrize(
    ("size", "space", "shown"),
    [((11, 11), (48, 80), (44, 44)), ((64, 76), (46, 80), (46, 54)), ((4, 4), (1, 1), (1, 1))],
)
def test_fit__fills_the_terminal(size, space, shown):
    """Small pictures grow by a whole factor, large ones shrink; what they show stays as bright."""
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    fitted = fit(pixels, *space)

    assert fitted.shape == (*shown, 3)
    assert abs(fitted.mean() - pixels.mean()) < 3
