"""The backend of threads: native environments, stepped side by side in one process without the GIL."""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pufferlib._native import core
from pufferlib.exceptions import InvalidVectorOption
from pufferlib.vector._batch import Block
from pufferlib.vector._cores import count_usable_cores
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._serial import Serial

WORTH_US = 20.0  # of stepping, from which on waking threads pays
NUM_TIMED = 5  # steps that are timed to learn what one costs
TIME_EVERY = 1024  # steps, after which they are timed again
THREAD_SPIN_US = 100  # how long a thread looks for its next job before it sleeps
DRIVER_SPIN_US = 50  # the same for the caller that waits for threads
LINE_BYTES = 64


class Threads(Serial):
    """Steps native environments with threads; what is stepped, and in which order, is what `Serial` does, bit for bit.

    With all environments in a batch, the caller and the threads step one range each. With smaller batches the threads
    step what was sent while the caller does something else. A batch that costs less than some 20 us is stepped by the
    caller alone.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ("worth_us", "use_futex")
    WORKERS_SHARE_EVENLY: ClassVar[bool] = False

    def __init__(self, options: PoolOptions, worth_us: float = WORTH_US, use_futex: bool = True) -> None:
        """Makes the environments and the threads.

        Args:
            options: from `make`; `num_workers` counts the threads that step, the caller's included where batches hold
                all environments.
            worth_us: microseconds of stepping from which on a batch is split; 0 splits every one.
            use_futex: False sleeps in naps instead, as on systems without futexes.

        Raises:
            EnvironmentFailed: a creator raised.
            InvalidVectorOption: the environments aren't native, or an option is wrong.
        """
        if not isinstance(worth_us, int | float) or isinstance(worth_us, bool) or not worth_us >= 0:
            remedy = "Pass 0 or a positive number of microseconds."
            raise InvalidVectorOption("worth_us", repr(worth_us), "isn't one.", remedy)
        self._worth_s = 1e-6 * worth_us
        self._team: Team | None = None
        super().__init__(options)
        if self.traits.episodes is None:
            self._group.close()
            problem = f"can't step {type(self._driver_env).__name__}: Python environments hold the GIL."
            remedy = "Use backend='multiprocessing' or 'serial', or an environment of pufferlib.ocean."
            raise InvalidVectorOption("backend", "'threads'", problem, remedy)
        cores = count_usable_cores()
        fewest = 1 if self._is_whole else 0
        self.num_workers = cores if options.num_workers is None else options.num_workers
        if options.num_workers is None and not self._is_whole:
            self.num_workers = max(1, cores - 1)  # the caller needs one for itself
        num_threads = min(self.num_workers - fewest, options.batch_size)
        group: Any = self._group  # a NativeGroup, which isn't imported where nobody needs it
        self._tell, self._batch, self._step_inline = group.tell, group.batch, group.step
        self._num_steps = 0
        self._cost_s = math.inf  # of a batch, as measured
        if num_threads > 0:
            fits = num_threads + 1 <= cores
            self._spin_us = DRIVER_SPIN_US if fits else 0
            jobs_at_once = options.num_envs // options.batch_size + 2
            self._team = Team(num_threads, jobs_at_once, self._batch, THREAD_SPIN_US if fits else 0, use_futex)
            self._lines, self._jobs = self._team.lines, self._team.jobs

    def _start_step(self, block: Block) -> None:
        start, stop = block.envs.start, block.envs.stop
        if self._team is None or not self._is_worth_it() or not self._team.is_there:
            self._work.append((block, partial(self._time, start, stop)))
        elif self._is_whole:
            self._work.append((block, partial(self._step_together, start, stop)))
        else:
            ticket = core.thread_post(self._lines, self._jobs, self._batch, start, stop - start)
            self._work.append((block, partial(self._await, start, stop, ticket)))

    def _is_worth_it(self) -> bool:
        """Whether a batch costs enough to be split, as far as is known; now and then it is measured."""
        self._num_steps += 1
        if self._worth_s == 0:
            return True
        if self._num_steps % TIME_EVERY <= NUM_TIMED:
            return False
        return self._cost_s >= self._worth_s

    def _time(self, start: int, stop: int) -> Any:
        """Steps in the calling thread, and measures it when it is time to."""
        position = self._num_steps % TIME_EVERY
        if position > NUM_TIMED:
            return self._step_inline(start, stop)
        began = time.perf_counter()
        infos = self._step_inline(start, stop)
        cost_s = time.perf_counter() - began
        self._cost_s = cost_s if position <= 1 else min(cost_s, self._cost_s)
        return infos

    def _step_together(self, start: int, stop: int) -> Any:
        """Steps in all threads, the calling one included."""
        count = stop - start
        num_ended = core.thread_step(self._lines, self._jobs, self._batch, start, count, self._spin_us)
        return self._tell(start, stop, num_ended)

    def _await(self, start: int, stop: int, ticket: int) -> Any:
        """Waits for threads that step."""
        return self._tell(start, stop, core.thread_wait(self._lines, self._jobs, ticket, self._spin_us))

    def _close(self) -> None:
        if self._team is not None:
            self._team.stop()
        super()._close()


class Team:
    """Threads that wait in C for ranges of copies to step.

    They end with this object and with the interpreter, and keep neither alive.
    """

    def __init__(self, num_threads: int, jobs_at_once: int, batch: object, spin_us: int, use_futex: bool) -> None:
        """Starts the threads.

        Args:
            num_threads: how many.
            jobs_at_once: the most that may be posted and not yet done.
            batch: whose copies they step.
            spin_us: how long each looks for its next job before it sleeps.
            use_futex: whether they sleep on futexes.
        """
        self.lines = _aligned(core.signal_size(num_threads))
        core.signal_use_futex(self.lines, use_futex)
        self.jobs = np.zeros((num_threads, jobs_at_once, 3), np.int64)
        self._owner_pid = os.getpid()
        self._threads = [
            threading.Thread(
                target=core.thread_serve,
                args=(self.lines, self.jobs, index, batch, spin_us),
                name=f"pufferlib-{index}",
                daemon=True,  # else the interpreter would wait for them before it lets us end them
            )
            for index in range(num_threads)
        ]
        for thread in self._threads:
            thread.start()
        self._finalizer = weakref.finalize(self, _stop, self._threads, self.lines, self.jobs, self._owner_pid)

    @property
    def is_there(self) -> bool:
        """Whether the threads are of this process: a forked child has none."""
        return os.getpid() == self._owner_pid

    def stop(self) -> None:
        """Ends the threads, after what they are at; does nothing the second time."""
        self._finalizer()


def _stop(threads: list[threading.Thread], lines: npt.NDArray[np.uint8], jobs: npt.NDArray[np.int64], pid: int) -> None:
    if os.getpid() != pid:
        return
    core.thread_stop(lines, jobs)
    for thread in threads:
        thread.join()


def _aligned(size_bytes: int) -> npt.NDArray[np.uint8]:
    """Zeros that start on a cache line."""
    raw = np.zeros(size_bytes + LINE_BYTES, np.uint8)
    start = -raw.ctypes.data % LINE_BYTES
    return raw[start : start + size_bytes]
