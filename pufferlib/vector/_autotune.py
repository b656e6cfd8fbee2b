"""Finds the fastest way to run an environment on this machine: measures settings of `make` one after the other.

E environments, W workers, batches of B / A environments; A agent slots in each.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from pufferlib.exceptions import InvalidVectorOption, VectorError
from pufferlib.vector._cores import count_usable_cores
from pufferlib.vector._make import make
from pufferlib.vector._multiprocessing import Multiprocessing
from pufferlib.vector._options import Creator, check_count
from pufferlib.vector._pool import Pool

NUM_SLICES = 5  # of a measurement; the median isn't moved by one slow moment of the machine
NUM_ACTIONS = 16  # batches of random actions, drawn before time is taken
MULTIPLES = (2, 3, 4)  # environments for one in a batch, where batches are smaller than the pool
_HEADER = ("mode", "num_envs", "num_workers", "batch_size", "steps/s", "us a batch", "beside serial")


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to call `pufferlib.vector.make`."""

    mode: str  # "serial", "synchronous", "zero-copy blocks" or "asynchronous"
    num_envs: int
    num_workers: int | None  # None: no workers
    batch_size: int  # environments
    zero_copy: bool = True
    backend: str = "multiprocessing"  # of the workers; "threads" where the environment is native

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `make`, without defaults."""
        options: dict[str, Any] = {"backend": "serial" if self.num_workers is None else self.backend}
        options["num_envs"] = self.num_envs
        if self.num_workers is not None:
            options["num_workers"] = self.num_workers
        if self.batch_size != self.num_envs:
            options["batch_size"] = self.batch_size
        if not self.zero_copy:
            options["zero_copy"] = False
        return options

    def code(self, creator: str = "env_creator") -> str:
        """The call of `make` as Python, to copy."""
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"envs = pufferlib.vector.make({creator}, {options})"


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting and what it was measured to do; neither a speed nor a failure: not yet measured."""

    setting: Setting
    steps_per_s: float | None = None  # environment steps, with random actions
    failure: str = ""  # why it can't be used

    @property
    def is_measured(self) -> bool:
        """Whether its turn is over."""
        return self.steps_per_s is not None or bool(self.failure)

    @property
    def batch_us(self) -> float | None:
        """Microseconds from one batch to the next."""
        return None if self.steps_per_s is None else 1e6 * self.setting.batch_size / self.steps_per_s


@dataclass(frozen=True, slots=True)
class Tuning:
    """What `autotune` found; its text is a table with the best setting below."""

    trials: tuple[Trial, ...]  # in the order in which they are measured

    @property
    def best(self) -> Trial:
        """The fastest one; among equally fast ones the simplest."""
        return max(self.trials, key=lambda trial: trial.steps_per_s or 0.0)

    def rows(self) -> list[tuple[str, ...]]:
        """The table as text: a header, then one row a trial."""
        serial = next((trial.steps_per_s for trial in self.trials if trial.setting.num_workers is None), None)
        return [_HEADER, *(_format(trial, serial) for trial in self.trials)]

    def __str__(self) -> str:
        return f"{_align(self.rows())}\n\n{self.best.setting.code()}"


def autotune(
    env_creator: Creator,
    batch_size: int,
    env_args: Sequence[Any] | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    max_envs: int | None = None,
    max_workers: int | None = None,
    measure_s: float = 1.0,
    policy_s: float = 0.0,
    watch: Callable[[Tuning], None] | None = None,
    **kwargs: Any,
) -> Tuning:
    """Measures serial, synchronous, zero-copy and asynchronous settings with random actions.

    Args:
        env_creator: as in `make`, one for all environments.
        batch_size: environments (not rows) that the policy shall get at a time.
        env_args: positional arguments of the creator.
        env_kwargs: keyword arguments of the creator.
        max_envs: the most environments; four batches of them, if left out.
        max_workers: the most worker processes; twice the usable cores, if left out.
        measure_s: seconds for each setting, beside the time that its environments need to start.
        policy_s: seconds that the policy will take for a batch, in which workers may go on: slept between batches.
        watch: called with all trials before the first measurement and after each.
        kwargs: further options of `make`, such as `autoreset`; those of worker processes, such as `timeout_s`, too.

    Returns:
        All trials, the best among them. Settings that fail, for want of memory perhaps, say so and aren't fatal.

    Raises:
        InvalidVectorOption: an option is wrong.
        VectorError, OSError, MemoryError: every setting failed; this is the first one's error.
    """
    batch_size = check_count("batch_size", batch_size)
    max_envs = 4 * batch_size if max_envs is None else check_count("max_envs", max_envs)
    max_workers = 2 * count_usable_cores() if max_workers is None else check_count("max_workers", max_workers)
    _check_seconds("measure_s", measure_s, least=math.ulp(0.0))
    _check_seconds("policy_s", policy_s, least=0.0)
    if max_envs < batch_size:
        problem = f"is less than batch_size={batch_size}."
        raise InvalidVectorOption("max_envs", str(max_envs), problem, f"The least is {batch_size}.")
    trials = [Trial(setting) for setting in list_settings(batch_size, max_envs, max_workers)]
    watch = watch or (lambda tuning: None)
    watch(Tuning(tuple(trials)))
    first_error: Exception | None = None
    for position in range(len(trials)):
        trial = trials[position]
        options = {**kwargs, **trial.setting.options}
        if options["backend"] != "multiprocessing":
            options = {name: value for name, value in options.items() if name not in Multiprocessing.OPTIONS}
        try:
            with make(env_creator, env_args, env_kwargs, **options) as pool:
                if position == 0 and pool.traits.episodes is not None:
                    trials = [replace(t, setting=replace(t.setting, backend="threads")) for t in trials]
                trials[position] = replace(trial, steps_per_s=measure(pool, measure_s, policy_s))
        except (VectorError, OSError, MemoryError) as error:
            first_error = first_error or error
            trials[position] = replace(trial, failure=_first_line(error))
        watch(Tuning(tuple(trials)))
    if first_error is not None and all(trial.failure for trial in trials):
        raise first_error
    return Tuning(tuple(trials))


def list_settings(batch_size: int, max_envs: int, max_workers: int) -> list[Setting]:
    """Lists what is worth measuring, the simplest first.

    Args:
        batch_size: environments in a batch.
        max_envs: the most in a pool.
        max_workers: the most processes.
    """
    shares = _spread([w for w in range(1, min(batch_size, max_workers) + 1) if batch_size % w == 0])
    settings = [Setting("serial", batch_size, None, batch_size)]
    settings += [Setting("synchronous", batch_size, workers, batch_size) for workers in shares]
    for mode, zero_copy in (("zero-copy blocks", True), ("asynchronous", False)):
        for multiple in MULTIPLES:
            num_envs = multiple * batch_size
            fitting = [multiple * share for share in shares if multiple * share <= max_workers]
            if num_envs <= max_envs:
                settings += [Setting(mode, num_envs, workers, batch_size, zero_copy) for workers in fitting]
    return settings


def measure(pool: Pool, measure_s: float, policy_s: float = 0.0) -> float:
    """Steps a pool with random actions and gives its environment steps per second."""
    pool.action_space.seed(1)
    actions = cycle([pool.action_space.sample() for _ in range(NUM_ACTIONS)])
    pool.async_reset(seed=1)
    batch_size = pool.options.batch_size
    for _ in range(2 * pool.num_envs // batch_size):  # the reset, and the first step of each
        pool.recv()
        pool.send(next(actions))
    rates = [_run(pool, actions, measure_s / NUM_SLICES, policy_s) for _ in range(NUM_SLICES)]
    pool.recv()
    return statistics.median(rates) * batch_size


def _run(pool: Pool, actions: Iterator[Any], slice_s: float, policy_s: float) -> float:
    """Steps for a while, at least once; gives batches per second."""
    count, start = 0, time.perf_counter()
    while True:
        pool.recv()
        if policy_s:
            time.sleep(policy_s)
        pool.send(next(actions))
        count += 1
        elapsed_s = time.perf_counter() - start
        if elapsed_s >= slice_s:
            return count / elapsed_s


def _spread(counts: Sequence[int]) -> list[int]:
    """Keeps the largest count and about one for each halving below it."""
    kept: list[int] = []
    for count in reversed(counts):
        if not kept or 2 * count <= kept[-1] or count == 1:
            kept.append(count)
    return sorted(kept)


def _format(trial: Trial, serial: float | None) -> tuple[str, ...]:
    """Words one row of the table."""
    setting, steps_per_s, batch_us = trial.setting, trial.steps_per_s, trial.batch_us
    workers = "-" if setting.num_workers is None else str(setting.num_workers)
    row = (setting.mode, str(setting.num_envs), workers, str(setting.batch_size))
    if steps_per_s is None or batch_us is None:
        return (*row, trial.failure or "...", "", "")
    return (*row, f"{steps_per_s:,.0f}", f"{batch_us:,.0f}", f"{steps_per_s / serial:.2f}x" if serial else "-")


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Writes rows as columns: the first to the left, numbers to the right."""
    # The widths don't depend on the numbers, so that rows can be printed one by one; a failure sticks out to the right.
    widths = [len(name) for name in _HEADER]
    widths[0] = max(len(row[0]) for row in rows)
    widths[4] = max(widths[4], len("1,000,000"))
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def _check_seconds(option: str, value: Any, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
        problem = "is no number of seconds that can be waited."
        raise InvalidVectorOption(option, repr(value), problem, "Pass a positive number.")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
