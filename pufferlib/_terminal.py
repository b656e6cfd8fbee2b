"""A terminal to play in: keys as they are pressed, pictures as half blocks, and everything as it was afterwards.

A character cell shows two pixels, one above the other: the upper half block in the colour of the first on the colour of
the second. Shapes: H x W pixels.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import time
import tty
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3)

# Another screen, no cursor, and the keyboard protocol of kitty, by which some terminals tell of keys that are let go:
# the progressive enhancement "report event types", then a question whether it is known. Others ignore both.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J\x1b[>2u\x1b[?u"
_LEAVE = "\x1b[<u\x1b[0m\x1b[?25h\x1b[?1049l"
_BEGIN_FRAME, _END_FRAME = "\x1b[?2026h", "\x1b[?2026l"  # shown at once, where that is known
_SEQUENCE = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])|\x1bO([@-~])")
_UNFINISHED = re.compile(r"\x1b(\[[0-?]*[ -/]*|O)?")
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_NAMES = {" ": "space", "\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace"}
_EVENTS = {"1": "press", "2": "repeat", "3": "release"}


@dataclass(frozen=True)
class Key:
    """Something that happened to a key."""

    name: str
    """up, down, left, right, space, enter, tab, backspace, or the character."""

    event: str = "press"
    """press, repeat or release."""


class Terminal:
    """A terminal while it is played in: `with Terminal(0, 1) as terminal`."""

    def __init__(self, in_fd: int, out_fd: int, environment: Mapping[str, str] | None = None) -> None:
        """Changes nothing yet.

        Args:
            in_fd: file descriptor of the terminal's keyboard.
            out_fd: of its screen.
            environment: variables that say how many colours it has; the process's, if left out.
        """
        environment = os.environ if environment is None else environment
        self._in, self._out = in_fd, out_fd
        named = environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        self._true_colours = named or environment.get("TERM", "").endswith(("-direct", "kitty"))
        self.tells_releases = False
        self._unread = ""
        self._shown: list[str] = []
        self._shown_size = (0, 0)

    def __enter__(self) -> Terminal:
        """Takes keys one by one and unechoed; ends that come by a signal lead through `__exit__`, too."""
        self._attributes = termios.tcgetattr(self._in)
        self._handlers: dict[signal.Signals, Any] = {
            number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)
        }
        tty.setcbreak(self._in)
        attributes = termios.tcgetattr(self._in)
        attributes[6][termios.VSUSP] = b"\0"  # Ctrl-Z would leave the terminal as it is now
        termios.tcsetattr(self._in, termios.TCSANOW, attributes)
        self._write(_ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Puts everything back."""
        try:
            self._write(_LEAVE)
            termios.tcsetattr(self._in, termios.TCSAFLUSH, self._attributes)
        except OSError:
            pass  # the terminal itself is gone
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def keys(self, timeout_s: float) -> list[Key]:
        """Waits for keys.

        Args:
            timeout_s: how long, at most.

        Returns:
            All that happened by the time that something did; nothing after the timeout.

        Raises:
            EOFError: the terminal is gone.
        """
        if not select.select([self._in], [], [], max(0.0, timeout_s))[0]:
            return []
        try:
            received = os.read(self._in, 4096)
        except OSError:
            received = b""
        if not received:
            raise EOFError
        self._unread += received.decode("utf-8", "ignore")
        return self._parse()

    def _parse(self) -> list[Key]:
        """Takes whole keys off what was read; the beginning of a sequence waits for its end."""
        found: list[Key] = []
        while self._unread and not _UNFINISHED.fullmatch(self._unread):
            match = _SEQUENCE.match(self._unread)
            if match is None:
                character, self._unread = self._unread[0], self._unread[1:]
                name = _NAMES.get(character, character)
                if name.isprintable():
                    found.append(Key(name))
                continue
            self._unread = self._unread[match.end() :]
            parameters, final = match[1] or "", match[2] or match[3]
            if final == "u" and parameters.startswith("?"):
                self.tells_releases = int(parameters[1:].partition(";")[0] or 0) & 2 != 0
            elif final in _ARROWS:
                found.append(Key(_ARROWS[final], _EVENTS.get(parameters.partition(":")[2], "press")))
        return found

    def show(self, pixels: Pixels, caption: str) -> None:
        """Draws a picture as large as it fits, and a line below it; only the lines that have changed."""
        size = os.get_terminal_size(self._out)
        columns, lines = max(size.columns, 2), max(size.lines, 3)
        picture = half_blocks(fit(pixels, 2 * (lines - 1), columns), self._true_colours)
        drawn = [*picture, caption[:columns]]
        parts = [_BEGIN_FRAME]
        if self._shown_size != (columns, lines) or len(drawn) != len(self._shown):
            parts.append("\x1b[0m\x1b[2J")
            self._shown, self._shown_size = [""] * len(drawn), (columns, lines)
        for i in range(len(drawn)):
            if drawn[i] != self._shown[i]:
                parts.append(f"\x1b[{i + 1};1H{drawn[i]}\x1b[0m\x1b[K")
        self._shown = drawn
        self._write("".join([*parts, _END_FRAME]))

    def _write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._out, data) :]


class Fingers:
    """Which key counts at a step.

    Whatever was pressed since the last step counts once, in order, so that no quick turn is lost. Then counts what is
    held down: until it is let go, where the terminal tells, and else for `HOLD_S` after it was pressed or repeated.
    """

    HOLD_S = 0.12

    def __init__(self) -> None:
        """Nothing is pressed."""
        self._pressed: list[str] = []
        self._held: dict[str, float] = {}  # the newest last; until when

    def feel(self, key: Key, tells_releases: bool) -> None:
        """Takes in what happened to a key."""
        now = time.monotonic()
        if key.event == "release":
            self._held.pop(key.name, None)
            return
        is_new = self._held.pop(key.name, 0.0) < now
        self._held[key.name] = float("inf") if tells_releases else now + self.HOLD_S
        if is_new and key.event == "press":
            self._pressed = [*self._pressed, key.name][-3:]

    def next(self) -> str | None:
        """Gives the key that counts at this step, if any."""
        if self._pressed:
            return self._pressed.pop(0)
        now = time.monotonic()
        self._held = {name: until for name, until in self._held.items() if until >= now}
        return next(reversed(self._held), None)


def fit(pixels: Pixels, height: int, width: int) -> Pixels:
    """Enlarges a picture by the largest whole factor that fits, or shrinks it, by averaging, until it does."""
    factor = min(height // pixels.shape[0], width // pixels.shape[1])
    if factor >= 1:
        return np.repeat(np.repeat(pixels, factor, 0), factor, 1)
    share = min(height / pixels.shape[0], width / pixels.shape[1])
    smaller: NDArray[Any] = pixels.astype(np.float64)
    for axis in (0, 1):
        old = pixels.shape[axis]
        edges = np.arange(max(1, int(old * share))) * old // max(1, int(old * share))
        counts = np.diff([*edges, old]).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        smaller = np.add.reduceat(smaller, edges, axis) / counts
    return smaller.round().astype(np.uint8)


def half_blocks(pixels: Pixels, true_colours: bool = True) -> list[str]:
    """Writes a picture as lines of half blocks, two rows of pixels each; below an odd last row it is black."""
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros((1, *pixels.shape[1:]), np.uint8)])
    code = _true_colour if true_colours else _palette_colour
    lines = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        parts, last = [], None
        for above, below in zip(upper, lower, strict=True):
            if last != (above, below):
                parts.append(f"\x1b[38;{code(above)};48;{code(below)}m")
                last = (above, below)
            parts.append("▀")
        lines.append("".join(parts))
    return lines


def _true_colour(colour: list[int]) -> str:
    return f"2;{colour[0]};{colour[1]};{colour[2]}"


def _palette_colour(colour: list[int]) -> str:
    """The nearest of the 216 colours and 24 greys that terminals with 256 colours share."""
    steps = [0 if c < 48 else 1 if c < 115 else (c - 35) // 40 for c in colour]
    cube = [0 if step == 0 else 55 + 40 * step for step in steps]
    grey = min(max(round((sum(colour) / 3 - 8) / 10), 0), 23)
    cube_error = sum((a - b) ** 2 for a, b in zip(cube, colour, strict=True))
    if sum((8 + 10 * grey - c) ** 2 for c in colour) < cube_error:
        return f"5;{232 + grey}"
    return f"5;{16 + 36 * steps[0] + 6 * steps[1] + steps[2]}"


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
