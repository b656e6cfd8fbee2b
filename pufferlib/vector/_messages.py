"""What the driver and a worker tell each other beside the arena: commands, statuses, and pickles over a socket.

The step path has none of the pickles: they carry what starts a worker, seeds, infos that have something to say, and
errors. Whoever sends a pickle raises the signal first, so that the other side reads while this one writes: a message
larger than the socket's buffer can't block both. What can't be pickled is found before the signal.
"""

from __future__ import annotations

import io
import pickle
import reprlib
import socket
import struct
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import cloudpickle
import numpy as np

from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption, PufferError, VectorError
from pufferlib.vector._options import Autoreset, Recipe

LENGTH = struct.Struct("!Q")
_NUMPY_CORE = "numpy.core." if np.__version__.startswith("1.") else "numpy._core."


class Command(IntEnum):
    """What a worker is asked to do; all but STEP and CLOSE are followed by a message."""

    RESET = 1
    STEP = 2
    CALL = 3
    SET = 4
    SPLIT = 5
    CLOSE = 6


class Status(IntEnum):
    """How a command ended; all but SILENT are followed by a message."""

    SILENT = 0
    RESULT = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Start:
    """The first message to a worker: which environments it makes."""

    worker: int
    first: int  # its first environment
    recipes: bytes  # cloudpickle of a tuple of Recipe
    python: tuple[int, int]  # the driver's version: code is pickled for it


@dataclass(frozen=True, slots=True)
class Attach:
    """The second message: the shared memory is ready."""

    spec: Any  # ArenaSpec
    arena_offset: int  # bytes; the signals lie before it
    size_bytes: int  # of all
    autoreset: Autoreset
    info_mode: str
    spin_us: int


@dataclass(frozen=True, slots=True)
class Reset:
    """What comes with RESET. Seeds and masks have one entry an environment of the pool."""

    seeds: Sequence[int | None]
    options: dict[str, Any] | None
    selected: Any  # (E,) bool, or None for all
    over: Any = None  # (E,) bool: where the caller must see an end, because a worker was lost; or None


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a worker."""

    error: PufferError | None  # None: not one of ours
    text: str  # the traceback


@dataclass(frozen=True, slots=True)
class Closed:
    """The last message of a worker: its environments are closed."""

    failure: Failure | None


class WorkerTraceback(VectorError):
    """The traceback of an exception in a worker, as text: the cause of the error that the driver raises."""

    def __init__(self, text: str) -> None:
        """Keeps the text."""
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n{self.text}"


class Disconnected(Exception):
    """The other side of a socket is gone."""


def encode(message: Any) -> bytes:
    """Pickles a message and puts its length before it.

    Raises:
        Exception: it can't be pickled; anything may come from an object's own `__reduce__`.
    """
    return with_length(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))


def with_length(data: bytes) -> bytes:
    """Puts its length before a pickle, as `send` wants it."""
    return LENGTH.pack(len(data)) + data


def dump_given(
    option: str, given: Any, message: Any, remedy: str = "Pass what can be pickled.", shown: str | None = None
) -> bytes:
    """Pickles a message that holds something of the caller's, such as lambdas, without its length.

    Raises:
        InvalidVectorOption: it can't be pickled.
    """
    try:
        data: bytes = cloudpickle.dumps(message)
    except Exception as error:
        problem = f"can't be sent to a worker process: {type(error).__name__}: {error}."
        raise InvalidVectorOption(option, shown or reprlib.repr(given), problem, remedy) from error
    return data


def dump_recipes(recipes: Sequence[Recipe]) -> bytes:
    """Pickles what makes environments.

    Raises:
        InvalidVectorOption: it can't be pickled.
    """
    remedy = "Make what can't be pickled inside the creator, or use backend='serial'."
    return dump_given("env_creators", recipes, recipes, remedy, shown="[...]")


def send(connection: socket.socket, data: bytes) -> None:
    """Writes an encoded message, for as long as it takes.

    Raises:
        Disconnected: nobody reads any more.
    """
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Disconnected from error


def receive(connection: socket.socket) -> Any:
    """Waits for one message.

    Raises:
        Disconnected: nobody writes any more.
    """
    (size,) = LENGTH.unpack(_read(connection, LENGTH.size))
    return decode(_read(connection, size))


class _Unpickler(pickle.Unpickler):
    """Finds numpy's internals under the name that they have here: numpy 2 renamed what older pickles refer to."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Looks up a class or function that a pickle names."""
        if module_name.startswith(("numpy.core.", "numpy._core.")):
            module_name = _NUMPY_CORE + module_name.split(".", 2)[2]
        return super().find_class(module_name, global_name)


def decode(data: bytes | bytearray) -> Any:
    """Unpickles a message, without its length; it may come from a process with another numpy.

    Raises:
        Exception: whatever an import, or an object of an environment's own, raises.
    """
    return _Unpickler(io.BytesIO(data)).load()


def describe_failure(error: BaseException) -> Failure:
    """Words an exception so that it survives the way to the driver, whatever it holds."""
    text = "".join(traceback.format_exception(error))
    if not isinstance(error, PufferError):
        return Failure(None, text)
    try:
        bare = type(error)(*error.args)  # without cause, traceback and notes, which may not be picklable
        pickle.loads(pickle.dumps(bare))
    except Exception:  # noqa: BLE001 - a class of the environment's own, with any behaviour
        return Failure(None, text)
    return Failure(bare, text)


def rebuild_error(failure: Failure, worker: int, first_env: int, during: str) -> PufferError:
    """The error that the driver raises, with the worker's traceback as its cause."""
    error = failure.error
    if error is None:
        last_line = failure.text.strip().splitlines()[-1]
        error = EnvironmentFailed(first_env, during, None, last_line)
    if isinstance(error, EnvironmentFailed):
        error = EnvironmentFailed(error.env_index, error.phase, error.seed, error.error, worker)
    error.__cause__ = WorkerTraceback(failure.text)
    return error


def _read(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        try:
            count = connection.recv_into(view)
        except ConnectionResetError as error:
            raise Disconnected from error
        if not count:
            raise Disconnected
        view = view[count:]
    return data
