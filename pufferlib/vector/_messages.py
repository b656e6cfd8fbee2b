"""What the driver and a worker tell each other beside the arena: commands, statuses, and pickles over a socket.

The step path has none of the pickles: they carry what starts a worker, seeds, infos that have something to say, and
errors. Whoever sends a pickle raises the signal first, so that the other side reads while this one writes: a message
larger than the socket's buffer can't block both.
"""

from __future__ import annotations

import pickle
import socket
import struct
import traceback
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pufferlib.exceptions import EnvironmentFailed, PufferError, VectorError
from pufferlib.vector._options import Autoreset

LENGTH = struct.Struct("!Q")


class Command(IntEnum):
    """What a worker is asked to do; RESET, CALL and SET are followed by a message."""

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
    path: list[str] | None  # sys.path, or None to keep the worker's own
    driver_pid: int


@dataclass(frozen=True, slots=True)
class Attach:
    """The second message: the shared memory is ready."""

    spec: Any  # ArenaSpec
    arena_offset: int  # bytes; the signals lie before it
    size_bytes: int  # of all
    autoreset: Autoreset
    info_mode: str
    spins: int
    uses_futex: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a worker."""

    error: PufferError | None  # None: not one of ours
    text: str  # the traceback


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


def send(connection: socket.socket, message: Any) -> None:
    """Writes one message.

    Raises:
        Disconnected: nobody reads any more.
        TypeError, AttributeError, pickle.PicklingError: the message can't be pickled; nothing was written.
    """
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    try:
        connection.sendall(LENGTH.pack(len(data)) + data)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Disconnected from error


def receive(connection: socket.socket) -> Any:
    """Reads one message.

    Raises:
        Disconnected: nobody writes any more.
        TimeoutError: the socket's timeout ran out.
    """
    (size,) = LENGTH.unpack(_read(connection, LENGTH.size))
    return pickle.loads(_read(connection, size))


def describe_failure(error: BaseException) -> Failure:
    """Words an exception so that it survives the way to the driver, whatever it holds."""
    text = "".join(traceback.format_exception(error))
    if not isinstance(error, PufferError):
        return Failure(None, text)
    bare = type(error)(*error.args)  # without cause, traceback and notes, which may not be picklable
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
