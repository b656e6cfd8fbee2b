"""What runs in one Ray actor: some consecutive environments, and answers that Ray can carry.

An actor never raises: what goes wrong is an answer too, in the words that worker processes have for it.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any, NamedTuple

import numpy.typing as npt

from pufferlib.vector._arena import Arena, ArenaSpec
from pufferlib.vector._batch import Block
from pufferlib.vector._commands import find_unpicklable, obey
from pufferlib.vector._groups import Group, make_group
from pufferlib.vector._infos import is_silent
from pufferlib.vector._messages import Command, Failure, decode, describe_failure
from pufferlib.vector._options import Autoreset


class Answer(NamedTuple):
    """What an actor gives back."""

    result: bytes | None = None  # a pickle: infos, or what was asked for; None: nothing to say
    rows: Block | None = None  # after a reset or step; without actions, and without final observations if none ended
    failure: Failure | None = None


class RayWorker:
    """The environments of one actor."""

    _group: Group

    def __init__(self, first: int) -> None:
        """Has no environment yet; `first` is the index of its first one in the pool."""
        self._envs = range(first, first)

    def do(self, command: str, *arguments: Any) -> Answer:
        """Does one of make, attach, step, obey and close."""
        try:
            answer: Answer = getattr(self, f"_{command}")(*arguments)
        except BaseException as error:  # noqa: BLE001 - the driver raises it
            return Answer(failure=describe_failure(error))
        return answer

    def _make(self, recipes: bytes, module_path: list[str]) -> Answer:
        sys.path += [folder for folder in module_path if folder not in sys.path]  # as in the driver, where it exists
        made, first = decode(recipes), self._envs.start
        # An exit or interrupt from within an environment is the environment's failure too.
        self._group = make_group(made, first, caught=BaseException)
        self._envs = range(first, first + len(made))
        return Answer(pickle.dumps(self._group.traits))

    def _attach(self, spec: ArenaSpec, autoreset: Autoreset, info_mode: str) -> Answer:
        # All of the pool's rows, so that indices mean the same everywhere; memory is taken by those that are written.
        arena = Arena.allocate(spec)
        self._group.attach(arena, autoreset, info_mode)  # type: ignore[arg-type]
        block = Block.of(arena, self._envs)
        self._actions = block.actions
        self._ending = block._replace(actions=block.actions[:0])
        self._going_on = self._ending._replace(final_observations=block.final_observations[:0])
        return Answer()

    def _step(self, actions: npt.NDArray[Any]) -> Answer:
        self._actions[:] = actions
        return self._tell(self._group.step(self._envs.start, self._envs.stop))

    def _obey(self, command: Command, message: bytes) -> Answer:
        result = obey(self._group, command, decode(message), self._envs)
        return self._tell(result) if command == Command.RESET else self._pickled(result)

    def _close(self) -> Answer:
        if self._envs:
            self._group.close()
        return Answer()

    def _tell(self, infos: Any) -> Answer:
        rows = self._ending
        if not (rows.terminals.any() or rows.truncations.any()):
            rows = self._going_on
        return Answer(rows=rows) if is_silent(infos) else self._pickled(infos, rows)

    def _pickled(self, result: Any, rows: Block | None = None) -> Answer:
        try:
            return Answer(pickle.dumps(result, pickle.HIGHEST_PROTOCOL), rows)
        except Exception as error:
            raise find_unpicklable(self._group, self._envs.start, result) from error
