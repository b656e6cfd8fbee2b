"""What `puffer sanity` shows: a table that fills up in a terminal, a line for each training in a log file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pufferlib.sanity._run import Result
from pufferlib.sanity._tasks import GOAL, SanityTask

Show = Callable[[list[Result], SanityTask | None], None]
"""Called with all results so far, and the task that is being trained."""

WIDTH = 132  # of the table in a log file


@contextmanager
def watching(tasks: Sequence[SanityTask], num_seeds: int, file: TextIO | None = None) -> Iterator[Show]:
    """Gives a function that shows the results so far; the table stays on the screen.

    Args:
        tasks: all that are to be trained.
        num_seeds: how often each.
        file: where it is shown; standard output, if left out.
    """
    file = file or sys.stdout
    if not file.isatty():
        num_shown = 0

        def show(results: list[Result], running: SanityTask | None) -> None:
            nonlocal num_shown
            for result in results[num_shown:]:
                print(f"seed {result.seed}  {result}", file=file, flush=True)
            num_shown = len(results)
            if running is None:
                Console(file=file, width=WIDTH).print(draw(tasks, num_seeds, results))

        yield show
        return
    with Live(console=Console(file=file), auto_refresh=False) as live:
        yield lambda results, running: live.update(draw(tasks, num_seeds, results, running), refresh=True)


def draw(
    tasks: Sequence[SanityTask], num_seeds: int, results: Sequence[Result], running: SanityTask | None = None
) -> Table:
    """Draws a row for each task; of several seeds the worst score and the longest time."""
    table = Table(caption=f"Solved: {GOAL:.0%} of the way from random play to the optimum.", caption_justify="left")
    for name in ("task", "random", "score", "optimum", "seconds"):
        table.add_column(name, justify="left" if name == "task" else "right")
    table.add_column("solved", justify="right")
    table.add_column("would catch")
    for task in tasks:
        mine = [result for result in results if result.task is task]
        table.add_row(*_row(task, mine, num_seeds, task is running), style=_style(mine))
    return table


def _row(task: SanityTask, results: Sequence[Result], num_seeds: int, is_running: bool) -> list[str]:
    score, seconds, solved = "", "", "..." if is_running else ""
    if results:
        worst = min(results, key=lambda result: result.normalized if result.score == result.score else float("-inf"))
        num_solved = sum(result.solved for result in results)
        score = f"{worst.score:.3f}" if worst.score == worst.score else "error"
        seconds = f"{max(result.seconds for result in results):.1f}"
        solved = f"{num_solved} of {len(results)}" if num_seeds > 1 else "yes" if num_solved else "NO"
        if not worst.supported:
            score, solved = "", "-"
    problem = next((f" ({result.error})" for result in results if result.error), "")
    catches = "; ".join(task.catches) + problem
    return [task.name, f"{task.random:.3f}", score, f"{task.optimum:.3f}", seconds, solved, catches]


def _style(results: Sequence[Result]) -> str:
    if not results:
        return "dim"
    if not all(result.supported for result in results):
        return "yellow"
    return "green" if all(result.solved for result in results) else "bold red"
