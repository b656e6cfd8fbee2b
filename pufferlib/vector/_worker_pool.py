"""What the backends with workers share: environments that live elsewhere, and are asked about from here.

W workers have E / W consecutive environments each.
"""

from __future__ import annotations

import math
import os
import pickle
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from pufferlib.emulation import emulate
from pufferlib.exceptions import InvalidVectorOption, PufferError
from pufferlib.vector._arena import Arena
from pufferlib.vector._group import Traits
from pufferlib.vector._messages import Command, dump_given
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._pool import Pool, State


class WorkerPool(Pool):
    """A pool of W workers."""

    num_workers: int
    _envs_per_worker: int

    def __init__(self, options: PoolOptions, traits: Traits, arena: Arena) -> None:
        """Keeps them; backends start the workers first."""
        super().__init__(options, traits, arena)
        self._driver_env: Any = None
        self._owner_pid = os.getpid()

    @property
    def driver_env(self) -> Any:
        """An environment of this process, made when it is first asked for, to read attributes from."""
        if self._driver_env is None:
            self._driver_env = emulate(self.options.recipes[0]())
        return self._driver_env

    @abstractmethod
    def _exchange(self, command: Command, messages: list[bytes]) -> tuple[list[Any], PufferError | None]:
        """Gives every worker, all idle, a command and a pickled message; gives their results, and the first failure."""

    @abstractmethod
    def _close_workers(self) -> PufferError | None:
        """Closes all environments and ends the workers; gives the first failure to close one."""

    def _close(self) -> None:
        if os.getpid() != self._owner_pid:  # a forked child: the workers are its parent's
            return
        try:
            failure = self._close_workers()
        finally:
            if self._driver_env is not None:
                self._driver_env.close()
        if failure is not None:
            raise failure

    def _split_infos(self) -> None:
        self._ask(Command.SPLIT, [pickle.dumps(None)] * self.num_workers)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        data = dump_given("arguments", (args, kwargs), (name, args, kwargs))
        results = self._ask(Command.CALL, [data] * self.num_workers)
        return tuple(value for values in results for value in values)

    def _set_attr(self, name: str, values: Sequence[Any]) -> None:
        size = self._envs_per_worker
        parts = [list(values[worker * size : (worker + 1) * size]) for worker in range(self.num_workers)]
        self._ask(Command.SET, [dump_given("values", part, (name, part)) for part in parts])

    def _ask(self, command: Command, messages: list[bytes]) -> list[Any]:
        """Has every worker, all idle, do something and answer; if any fails, the others' answers are read too."""
        if self._state in (State.FAILED, State.CLOSED, State.PENDING):
            raise self._refuse(command.name.lower())
        try:
            results, failure = self._exchange(command, messages)
        except BaseException as error:
            self._give_up(error)
            raise
        if failure is not None:
            raise failure
        return results


def choose_num_workers(options: PoolOptions, num_cores: int) -> int:
    """Checks the number of workers, or chooses as many as there are cores, as far as they fit.

    Raises:
        InvalidVectorOption: a batch isn't made of whole workers.
    """
    num_envs, batch_size = options.num_envs, options.batch_size
    fitting = [w for w in range(1, num_envs + 1) if num_envs % w == 0 and batch_size % (num_envs // w) == 0]
    if options.num_workers is None:
        return max((w for w in fitting if w <= num_cores), default=fitting[0])
    if options.num_workers not in fitting:
        nearest = sorted(fitting, key=lambda w: (abs(w - options.num_workers), w))[:2]  # type: ignore[operator]
        share = num_envs // options.num_workers
        problem = f"gives each worker {share} environments, of which batch_size={batch_size} is no multiple."
        remedy = f"Nearest that fit: {' or '.join(str(w) for w in sorted(nearest))}."
        raise InvalidVectorOption("num_workers", str(options.num_workers), problem, remedy)
    return options.num_workers


def check_timeout(option: str, timeout_s: Any) -> float | None:
    """Accepts positive numbers of seconds; None, or infinity, is for ever."""
    if timeout_s is None:
        return None
    if isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool) and timeout_s > 0:
        return None if math.isinf(timeout_s) else float(timeout_s)
    problem = "isn't a positive number of seconds."
    raise InvalidVectorOption(option, repr(timeout_s), problem, "Pass one, or None to wait for ever.")
