"""What runs in one Ray actor: some consecutive environments, and answers that Ray can carry.

An actor never raises: what goes wrong is an answer too, in the words that worker processes have for it.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pufferlib.vector._arena import Arena, ArenaSpec
from pufferlib.vector._groups import make_group
from pufferlib.vector._infos import is_silent
from pufferlib.vector._messages import Failure, Reset, decode, describe_failure, find_unpicklable
from pufferlib.vector._options import Autoreset


class Rows(NamedTuple):
    """A worker's rows of the arena after a reset or step."""

    observations: npt.NDArray[Any]
    rewards: npt.NDArray[np.float64]
    terminals: npt.NDArray[np.bool_]
    truncations: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    episode_over: npt.NDArray[np.bool_]  # one an environment
    final_observations: npt.NDArray[Any] | None  # None: no episode ended


class Answer(NamedTuple):
    """What an actor gives back."""

    result: bytes | None = None  # a pickle: infos, or what was asked for; None: nothing to say
    rows: Rows | None = None
    failure: Failure | None = None


class RayWorker:
    """The environments of one actor."""

    def __init__(self, first: int) -> None:
        """Has no environment yet; `first` is the index of its first one in the pool."""
        self._first = first
        self._group: Any = None

    def do(self, command: str, *arguments: Any) -> Answer:
        """Obeys one command: make, attach, reset, step, call, set_attr, split or close."""
        try:
            answer: Answer = getattr(self, f"_{command}")(*arguments)
        except BaseException as error:  # noqa: BLE001 - the driver raises it
            return Answer(failure=describe_failure(error))
        return answer

    def _make(self, recipes: bytes, module_path: list[str]) -> Answer:
        sys.path += [folder for folder in module_path if folder not in sys.path]  # as in the driver, where it exists
        made = decode(recipes)
        # An exit or interrupt from within an environment is the environment's failure too.
        self._group = make_group(made, self._first, caught=BaseException)
        self._stop = self._first + len(made)
        return Answer(pickle.dumps(self._group.traits))

    def _attach(self, spec: ArenaSpec, autoreset: Autoreset, info_mode: str) -> Answer:
        # All of the pool's rows, so that indices mean the same everywhere; memory is taken by those that are written.
        arena = Arena.allocate(spec)
        self._group.attach(arena, autoreset, info_mode)
        rows = slice(arena.rows(self._first).start, arena.rows(self._stop - 1).stop)
        self._actions, self._final_observations = arena.actions[rows], arena.final_observations[rows]
        self._rows = Rows(
            arena.observations[rows],
            arena.rewards[rows],
            arena.terminals[rows],
            arena.truncations[rows],
            arena.mask[rows],
            arena.episode_over[self._first : self._stop],
            None,
        )
        return Answer()

    def _reset(self, message: bytes) -> Answer:
        wanted: Reset = decode(message)
        return self._tell(self._group.reset(wanted.seeds, wanted.options, self._first, self._stop, wanted.selected))

    def _step(self, actions: npt.NDArray[Any]) -> Answer:
        self._actions[:] = actions
        return self._tell(self._group.step(self._first, self._stop))

    def _call(self, arguments: bytes) -> Answer:
        return self._pickled(self._group.call(*decode(arguments)))

    def _set_attr(self, arguments: bytes) -> Answer:
        self._group.set_attr(*decode(arguments))
        return Answer()

    def _split(self) -> Answer:
        self._group.info_mode = "split"
        return Answer()

    def _close(self) -> Answer:
        if self._group is not None:
            self._group.close()
        return Answer()

    def _tell(self, infos: Any) -> Answer:
        rows = self._rows
        if rows.terminals.any() or rows.truncations.any():
            rows = rows._replace(final_observations=self._final_observations)
        return Answer(rows=rows) if is_silent(infos) else self._pickled(infos, rows)

    def _pickled(self, result: Any, rows: Rows | None = None) -> Answer:
        try:
            return Answer(pickle.dumps(result, pickle.HIGHEST_PROTOCOL), rows)
        except Exception as error:
            raise find_unpicklable(self._group, self._first, result) from error
