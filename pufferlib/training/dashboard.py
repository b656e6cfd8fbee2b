"""What one sees while a policy learns: a panel in a terminal, plain lines in a log file."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

MAX_INFOS = 12  # of an environment's own numbers on the panel; the log has them all
BARS = "▁▂▃▄▅▆▇█"
_LABELS = {
    "episode_return": "return",
    "episode_length": "length",
    "episodes": "episodes",
    "policy_loss": "policy loss",
    "value_loss": "value loss",
    "entropy": "entropy",
    "kl": "KL",
    "clip_fraction": "clipped",
    "explained_variance": "explained variance",
    "grad_norm": "gradient norm",
    "learning_rate": "learning rate",
}


class Dashboard(Protocol):
    """What the trainer shows its progress on."""

    def show(self, metrics: Mapping[str, float], step: int) -> None:
        """Takes the metrics of one update."""

    def close(self) -> None:
        """Leaves the last state on the screen."""


def open_dashboard(title: str, total_steps: int, file: TextIO | None = None) -> Dashboard:
    """Opens the panel if `file` (standard output) is a terminal, else plain lines."""
    file = file or sys.stdout
    if file.isatty():
        return PanelDashboard(title, total_steps, Console(file=file))
    return PlainDashboard(title, total_steps, file)


class PlainDashboard:
    """Prints a line when something new can be said: at most one in `interval_s` seconds, and the last one."""

    def __init__(self, title: str, total_steps: int, file: TextIO, interval_s: float = 2.0) -> None:
        """Prints the heading."""
        self._total_steps, self._file, self._interval_s = total_steps, file, interval_s
        self._next_s = -math.inf
        print(title, file=file, flush=True)

    def show(self, metrics: Mapping[str, float], step: int) -> None:
        """Prints a line, if one is due."""
        now = time.monotonic()
        if now < self._next_s and step < self._total_steps:
            return
        self._next_s = now + self._interval_s
        parts = [f"{step:>11,} steps {step / self._total_steps:4.0%}"]
        parts += [f"{metrics['steps_per_second']:>9,.0f}/s"]
        parts += [f"{_LABELS[name]} {format_number(metrics[name])}" for name in ("episode_return", "entropy", "kl")]
        print("  ".join(parts), file=self._file, flush=True)

    def close(self) -> None:
        """Has nothing left to print."""


class PanelDashboard:
    """A panel that redraws itself in place."""

    def __init__(self, title: str, total_steps: int, console: Console) -> None:
        """Draws the empty panel."""
        self._title, self._total_steps = title, total_steps
        self._returns: list[float] = []
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()
        self._next_s = -math.inf

    def show(self, metrics: Mapping[str, float], step: int) -> None:
        """Redraws the panel, ten times a second at most."""
        self._returns.append(metrics["episode_return"])
        now = time.monotonic()
        if now < self._next_s and step < self._total_steps:
            return
        self._next_s = now + 0.1
        self._live.update(self._draw(metrics, step), refresh=True)

    def close(self) -> None:
        """Leaves the panel on the screen and gives the cursor back."""
        self._live.stop()

    def _draw(self, metrics: Mapping[str, float], step: int) -> Panel:
        rate = metrics["steps_per_second"]
        left = (self._total_steps - step) / rate if rate else math.nan
        head = Table.grid(padding=(0, 2))
        head.add_row(f"[bold]{step:,}[/] of {self._total_steps:,} steps", f"[bold]{rate:,.0f}[/] steps/s")
        head.add_row(f"{format_seconds(metrics['seconds'])} elapsed", f"{format_seconds(left)} left")
        numbers = Table.grid(padding=(0, 2))
        labels = {name: label for name, label in _LABELS.items() if name in metrics}
        infos = [name for name in metrics if name.startswith("info/")][:MAX_INFOS]
        labels |= {name: name.removeprefix("info/").replace("_", " ") for name in infos}
        shown = list(labels)
        for i in range(0, len(shown), 2):
            cells = [cell for name in shown[i : i + 2] for cell in (labels[name], format_number(metrics[name]))]
            numbers.add_row(*(f"[dim]{cell}[/]" if j % 2 == 0 else cell for j, cell in enumerate(cells)))
        shares = " ".join(
            f"[dim]{name}[/] {metrics[f'share_{name}']:.0%}"
            for name in ("environments", "policy", "learning")
            if f"share_{name}" in metrics
        )
        body = Table.grid(padding=(0, 0))
        for row in (
            head,
            ProgressBar(total=self._total_steps, completed=step, width=60),
            numbers,
            shares,
            f"[green]{sparkline(self._returns, 60)}[/] return",
        ):
            body.add_row(row)
        return Panel(body, title=self._title, title_align="left", width=76)


def sparkline(values: Sequence[float], width: int) -> str:
    """Draws numbers as a row of little bars, low to high; see `plot`."""
    return _bars(_columns(values, width), height=1)[0]


def plot(values: Sequence[float], width: int = 60, height: int = 8) -> str:
    """Draws a curve as text, with its highest and lowest value beside it.

    Args:
        values: any number of them; neighbours are averaged to fit, NaN is left blank.
        width: columns at most.
        height: lines.
    """
    columns = _columns(values, width)
    known = [value for value in columns if math.isfinite(value)]
    if not known:
        return "(no episode ended)"
    labels = [format_number(max(known)), *[""] * (height - 2), format_number(min(known))]
    margin = max(map(len, labels))
    return "\n".join(f"{label:>{margin}} │{row}" for label, row in zip(labels, _bars(columns, height), strict=True))


def _columns(values: Sequence[float], width: int) -> list[float]:
    """Averages neighbours until at most `width` are left."""
    count = min(width, len(values))
    columns = []
    for i in range(count):
        part = values[i * len(values) // count : (i + 1) * len(values) // count]
        known = [value for value in part if math.isfinite(value)]
        columns.append(sum(known) / len(known) if known else math.nan)
    return columns


def _bars(columns: Sequence[float], height: int) -> list[str]:
    """Draws bars from the lowest value (an eighth of a line) to the highest (all lines), the top line first."""
    known = [value for value in columns if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    scale = (len(BARS) * height - 1) / (high - low) if high > low else 0.0
    eighths = [1 + round((value - low) * scale) if math.isfinite(value) else 0 for value in columns]
    floors = [line * len(BARS) for line in reversed(range(height))]
    return ["".join((" " + BARS)[max(0, min(len(BARS), n - floor))] for n in eighths) for floor in floors]


def format_number(value: float) -> str:
    """Writes a metric in few characters."""
    if not math.isfinite(value):
        return "-"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def format_seconds(seconds: float) -> str:
    """Writes a time as 0:07, 12:34 or 1:02:03."""
    if not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
