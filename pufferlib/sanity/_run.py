"""Lets a trainer take the tasks one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pufferlib.sanity._evaluate import Act, evaluate
from pufferlib.sanity._tasks import GOAL, SanityTask, tasks

Solver: TypeAlias = Callable[[SanityTask, int], Act]
"""A trainer: `solve(task, seed)` trains and gives back how to act.

It raises `NotImplementedError` for a task that it has no means for, such as recurrence.
"""


@dataclass(frozen=True)
class Result:
    """How one training went."""

    task: SanityTask
    seed: int
    score: float
    """Mean over the episodes of the evaluation, raw; not a number if the trainer failed."""
    seconds: float
    """Of training and evaluation."""
    error: str = ""
    """What the trainer raised, if it did."""
    supported: bool = True
    """Whether the trainer has the means for this task."""

    @property
    def normalized(self) -> float:
        """The score on the scale on which random play has 0 and the optimum 1."""
        return self.task.normalize(self.score)

    @property
    def solved(self) -> bool:
        """Whether 0.9 of the way from random play to the optimum was made."""
        return self.normalized >= GOAL

    def __str__(self) -> str:
        """Says it in a line."""
        if not self.supported:
            return f"{self.task.name}: not supported ({self.error})"
        verdict = "solved" if self.solved else f"not solved {self.error}".rstrip()
        return f"{self.task.name}: {self.score:.3f} of {self.task.optimum:.3g} in {self.seconds:.1f} s, {verdict}"


def run(
    solve: Solver,
    names: Sequence[str] = (),
    seeds: Iterable[int] = (1,),
    before: Callable[[SanityTask], None] | None = None,
) -> Iterator[Result]:
    """Trains each task with each seed, plays with what was learned, and gives the results as they come.

    A task that the trainer fails in with an error counts as not solved; the others go on.

    Args:
        solve: the trainer.
        names: of the tasks; none: all.
        seeds: each task is trained once with each.
        before: called with each task before it is trained.
    """
    for task in tasks(names):
        for seed in seeds:
            if before is not None:
                before(task)
            yield attempt(solve, task, seed)


def attempt(solve: Solver, task: SanityTask, seed: int) -> Result:
    """Trains one task once."""
    started = time.perf_counter()
    score, error, supported = float("nan"), "", True
    try:
        score = evaluate(task, solve(task, seed), seed)
    except NotImplementedError as cause:
        error, supported = str(cause), False
    except Exception as cause:  # noqa: BLE001 - whatever a broken trainer does, it is a result
        error = f"{type(cause).__name__}: {cause}"
    return Result(task, seed, score, time.perf_counter() - started, error, supported)
