"""The backend of worker processes: environments in parallel, rows in shared memory, futexes for signals.

W workers have E / W consecutive environments each. What the driver waits for are groups of workers: all of them, or
(with zero-copy batches) any group of neighbours that fills a batch, or (with copied batches) single workers, the first
that are ready.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from pufferlib._native import core
from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption, PufferError, WorkerDied, WorkerStuck
from pufferlib.vector._arena import Arena, ArenaSpec, LostRows
from pufferlib.vector._batch import Block
from pufferlib.vector._cores import count_usable_cores
from pufferlib.vector._crew import Crew
from pufferlib.vector._infos import EndInfo, join_infos, no_infos
from pufferlib.vector._messages import Command, Reset, Status, dump_given, with_length
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._process import WATCH_S
from pufferlib.vector._worker_pool import WorkerPool, check_timeout, choose_num_workers

RESTARTED = 3  # a status that the driver itself sets; workers have those of Status
RESTART_ATTEMPTS = 3  # of one worker, before its last error is raised
SEED_STRIDE = 1_000_003  # a restarted environment must not play the same episode again
WORKER_SPIN_US = 100  # how long a worker looks for its next command before it sleeps
DRIVER_SPIN_US = 50  # the same for a driver that has a core of its own; another one sleeps at once


class Multiprocessing(WorkerPool):
    """Steps environments in worker processes.

    Batches: with all environments in a batch, `recv` waits for all. Otherwise with `zero_copy=True` it waits for the
    next group of neighbouring workers that fills a batch, whose rows are one piece of memory, and with
    `zero_copy=False` for the first workers that are ready, whose rows it gathers.

    Workers are started by exec, never by fork, so threads, CUDA and environments that can't be forked are safe.
    Creators travel by cloudpickle: lambdas and functions of `__main__` work. The workers end with the driver, however
    that ends.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ("timeout_s", "start_timeout_s", "on_failure", "python", "use_futex")

    def __init__(
        self,
        options: PoolOptions,
        timeout_s: float | None = 300.0,
        start_timeout_s: float | None = 300.0,
        on_failure: Literal["raise", "restart"] = "raise",
        python: str | None = None,
        use_futex: bool = True,
    ) -> None:
        """Starts the workers, which make their environments in parallel.

        Args:
            options: from `make`.
            timeout_s: the longest that workers may take to reset or step; None waits for ever.
            start_timeout_s: the longest that they may take to start and to make their environments.
            on_failure: "raise" fails the pool; "restart" makes a failed worker's environments anew, reports their rows
                as truncated, with the info `{"restarted": reason}`, and goes on.
            python: the interpreter of another virtual environment, which has pufferlib installed too.
            use_futex: False sleeps in naps instead, as on systems without futexes.

        Raises:
            InvalidVectorOption: an option is wrong, or the environments differ in their spaces.
            EnvironmentFailed: a creator raised.
            WorkerDied, WorkerStuck: a worker ended, or took too long, while it made its environments.
        """
        self._timeout_s = check_timeout("timeout_s", timeout_s)
        start_timeout_s = check_timeout("start_timeout_s", start_timeout_s)
        if on_failure not in ("raise", "restart"):
            raise InvalidVectorOption("on_failure", repr(on_failure), "is unknown.", "Choose 'raise' or 'restart'.")
        self._on_failure = on_failure
        self.num_workers = choose_num_workers(options, count_usable_cores())
        self.num_restarts = 0
        self._crew = Crew(options, self.num_workers, python, self._timeout_s, start_timeout_s)
        self._envs_per_worker = self._crew.envs_per_worker
        traits = self._crew.traits
        self._spin_us = DRIVER_SPIN_US if self.num_workers + 1 <= count_usable_cores() else 0
        spec = ArenaSpec.plan(options.num_envs, traits.num_slots, traits.emulated)
        arena = self._crew.attach(spec, options, WORKER_SPIN_US, use_futex)
        self._lines = self._crew.lines
        super().__init__(options, traits, arena)
        self._plan_groups()

    def _plan_groups(self) -> None:
        """Decides what `recv` waits for, and prepares the blocks that it may return."""
        workers_per_batch = self.options.batch_size // self._envs_per_worker
        self._gathers = not self._is_whole and not self._zero_copy
        self._group_size = 1 if self._gathers else workers_per_batch
        self._need = workers_per_batch if self._gathers else 1
        num_groups = self.num_workers // self._group_size
        self._pending = np.zeros(num_groups, np.uint8)
        self._calls = ["reset"] * num_groups  # what each is doing, for errors
        self._since = [0.0] * num_groups  # when it began
        self._next_watch = 0.0
        self._ready = np.zeros(self._need, np.int64)
        self._cursor = 0
        self._batch_groups: list[int] = []  # of the last batch
        self._reset = Reset([], None, None)
        self._restart_infos: dict[int, list[Any]] = {}
        envs_per_group = self._group_size * self._envs_per_worker
        self._blocks = [
            Block.of(self.arena, range(group * envs_per_group, (group + 1) * envs_per_group))
            for group in range(num_groups)
        ]
        # A gathered batch lives in an arena of its own, which no worker knows.
        spec = ArenaSpec.plan(self.options.batch_size, self.arena.spec.num_slots, self.emulated)
        if self._gathers:
            self._gathered = Block.of(Arena.allocate(spec), range(self.options.batch_size))

    # The contract

    def _start_reset(
        self, seeds: Sequence[int | None], options: dict[str, Any] | None, selected: npt.NDArray[np.bool_] | None
    ) -> None:
        reset = Reset(seeds, options, selected)
        data = dump_given("options", options, reset)
        self._drain()
        self._reset = reset
        self._begin("reset", Command.RESET, [data] * self.num_workers)
        self._cursor = 0

    def _start_step(self, block: Block) -> None:
        now = time.monotonic()
        if self._gathers:
            rows = self._envs_per_worker * self.arena.spec.num_slots
            for position, worker in enumerate(self._batch_groups):
                actions = block.actions[position * rows : (position + 1) * rows]
                self.arena.actions[worker * rows : (worker + 1) * rows] = actions
                core.signal_send(self._lines, worker, 1, _STEP)
                self._pending[worker] = 1
                self._calls[worker], self._since[worker] = "step", now
        else:
            group = self._batch_groups[0]
            core.signal_send(self._lines, group * self._group_size, self._group_size, _STEP)
            self._pending[group] = 1
            self._calls[group], self._since[group] = "step", now

    def _finish(self) -> tuple[Block, Any]:
        self._wait(self._need)
        self._batch_groups = self._ready.tolist()
        parts = []
        for group in self._batch_groups:
            first = group * self._group_size
            parts += [self._collect(worker) for worker in range(first, first + self._group_size)]
            self._pending[group] = 0
        infos = join_infos(parts)
        self._cursor = (self._batch_groups[-1] + 1) % len(self._pending)
        if not self._gathers:
            return self._blocks[self._batch_groups[0]], infos
        return self._gather(), infos

    def _gather(self) -> Block:
        """Copies the rows of the ready workers into one batch."""
        for position, worker in enumerate(self._batch_groups):
            self._gathered.put(position, self._blocks[worker])
        return self._gathered

    def _close_workers(self) -> PufferError | None:
        return self._crew.close()

    def _split_infos(self) -> None:
        super()._split_infos()
        self._crew.keep_infos_apart()

    # Talking to workers

    def _begin(self, call: str, command: Command, messages: list[bytes]) -> None:
        """Gives every worker, all idle, a command with a message."""
        self._calls = [call] * len(self._pending)
        for worker, data in enumerate(messages):
            try:
                self._crew.command(worker, command, with_length(data), call)
            except WorkerDied:
                pass  # noticed when it is waited for
            except WorkerStuck as error:
                self._handle(worker, error)
        self._pending[:] = 1
        self._since = [time.monotonic()] * len(self._pending)

    def _exchange(self, command: Command, messages: list[bytes]) -> tuple[list[Any], PufferError | None]:
        results: list[Any] = []
        failure: PufferError | None = None
        self._begin(command.name.lower(), command, messages)
        self._wait(len(self._pending))
        for worker in range(self.num_workers):
            try:
                results.append(self._collect(worker))
            except EnvironmentFailed as error:
                failure = failure or error
        self._pending[:] = 0
        return results, failure

    def _drain(self) -> None:
        """Waits for work under way, whose results nobody wants any more."""
        if self._pending.any():
            self._wait(int(np.count_nonzero(self._pending)))
            for group in np.flatnonzero(self._pending):
                for worker in range(group * self._group_size, (group + 1) * self._group_size):
                    self._collect(worker)
            self._pending[:] = 0

    def _wait(self, need: int) -> None:
        """Waits until `need` groups are ready and writes them into `_ready`; watches the workers meanwhile."""
        ready = self._ready if need <= len(self._ready) else np.zeros(need, np.int64)
        while True:
            found = core.signal_wait(
                self._lines, self._pending, self._group_size, need, self._cursor, ready, self._spin_us, WATCH_S
            )
            # Fast workers must not hide a slow one: those that aren't needed now are watched too.
            if time.monotonic() > self._next_watch:
                self._watch()
            if found == need:
                return

    def _watch(self) -> None:
        """Looks after the workers that have work: the dead, and those that are at it for too long."""
        now = time.monotonic()
        self._next_watch = now + WATCH_S
        for group in np.flatnonzero(self._pending).tolist():
            is_late = self._timeout_s is not None and now - self._since[group] > self._timeout_s
            for worker in range(group * self._group_size, (group + 1) * self._group_size):
                process, call = self._crew.processes[worker], self._calls[group]
                is_alive = process.is_alive
                is_done, status = core.signal_status(self._lines, worker)  # asked last: it may just have finished
                if is_done:
                    if status == Status.FAILED and call in ("step", "reset"):  # don't wait for the others
                        self._handle(worker, self._read_failure(worker))
                elif not is_alive:
                    self._handle(worker, process.death(call))
                elif is_late:
                    assert self._timeout_s is not None
                    self._handle(worker, WorkerStuck(worker, process.envs, self._timeout_s, call))

    def _collect(self, worker: int) -> Any:
        """Reads what a worker that is ready has to say: one info an environment, or the result of a call."""
        _, status = core.signal_status(self._lines, worker)
        if status == Status.SILENT:
            return no_infos(self._envs_per_worker, self.traits.episodes)
        if status == RESTARTED:
            return self._restart_infos.pop(worker)
        try:
            result: Any = self._crew.processes[worker].receive(self._calls[worker // self._group_size])
        except PufferError as error:
            self._handle(worker, error)
            return self._collect(worker)
        return result

    # Failures

    def _read_failure(self, worker: int) -> PufferError:
        """Reads what a worker that failed has to say."""
        try:
            self._crew.processes[worker].receive(self._calls[worker // self._group_size])
        except PufferError as error:
            return error
        raise AssertionError("a worker failed, but sent no failure")

    def _handle(self, worker: int, error: PufferError) -> None:
        """Raises the error, or restarts the worker, whose rows then tell of it."""
        call = self._calls[worker // self._group_size]
        if self._on_failure == "raise" or call not in ("step", "reset"):
            raise error
        for attempt in range(RESTART_ATTEMPTS):
            self.num_restarts += 1
            try:
                infos = self._restart(worker, call)
            except PufferError as again:
                if attempt == RESTART_ATTEMPTS - 1:
                    raise again from error
            else:
                self._restart_infos[worker] = [self._describe_restart(error, info, call) for info in infos]
                core.signal_done(self._lines, worker, RESTARTED)
                return

    def _restart(self, worker: int, call: str) -> list[Any]:
        """Makes a lost worker's environments anew and gives the infos of their reset.

        Those that the caller didn't want to reset get other seeds, and rows that end their episodes.
        """
        envs = self._crew.processes[worker].envs
        over = np.zeros(self.num_envs, np.bool_)
        if call == "step":
            over[envs.start : envs.stop] = True
        elif self._reset.selected is not None:
            over[envs.start : envs.stop] = ~self._reset.selected[envs.start : envs.stop]
        stride = SEED_STRIDE * self.num_restarts
        seeds = [s + stride if s is not None and new else s for s, new in zip(self._reset.seeds, over, strict=True)]
        options = None if call == "step" else self._reset.options
        lost = [LostRows.of(self.arena, int(env)) for env in np.flatnonzero(over)]
        infos = self._crew.replace(worker, Reset(seeds, options, None, over))
        for rows in lost:
            rows.end(self.arena, self.options.autoreset)
        return infos

    def _describe_restart(self, error: PufferError, info: Any, call: str) -> Any:
        """Words the info of an environment that was lost."""
        if call == "reset":
            return {**info, "restarted": str(error)}
        both = EndInfo({"restarted": str(error)}, info)
        return both if self._is_split else both.merged()


_STEP = int(Command.STEP)  # an enum member is slow to look up on the step path
