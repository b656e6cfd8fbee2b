"""The backend of worker processes: environments in parallel, rows in shared memory, futexes for signals.

W workers have E / W consecutive environments each. What the driver waits for are groups of workers: all of them, or
(with zero-copy batches) any group of neighbours that fills a batch, or (with copied batches) single workers, the first
that are ready.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from pufferlib._native import core
from pufferlib.emulation import emulate
from pufferlib.exceptions import InvalidVectorOption, PufferError, VectorStateError, WorkerDied, WorkerStuck
from pufferlib.vector._arena import Arena, ArenaSpec
from pufferlib.vector._batch import Block
from pufferlib.vector._cores import count_usable_cores
from pufferlib.vector._group import Traits, check_same_spaces
from pufferlib.vector._memory import SharedMemory
from pufferlib.vector._messages import Attach, Command, Status
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._pool import Pool, State
from pufferlib.vector._process import GRACE_S, WorkerProcess

WATCH_S = 0.2  # how often a waiting driver looks whether its workers live
RESTARTED = 3  # a status that the driver itself sets; workers have those of Status
SEED_STRIDE = 1_000_003  # a restarted environment must not play the same episode again
SPINS = 3000  # looks at a signal before sleeping, some 50 us; only where every process has a core of its own


class Multiprocessing(Pool):
    """Steps environments in worker processes.

    Batches: with all environments in a batch, `recv` waits for all. Otherwise with `zero_copy=True` it waits for the
    next group of neighbouring workers that fills a batch, whose rows are one piece of memory, and with
    `zero_copy=False` for the first workers that are ready, whose rows it gathers.

    Workers are started by exec, never by fork, so threads, CUDA and environments that can't be forked are safe.
    Creators travel by cloudpickle: lambdas and functions of `__main__` work. The workers end with the driver, however
    that ends.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ("timeout_s", "on_failure", "python", "use_futex")

    def __init__(
        self,
        options: PoolOptions,
        timeout_s: float | None = 300.0,
        on_failure: Literal["raise", "restart"] = "raise",
        python: str | None = None,
        use_futex: bool = True,
    ) -> None:
        """Starts the workers, which make their environments in parallel.

        Args:
            options: from `make`.
            timeout_s: the longest that workers may take to start, reset or step; None waits for ever.
            on_failure: "raise" fails the pool; "restart" makes a failed worker's environments anew, reports their rows
                as truncated, with the info `{"restarted": reason}`, and goes on.
            python: the interpreter of another virtual environment, which has pufferlib installed too.
            use_futex: False sleeps in naps instead, as on systems without futexes.

        Raises:
            InvalidVectorOption: an option is wrong, or the environments differ in their spaces.
            EnvironmentFailed: a creator raised.
            WorkerDied, WorkerStuck: a worker ended, or took too long, while it made its environments.
        """
        self._timeout_s = _check_timeout(timeout_s)
        if on_failure not in ("raise", "restart"):
            raise InvalidVectorOption("on_failure", repr(on_failure), "is unknown.", "Choose 'raise' or 'restart'.")
        self._on_failure = on_failure
        self._python = python or sys.executable
        self._recipes = options.recipes
        num_workers = choose_num_workers(options)
        self.num_workers = num_workers
        self._envs_per_worker = options.num_envs // num_workers
        self._memory = SharedMemory()
        self._workers: list[WorkerProcess] = []
        self._finalizer = weakref.finalize(self, _abandon, self._workers, self._memory, os.getpid())
        self._driver_env: Any = None
        self.num_restarts = 0
        try:
            for worker in range(num_workers):
                self._workers.append(self._spawn(worker))
            traits = self._compare([process.receive("constructor", timeout_s) for process in self._workers])
            spec = ArenaSpec.plan(options.num_envs, traits.num_slots, traits.emulated)
            signal_size = core.signal_size(num_workers)
            memory = self._memory.resize(signal_size + spec.size_bytes)
            self._lines = memory[:signal_size]
            self._spins = SPINS if num_workers + 1 <= count_usable_cores() else 0
            uses_futex = bool(core.signal_use_futex(use_futex))
            size = signal_size + spec.size_bytes
            infos = options.infos
            self._attach = Attach(spec, signal_size, size, options.autoreset, infos, self._spins, uses_futex)
            for process in self._workers:
                process.send(self._attach, "constructor")
            for process in self._workers:
                process.receive("constructor", timeout_s)
        except BaseException:
            self._finalizer()
            raise
        super().__init__(options, traits, Arena(spec, memory[signal_size:]))
        self._plan_groups()

    def _plan_groups(self) -> None:
        """Decides what `recv` waits for, and prepares the blocks that it may return."""
        workers_per_batch = self.options.batch_size // self._envs_per_worker
        self._gathers = not self._is_whole and not self._zero_copy
        self._group_size = 1 if self._gathers else workers_per_batch
        self._need = workers_per_batch if self._gathers else 1
        num_groups = self.num_workers // self._group_size
        self._pending = np.zeros(num_groups, np.uint8)
        self._ready = np.zeros(self._need, np.int64)
        self._cursor = 0
        self._batch_groups: list[int] = []  # of the last batch
        self._call_name = "reset"  # what the workers are doing, for errors
        self._reset_message: tuple[Any, ...] = ()
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

    @property
    def driver_env(self) -> Any:
        """An environment of this process, made when it is first asked for, to read attributes from."""
        if self._driver_env is None:
            self._driver_env = emulate(self._recipes[0]())
        return self._driver_env

    # The contract

    def _start_reset(
        self, seeds: list[int | None], options: dict[str, Any] | None, selected: npt.NDArray[np.bool_] | None
    ) -> None:
        self._drain()
        self._call_name = "reset"
        self._reset_message = (seeds, options, selected)
        for worker in range(self.num_workers):
            self._command(worker, Command.RESET, self._reset_message)
        self._pending[:] = 1
        self._cursor = 0

    def _start_step(self, block: Block) -> None:
        self._call_name = "step"
        if self._gathers:
            rows = self._envs_per_worker * self.arena.spec.num_slots
            for position, worker in enumerate(self._batch_groups):
                actions = block.actions[position * rows : (position + 1) * rows]
                self.arena.actions[worker * rows : (worker + 1) * rows] = actions
                core.signal_send(self._lines, worker, 1, _STEP)
                self._pending[worker] = 1
        else:
            group = self._batch_groups[0]
            core.signal_send(self._lines, group * self._group_size, self._group_size, _STEP)
            self._pending[group] = 1

    def _finish(self) -> tuple[Block, list[Any]]:
        self._wait(self._need)
        self._batch_groups = self._ready.tolist()
        infos: list[Any] = []
        for group in self._batch_groups:
            first = group * self._group_size
            for worker in range(first, first + self._group_size):
                infos += self._collect(worker)
            self._pending[group] = 0
        self._cursor = (self._batch_groups[-1] + 1) % len(self._pending)
        if not self._gathers:
            return self._blocks[self._batch_groups[0]], infos
        return self._gather(), infos

    def _gather(self) -> Block:
        """Copies the rows of the ready workers into one batch."""
        target, size = self._gathered, self._envs_per_worker * self.arena.spec.num_slots
        for position, worker in enumerate(self._batch_groups):
            source = self._blocks[worker]
            rows = slice(position * size, (position + 1) * size)
            target.observations[rows] = source.observations
            target.rewards[rows] = source.rewards
            target.terminals[rows] = source.terminals
            target.truncations[rows] = source.truncations
            target.mask[rows] = source.mask
            target.env_id[rows] = source.env_id
            if (source.terminals | source.truncations).any():
                target.final_observations[rows] = source.final_observations
            own = slice(position * self._envs_per_worker, (position + 1) * self._envs_per_worker)
            target.episode_over[own] = source.episode_over
        return target

    def _close(self) -> None:
        failure: PufferError | None = None
        try:
            for worker in range(self.num_workers):
                if core.signal_status(self._lines, worker)[0]:  # idle; others get no time to finish
                    core.signal_send(self._lines, worker, 1, int(Command.CLOSE))
                else:
                    self._workers[worker].process.kill()
            for worker, process in enumerate(self._workers):
                deadline = time.monotonic() + max(GRACE_S, self._timeout_s or GRACE_S)
                while process.is_alive and time.monotonic() < deadline:
                    done, status = core.signal_status(self._lines, worker)
                    if done:
                        if status == Status.FAILED:
                            failure = failure or self._read_failure(process)
                        break
                    time.sleep(0.001)
        finally:
            self._finalizer()
            if self._driver_env is not None:
                self._driver_env.close()
        if failure is not None:
            raise failure

    def _read_failure(self, process: WorkerProcess) -> PufferError | None:
        try:
            process.receive("close", GRACE_S)
        except PufferError as error:
            return error
        return None

    def _split_infos(self) -> None:
        self._ask(Command.SPLIT, [None] * self.num_workers)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        results = self._ask(Command.CALL, [(name, args, kwargs)] * self.num_workers)
        return tuple(value for values in results for value in values)

    def _set_attr(self, name: str, values: Sequence[Any]) -> None:
        size = self._envs_per_worker
        self._ask(Command.SET, [(name, values[w * size : (w + 1) * size]) for w in range(self.num_workers)])

    # Talking to workers

    def _spawn(self, worker: int) -> WorkerProcess:
        size = self._envs_per_worker
        envs = range(worker * size, (worker + 1) * size)
        return WorkerProcess(worker, envs, self._recipes[envs.start : envs.stop], self._memory, self._python)

    def _compare(self, traits: list[Traits]) -> Traits:
        for worker, other in enumerate(traits):
            check_same_spaces(traits[0], other, worker * self._envs_per_worker)
        return traits[0]

    def _command(self, worker: int, command: Command, message: Any) -> None:
        """Gives an idle worker a command with a message; one that is gone is noticed when it is waited for."""
        core.signal_send(self._lines, worker, 1, int(command))
        try:
            self._workers[worker].send(message, self._call_name)
        except WorkerDied:
            pass

    def _ask(self, command: Command, messages: list[Any]) -> list[Any]:
        """Has every worker, all idle, do something and answer."""
        if self._pending.any() or self._state in (State.FAILED, State.CLOSED):
            raise VectorStateError(command.name.lower(), "The workers are busy.", "Call recv() first.")
        self._call_name = command.name.lower()
        for worker, message in enumerate(messages):
            self._command(worker, command, message)
        self._pending[:] = 1
        self._wait(len(self._pending))
        self._pending[:] = 0
        return [self._collect(worker) for worker in range(self.num_workers)]

    def _drain(self) -> None:
        """Waits for work under way, whose results nobody wants any more."""
        if self._pending.any():
            self._wait(int(np.count_nonzero(self._pending)))
            for group in np.flatnonzero(self._pending):
                for worker in range(group * self._group_size, (group + 1) * self._group_size):
                    self._collect(worker)
            self._pending[:] = 0

    def _wait(self, need: int) -> None:
        """Waits until `need` groups are ready and writes them into `_ready`."""
        ready = self._ready if need <= len(self._ready) else np.zeros(need, np.int64)
        deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        while True:
            found = core.signal_wait(
                self._lines, self._pending, self._group_size, need, self._cursor, ready, self._spins, WATCH_S
            )
            if found == need:
                return
            if self._watch(deadline is not None and time.monotonic() > deadline):
                deadline = None if self._timeout_s is None else time.monotonic() + self._timeout_s

    def _watch(self, is_late: bool) -> bool:
        """Looks after the workers that are waited for: the dead, and at the deadline the slow.

        Returns:
            Whether any was restarted.
        """
        num_restarts = self.num_restarts
        for group in np.flatnonzero(self._pending):
            for worker in range(group * self._group_size, (group + 1) * self._group_size):
                process = self._workers[worker]
                if core.signal_status(self._lines, worker)[0]:
                    continue
                if not process.is_alive:
                    self._handle(worker, process.death(self._call_name))
                elif is_late:
                    assert self._timeout_s is not None
                    self._handle(worker, WorkerStuck(worker, process.envs, self._timeout_s, self._call_name))
        return self.num_restarts > num_restarts

    def _collect(self, worker: int) -> list[Any]:
        """Reads what a worker that is ready has to say: one info an environment, or the result of a call."""
        _, status = core.signal_status(self._lines, worker)
        if status == Status.SILENT:
            return [{} for _ in range(self._envs_per_worker)]
        if status == RESTARTED:
            return self._restart_infos.pop(worker)
        process = self._workers[worker]
        try:
            result: list[Any] = process.receive(self._call_name, self._timeout_s)
        except PufferError as error:
            self._handle(worker, error)
            return self._collect(worker)
        return result

    # Failures

    def _handle(self, worker: int, error: PufferError) -> None:
        """Raises the error, or restarts the worker, whose rows then tell of it."""
        if self._on_failure == "raise" or self._call_name not in ("step", "reset"):
            raise error
        self.num_restarts += 1
        old, num_slots = self._workers[worker], self.arena.spec.num_slots
        old.kill()
        rows = slice(old.envs.start * num_slots, old.envs.stop * num_slots)
        last, was_there = self.arena.observations[rows].copy(), self.arena.mask[rows].copy()
        process = self._workers[worker] = self._spawn(worker)
        process.receive("constructor", self._timeout_s)
        self._lines[core.signal_size(worker) : core.signal_size(worker + 1)] = 0
        process.send(self._attach, "constructor")
        process.receive("constructor", self._timeout_s)
        seeds, options, selected = self._reset_message
        if self._call_name == "step":
            stride = SEED_STRIDE * self.num_restarts
            seeds, options, selected = [None if s is None else s + stride for s in seeds], None, None
        core.signal_send(self._lines, worker, 1, int(Command.RESET))
        process.send((seeds, options, selected), "reset")
        process.receive("reset", self._timeout_s)
        if self._call_name == "step":
            self.arena.final_observations[rows] = last
            self.arena.truncations[rows] = was_there
        self._restart_infos[worker] = [{"restarted": str(error)} for _ in process.envs]
        core.signal_done(self._lines, worker, RESTARTED)


def choose_num_workers(options: PoolOptions) -> int:
    """Checks the number of workers, or chooses as many as there are usable cores, as far as they fit.

    Raises:
        InvalidVectorOption: a batch isn't made of whole workers.
    """
    num_envs, batch_size = options.num_envs, options.batch_size
    fitting = [w for w in range(1, num_envs + 1) if num_envs % w == 0 and batch_size % (num_envs // w) == 0]
    if options.num_workers is None:
        cores = count_usable_cores()
        return max((w for w in fitting if w <= cores), default=fitting[0])
    if options.num_workers not in fitting:
        nearest = sorted(fitting, key=lambda w: (abs(w - options.num_workers), w))[:2]  # type: ignore[operator]
        share = num_envs // options.num_workers
        problem = f"gives each worker {share} environments, of which batch_size={batch_size} is no multiple."
        remedy = f"Nearest that fit: {' or '.join(str(w) for w in sorted(nearest))}."
        raise InvalidVectorOption("num_workers", str(options.num_workers), problem, remedy)
    return options.num_workers


def _check_timeout(timeout_s: Any) -> float | None:
    if timeout_s is None:
        return None
    if isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool) and timeout_s > 0:
        return float(timeout_s)
    problem = "isn't a positive number of seconds."
    raise InvalidVectorOption("timeout_s", repr(timeout_s), problem, "Pass one, or None to wait for ever.")


def _abandon(workers: list[WorkerProcess], memory: SharedMemory, owner_pid: int) -> None:
    """Ends all workers that still run and frees their memory; a forked child of the driver leaves them alone."""
    if os.getpid() != owner_pid:
        return
    for process in workers:
        process.release_soon()
    for process in workers:
        process.release()
    memory.close()


_STEP = int(Command.STEP)  # an enum member is slow to look up on the step path
