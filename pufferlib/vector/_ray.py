"""The backend of Ray actors: environments on all machines of a cluster.

W workers have E / W consecutive environments each. Rows travel as messages, since machines share no memory: a batch
takes milliseconds longer than in `Multiprocessing` (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import contextlib
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pufferlib.exceptions import InvalidVectorOption, PufferError, WorkerDied, WorkerStuck
from pufferlib.vector._arena import Arena, ArenaSpec
from pufferlib.vector._batch import Block
from pufferlib.vector._group import common_traits
from pufferlib.vector._infos import join_infos, no_infos
from pufferlib.vector._messages import Command, Reset, decode, dump_given, dump_recipes, rebuild_error
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._process import WATCH_S
from pufferlib.vector._ray_cluster import join_cluster
from pufferlib.vector._ray_worker import Answer, RayWorker
from pufferlib.vector._worker_pool import WorkerPool, check_timeout, choose_num_workers

CLOSE_S = 5.0  # how long environments may take to close


class Ray(WorkerPool):
    """Steps environments in the actors of a Ray cluster.

    Call `ray.init(address=...)` before to use a cluster; pufferlib has to be installed on its machines. Else one is
    started on this machine, and ended with the last pool that uses it.

    Batches: with all environments in a batch, `recv` waits for all. Otherwise with `zero_copy=True` it waits for the
    first group of neighbouring workers that fills a batch, and with `zero_copy=False` for the first workers.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ("timeout_s", "start_timeout_s", "actor_options")

    def __init__(
        self,
        options: PoolOptions,
        timeout_s: float | None = 300.0,
        start_timeout_s: float | None = 300.0,
        actor_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Starts the actors, which make their environments in parallel.

        Args:
            options: from `make`; without `num_workers` there are as many as the cluster has CPUs, as far as they fit.
            timeout_s: the longest that workers may take to reset or step; None waits for ever.
            start_timeout_s: the longest that they may take to start and to make their environments.
            actor_options: what Ray's `.options()` takes for each actor, such as `{"num_cpus": 2}`.

        Raises:
            MissingDependency: ray isn't installed.
            InvalidVectorOption: an option is wrong, or the environments differ in their spaces.
            EnvironmentFailed: a creator raised.
            WorkerDied, WorkerStuck: an actor ended, or took too long, while it made its environments.
        """
        timeout_s = check_timeout("timeout_s", timeout_s)
        self._timeout_s = check_timeout("start_timeout_s", start_timeout_s)
        self._ray, leave = join_cluster()
        self._leave = weakref.finalize(self, leave)
        self._actors: list[Any] = []
        try:
            self.num_workers = choose_num_workers(options, int(self._ray.cluster_resources().get("CPU", 1)))
            self._envs_per_worker = options.num_envs // self.num_workers
            self._pending: dict[Any, int] = {}  # what Ray calls a reference -> worker, the longest under way first
            self._arrived: dict[int, Answer] = {}  # worker -> what it answered, not yet received
            self._calls = ["constructor"] * self.num_workers  # what each is doing, for errors
            self._since = [0.0] * self.num_workers  # when it began
            self._start(actor_options or {})
            size = self._envs_per_worker
            shares = [options.recipes[first : first + size] for first in range(0, options.num_envs, size)]
            made = self._construct(*(("make", dump_recipes(share), sys.path) for share in shares))
            traits = common_traits(made, size)
            arena = Arena.allocate(ArenaSpec.plan(options.num_envs, traits.num_slots, traits.emulated))
            self._construct(*[("attach", arena.spec, options.autoreset, options.infos)] * self.num_workers)
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to see
                self._close_workers()
            raise
        self._timeout_s = timeout_s
        super().__init__(options, traits, arena)
        self._plan_batches()

    def _plan_batches(self) -> None:
        """Decides what `recv` waits for, and prepares the blocks that it may return."""
        batch_size, num_slots = self.options.batch_size, self.arena.spec.num_slots
        self._need = batch_size // self._envs_per_worker
        self._gathers = not self._is_whole and not self._zero_copy
        self._batch_workers: list[int] = []
        if self._gathers:  # a batch lives in an arena of its own
            arena, starts = Arena.allocate(ArenaSpec.plan(batch_size, num_slots, self.emulated)), range(1)
        else:
            arena, starts = self.arena, range(0, self.num_envs, batch_size)
        self._blocks = [Block.of(arena, range(start, start + batch_size)) for start in starts]

    # The contract

    def _start_reset(
        self, seeds: Sequence[int | None], options: dict[str, Any] | None, selected: npt.NDArray[np.bool_] | None
    ) -> None:
        data = dump_given("options", options, Reset(seeds, options, selected))
        while self._pending:
            self._take_in(len(self._pending))
            self._raise_failure()
        self._arrived.clear()
        for worker in range(self.num_workers):
            self._submit(worker, "reset", "obey", Command.RESET, data)

    def _start_step(self, block: Block) -> None:
        size = self._envs_per_worker * self.arena.spec.num_slots
        for position, worker in enumerate(self._batch_workers):
            self._submit(worker, "step", "step", block.actions[position * size : (position + 1) * size])

    def _finish(self) -> tuple[Block, Any]:
        while (workers := self._ready()) is None:
            self._take_in(max(1, self._need - len(self._arrived)))
            self._raise_failure()
        self._look_for_late()
        block = self._blocks[0 if self._gathers else workers[0] // self._need]
        parts = []
        for position, worker in enumerate(workers):
            answer = self._arrived.pop(worker)
            assert answer.rows is not None
            block.put(position, answer.rows)
            episodes = self.traits.episodes
            parts.append(decode(answer.result) if answer.result else no_infos(self._envs_per_worker, episodes))
        self._batch_workers = workers
        return block, join_infos(parts)

    # Actors

    def _start(self, actor_options: Mapping[str, Any]) -> None:
        try:
            actor_class = self._ray.remote(RayWorker).options(**actor_options)
            self._actors += [actor_class.remote(self._envs(worker).start) for worker in range(self.num_workers)]
        except (TypeError, ValueError) as error:
            problem = f"isn't what Ray takes: {error}."
            raise InvalidVectorOption("actor_options", repr(actor_options), problem, "See ray.remote.") from error

    def _envs(self, worker: int) -> range:
        return range(worker * self._envs_per_worker, (worker + 1) * self._envs_per_worker)

    def _submit(self, worker: int, call: str, command: str, *arguments: Any) -> None:
        self._calls[worker], self._since[worker] = call, time.monotonic()
        self._pending[self._actors[worker].do.remote(command, *arguments)] = worker

    def _exchange(self, command: Command, messages: list[bytes]) -> tuple[list[Any], PufferError | None]:
        return self._collect(command.name.lower(), [("obey", command, message) for message in messages])

    def _construct(self, *requests: tuple[Any, ...]) -> list[Any]:
        """Has every worker do its part of the pool's making; gives the results."""
        results, failure = self._collect("constructor", requests)
        if failure is not None:
            raise failure
        return results

    def _collect(self, call: str, requests: Sequence[tuple[Any, ...]]) -> tuple[list[Any], PufferError | None]:
        """Has every worker, all idle, do something; gives the results, or the first failure once all are done."""
        for worker, request in enumerate(requests):
            self._submit(worker, call, *request)
        while self._pending:
            self._take_in(len(self._pending))
        failure = self._find_failure()
        results = [decode(answer.result) if answer.result else None for _, answer in sorted(self._arrived.items())]
        self._arrived.clear()
        return results, failure

    def _ready(self) -> list[int] | None:
        """Gives the workers of the next batch, if they are there: neighbours if batches are views, else the first."""
        if self._gathers:
            first = sorted(list(self._arrived)[: self._need])
            return first if len(first) == self._need else None
        for worker in self._arrived:
            start = worker // self._need * self._need
            if all(neighbour in self._arrived for neighbour in range(start, start + self._need)):
                return list(range(start, start + self._need))
        return None

    def _take_in(self, count: int) -> None:
        """Waits for the answers of `count` more workers, for a moment.

        Raises:
            WorkerDied, WorkerStuck: an actor is gone, or late.
        """
        for reference in self._ray.wait(list(self._pending), num_returns=count, timeout=WATCH_S)[0]:
            worker = self._pending.pop(reference)
            self._arrived[worker] = self._fetch(reference, worker)
        self._look_for_late()

    def _fetch(self, reference: Any, worker: int) -> Answer:
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise WorkerDied(worker, self._envs(worker), None, self._calls[worker]) from error
        return answer

    def _find_failure(self) -> PufferError | None:
        for worker, answer in sorted(self._arrived.items()):
            if answer.failure is not None:
                return rebuild_error(answer.failure, worker, self._envs(worker).start, self._calls[worker])
        return None

    def _raise_failure(self) -> None:
        failure = self._find_failure()
        if failure is not None:
            raise failure

    def _look_for_late(self) -> None:
        """Fast workers mustn't hide a slow one: the one that is under way for the longest is always looked at."""
        if self._timeout_s is not None and self._pending:
            worker = next(iter(self._pending.values()))
            if time.monotonic() - self._since[worker] > self._timeout_s:
                raise WorkerStuck(worker, self._envs(worker), self._timeout_s, self._calls[worker])

    def _close_workers(self) -> PufferError | None:
        try:
            return self._close_environments()
        finally:
            self._end()

    def _close_environments(self) -> PufferError | None:
        """Has all actors close their environments, as far as they are able to; gives the first failure."""
        if not self._actors or not self._ray.is_initialized():  # or the caller ended the cluster, and them with it
            return None
        closing = {actor.do.remote("close"): worker for worker, actor in enumerate(self._actors)}
        limit_s = CLOSE_S if self._timeout_s is None else min(CLOSE_S, self._timeout_s)
        failures: dict[int, PufferError] = {}
        for reference in self._ray.wait(list(closing), num_returns=len(closing), timeout=limit_s)[0]:
            worker = closing[reference]
            try:
                failure = self._ray.get(reference).failure
            except self._ray.exceptions.RayError:  # it died before: the caller has heard of it, or didn't ask
                continue
            if failure is not None:
                failures[worker] = rebuild_error(failure, worker, self._envs(worker).start, "close")
        return failures[min(failures)] if failures else None

    def _end(self) -> None:
        """Ends all actors, and the cluster if nobody else needs it."""
        if self._ray.is_initialized():
            for actor in self._actors:
                self._ray.kill(actor)
        self._actors.clear()
        self._leave()
