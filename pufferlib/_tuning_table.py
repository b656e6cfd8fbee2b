"""What `puffer autotune` shows: a table that fills up in a terminal, a line for each setting in a log file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from pufferlib.vector import Tuning

if TYPE_CHECKING:
    from rich.table import Table


@contextmanager
def watching(title: str, file: TextIO | None = None) -> Iterator[Callable[[Tuning], None]]:
    """Gives what `autotune` takes as `watch`.

    Args:
        title: above the table.
        file: where it is shown; standard output, if left out.
    """
    file = file or sys.stdout
    if not file.isatty():
        print(title, file=file, flush=True)
        yield PlainTable(file).show
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=file), auto_refresh=False) as live:
        yield lambda tuning: live.update(draw(title, tuning), refresh=True)


class PlainTable:
    """Prints each row once, as soon as it is measured."""

    def __init__(self, file: TextIO) -> None:
        """Has printed nothing yet."""
        self._file = file
        self._num_printed = 0

    def show(self, tuning: Tuning) -> None:
        """Prints the rows that are new; the header first."""
        num_measured = sum(1 for trial in tuning.trials if trial.is_measured)
        lines = str(tuning).splitlines()[: 1 + num_measured]
        for line in lines[self._num_printed :]:
            print(line, file=self._file, flush=True)
        self._num_printed = len(lines)


def draw(title: str, tuning: Tuning) -> Table:
    """Draws all rows; the fastest yet is green."""
    from rich.table import Table

    header, *rows = tuning.rows()
    table = Table(title=title, title_justify="left")
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if position else "left")
    for trial, row in zip(tuning.trials, rows, strict=True):
        is_best = trial is tuning.best and trial.steps_per_s is not None
        style = "bold green" if is_best else "red" if trial.failure else "" if trial.is_measured else "dim"
        table.add_row(*row, style=style)
    return table
