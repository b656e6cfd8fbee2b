"""The worker processes of a pool and the memory that they share: started together, replaced one by one, ended together.

Shapes: E environments, W workers with E / W consecutive ones each.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from dataclasses import replace
from typing import Any

from pufferlib._native import core
from pufferlib.exceptions import PufferError
from pufferlib.vector._arena import Arena, ArenaSpec
from pufferlib.vector._group import common_traits
from pufferlib.vector._memory import SharedMemory
from pufferlib.vector._messages import Attach, Command, Reset, Start, dump_recipes, encode
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._process import GRACE_S, WorkerProcess, receive_from_all

CLOSE_S = 5.0  # how long environments may take to close
POLL_S = 0.002  # between looks at workers that finish a step before they close


class Crew:
    """W worker processes with all environments of a pool.

    They end with this object, and with the process that made it, however that ends. A forked child of that process
    leaves them alone.
    """

    def __init__(
        self,
        options: PoolOptions,
        num_workers: int,
        python: str | None,
        timeout_s: float | None,
        start_timeout_s: float | None,
    ) -> None:
        """Starts the workers, which make their environments at the same time, and maps the arena.

        Raises:
            InvalidVectorOption: the environments differ in their spaces, or can't be sent to another process.
            EnvironmentFailed: a creator raised.
            WorkerDied, WorkerStuck: a worker ended, or took too long, while it made its environments.
        """
        self.num_workers = num_workers
        self.envs_per_worker = options.num_envs // num_workers
        self._recipes = options.recipes
        self._python = python or sys.executable
        self._timeout_s, self._start_timeout_s = timeout_s, start_timeout_s
        self._owner_pid = os.getpid()
        self.processes: list[WorkerProcess] = []
        self._memory = SharedMemory()
        self._finalizer = weakref.finalize(self, _abandon, self.processes, self._memory, self._owner_pid)
        try:
            starts = [self._start_message(worker) for worker in range(num_workers)]
            for worker in range(num_workers):
                self.processes.append(self._spawn(worker))
            for process, start in zip(self.processes, starts, strict=True):
                process.send(start, "constructor")
            self.traits = common_traits(receive_from_all(self.processes, "constructor"), self.envs_per_worker)
        except BaseException:
            self._finalizer()
            raise

    def attach(self, spec: ArenaSpec, options: PoolOptions, spin_us: int, use_futex: bool) -> Arena:
        """Maps the arena here and in all workers, behind the signals.

        Raises:
            OSError: there isn't that much memory.
            PufferError: a worker can't attach.
        """
        try:
            signal_size = core.signal_size(self.num_workers)
            size = signal_size + spec.size_bytes
            memory = self._memory.resize(size)
            self.lines = memory[:signal_size]
            core.signal_use_futex(self.lines, use_futex)
            self._attach = Attach(spec, signal_size, size, options.autoreset, options.infos, spin_us)
            for process in self.processes:
                process.send(encode(self._attach), "constructor")
            receive_from_all(self.processes, "constructor")
        except BaseException:
            self._finalizer()
            raise
        for process in self.processes:
            process.timeout_s = self._timeout_s
        return Arena(spec, memory[signal_size:])

    def command(self, worker: int, command: Command, data: bytes, during: str) -> None:
        """Gives an idle worker a command with an encoded message.

        Raises:
            WorkerDied, WorkerStuck: it doesn't read it.
        """
        core.signal_send(self.lines, worker, 1, int(command))
        self.processes[worker].send(data, during)

    def keep_infos_apart(self) -> None:
        """Remembers for workers that are started later what the others were told by SPLIT."""
        self._attach = replace(self._attach, info_mode="split")

    def replace(self, worker: int, reset: Reset) -> list[Any]:
        """Ends a worker and starts another one in its place, whose environments it resets.

        Returns:
            The infos of the reset, one an environment.

        Raises:
            PufferError: the new one failed too.
        """
        self.processes[worker].kill()
        process = self.processes[worker] = self._spawn(worker)
        process.send(self._start_message(worker), "constructor")
        common_traits([self.traits, process.receive("constructor")], self.envs_per_worker)
        self.lines[core.signal_size(worker) : core.signal_size(worker + 1)] = 0
        process.send(encode(self._attach), "constructor")
        process.receive("constructor")
        process.timeout_s = self._timeout_s
        self.command(worker, Command.RESET, encode(reset), "reset")
        infos: list[Any] = process.receive("reset")
        return infos

    def close(self) -> PufferError | None:
        """Has all workers close their environments, as far as they are able to, and ends them. Takes seconds at most.

        Returns:
            The first failure to close an environment.
        """
        failure: PufferError | None = None
        try:
            closing = self._ask_to_close()
            deadline = self._deadline(CLOSE_S)
            for process in closing:
                failure = process.await_closed(max(0.0, deadline - time.monotonic())) or failure
        finally:
            self._finalizer()
        return failure

    def _ask_to_close(self) -> list[WorkerProcess]:
        """Sends CLOSE to every worker that is idle or becomes so within the grace; gives those."""
        waiting, closing = set(range(self.num_workers)), []
        deadline = self._deadline(GRACE_S)
        while True:
            for worker in sorted(waiting):
                process = self.processes[worker]
                if not process.is_alive or process.is_stopped:
                    waiting.remove(worker)
                elif core.signal_status(self.lines, worker)[0]:
                    core.signal_send(self.lines, worker, 1, int(Command.CLOSE))
                    waiting.remove(worker)
                    closing.append(process)
            if not waiting or time.monotonic() > deadline:
                return closing
            time.sleep(POLL_S)

    def _deadline(self, limit_s: float) -> float:
        return time.monotonic() + (limit_s if self._timeout_s is None else min(limit_s, self._timeout_s))

    def _envs(self, worker: int) -> range:
        return range(worker * self.envs_per_worker, (worker + 1) * self.envs_per_worker)

    def _spawn(self, worker: int) -> WorkerProcess:
        return WorkerProcess(worker, self._envs(worker), self._memory.fd, self._python, self._start_timeout_s)

    def _start_message(self, worker: int) -> bytes:
        envs = self._envs(worker)
        recipes = dump_recipes(self._recipes[envs.start : envs.stop])
        return encode(Start(worker, envs.start, recipes, (sys.version_info.major, sys.version_info.minor)))


def _abandon(processes: list[WorkerProcess], memory: SharedMemory, owner_pid: int) -> None:
    """Ends all workers that still run and frees their memory; a forked child of the driver leaves them alone."""
    if os.getpid() != owner_pid:
        return
    for process in processes:
        process.let_go()
    deadline = time.monotonic() + GRACE_S
    for process in processes:
        process.release(deadline)
    memory.close()
