"""One worker process as the driver sees it: started by exec, talked to, watched and ended."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import cloudpickle

from pufferlib.exceptions import PufferError, WorkerDied, WorkerStuck
from pufferlib.vector._memory import SharedMemory
from pufferlib.vector._messages import Disconnected, Failure, Start, rebuild_error, receive, send
from pufferlib.vector._options import Recipe

GRACE_S = 2.0  # how long a worker that was asked to end may take before it is killed


class WorkerProcess:
    """A process with some consecutive environments."""

    def __init__(self, index: int, envs: range, recipes: Sequence[Recipe], memory: SharedMemory, python: str) -> None:
        """Starts the process; it makes its environments while the caller goes on.

        Args:
            index: of the worker.
            envs: the environments that it makes.
            recipes: one each.
            memory: what the arena will be mapped from.
            python: the interpreter.
        """
        self.index, self.envs = index, envs
        pickled = _pickle_recipes(tuple(recipes))
        ours, theirs = socket.socketpair()
        read_end, self._lifeline = os.pipe()
        descriptors = (theirs.fileno(), read_end, memory.fd)
        command = [python, "-m", "pufferlib.vector.worker", *(str(descriptor) for descriptor in descriptors)]
        try:
            # A group of its own: Ctrl-C reaches the driver only, which then decides what becomes of its workers.
            self.process = subprocess.Popen(command, pass_fds=descriptors, stdin=subprocess.DEVNULL, process_group=0)
        except BaseException:
            ours.close()
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(read_end)
        self.connection = ours
        path = list(sys.path) if python == sys.executable else None
        with contextlib.suppress(Disconnected):  # it died at once: the next receive says how
            send(ours, Start(index, envs.start, pickled, path, os.getpid()))

    def send(self, message: Any, during: str) -> None:
        """Sends a message.

        Raises:
            WorkerDied: nobody is there.
        """
        try:
            send(self.connection, message)
        except Disconnected:
            raise self.death(during) from None

    def receive(self, during: str, timeout_s: float | None) -> Any:
        """Waits for a message.

        Raises:
            WorkerDied: the process ended before.
            WorkerStuck: it didn't come in time.
            PufferError: the message is a failure of the worker.
        """
        self.connection.settimeout(timeout_s)
        try:
            message = receive(self.connection)
        except Disconnected:
            raise self.death(during) from None
        except TimeoutError:
            assert timeout_s is not None
            raise WorkerStuck(self.index, self.envs, timeout_s, during) from None
        if isinstance(message, Failure):
            raise self.error(message, during)
        return message

    def error(self, failure: Failure, during: str) -> PufferError:
        """Rebuilds the error that the worker reported."""
        return rebuild_error(failure, self.index, self.envs.start, during)

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, or is stopped."""
        return self.process.poll() is None

    def death(self, during: str) -> WorkerDied:
        """The error for a process that is gone, or whose connection is."""
        try:
            exitcode = self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            exitcode = self.process.wait()
        return WorkerDied(self.index, self.envs, exitcode, during)

    def kill(self) -> None:
        """Ends the process now and frees what belongs to it; does nothing the second time."""
        self.process.kill()  # reaches stopped processes too
        self.release()

    def release_soon(self) -> None:
        """Closes the connections: a worker that idles or steps ends by that, one that is stopped doesn't."""
        self.connection.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def release(self) -> None:
        """Closes the connections and waits for the process to end; kills it if that takes long."""
        self.release_soon()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _pickle_recipes(recipes: tuple[Recipe, ...]) -> bytes:
    data: bytes = cloudpickle.dumps(recipes)
    return data
