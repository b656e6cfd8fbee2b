"""One worker process as the driver sees it: started by exec, talked to, watched and ended."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pufferlib.exceptions import InvalidVectorOption, PufferError, VectorError, WorkerDied, WorkerStuck
from pufferlib.vector._messages import LENGTH, Closed, Failure, decode, rebuild_error

WATCH_S = 0.2  # how often a waiting driver looks whether its workers live
GRACE_S = 2.0  # how long workers that were asked to end may take before they are killed

# What `python -m pufferlib.vector.worker` does, but with the driver's module path from the first import on, and without
# the working directory, whose files may have the names of modules. A different interpreter keeps its own path.
_SAME_PYTHON = (
    "import sys; sys.path[:] = eval(sys.argv.pop(1)); from pufferlib.vector.worker import main; main(sys.argv[1:])"
)


class WorkerProcess:
    """A process with some consecutive environments."""

    def __init__(self, index: int, envs: range, memory_fd: int, python: str, timeout_s: float | None) -> None:
        """Starts the process, which then waits for a `Start` message.

        Args:
            index: of the worker.
            envs: the environments that it makes.
            memory_fd: what the arena will be mapped from.
            python: the interpreter.
            timeout_s: the longest that it may be silent when it is waited for; None is for ever.

        Raises:
            InvalidVectorOption: the interpreter can't be run.
        """
        self.index, self.envs, self.timeout_s = index, envs, timeout_s
        ours, theirs = socket.socketpair()
        read_end, self._lifeline = os.pipe()
        descriptors = (theirs.fileno(), read_end, memory_fd)
        try:
            command = [*_command(python), *(str(descriptor) for descriptor in descriptors)]
            # A group of its own: Ctrl-C reaches the driver only, which then decides what becomes of its workers.
            self.process = subprocess.Popen(command, pass_fds=descriptors, stdin=subprocess.DEVNULL, process_group=0)
        except BaseException as error:
            ours.close()
            os.close(self._lifeline)
            if isinstance(error, OSError) and python != sys.executable:
                remedy = "Pass the path of the interpreter in a virtual environment, such as '.venv/bin/python'."
                raise InvalidVectorOption("python", repr(python), f"can't be run: {error}.", remedy) from error
            raise
        finally:
            theirs.close()
            os.close(read_end)
        ours.settimeout(WATCH_S)
        self.connection = ours

    # Messages

    def send(self, data: bytes, during: str) -> None:
        """Writes an encoded message.

        Raises:
            WorkerDied: nobody is there.
            WorkerStuck: nobody reads it.
        """
        view = memoryview(data)
        while view:
            view = view[self._transfer(self.connection.send, view, during) :]

    def receive(self, during: str) -> Any:
        """Waits for a message.

        Raises:
            WorkerDied: the process ended before.
            WorkerStuck: it didn't come in time.
            PufferError: the message is a failure of the worker.
        """
        message = self._receive(during)
        if isinstance(message, Failure):
            raise self.error(message, during)
        return message

    def await_closed(self, timeout_s: float) -> PufferError | None:
        """Waits until the worker has closed its environments, passing over what nobody asked for any more.

        Returns:
            What went wrong when they were closed.
        """
        self.timeout_s = timeout_s
        try:
            message = self._receive("close")
            while not isinstance(message, Closed):
                message = self._receive("close")
        except VectorError:  # it died or hangs; it is about to be killed
            return None
        return None if message.failure is None else self.error(message.failure, "close")

    def error(self, failure: Failure, during: str) -> PufferError:
        """Rebuilds the error that the worker reported."""
        return rebuild_error(failure, self.index, self.envs.start, during)

    def _receive(self, during: str) -> Any:
        (size,) = LENGTH.unpack(self._read(LENGTH.size, during))
        data = self._read(size, during)
        try:
            return decode(data)
        except Exception as error:
            text = f"what it sent can't be unpickled here: {type(error).__name__}: {error}"
            raise self.error(Failure(None, text), during) from error

    def _read(self, size: int, during: str) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            count = self._transfer(self.connection.recv_into, view, during)
            if not count:
                raise self.death(during)
            view = view[count:]
        return data

    def _transfer(self, transfer: Callable[[memoryview], int], view: memoryview, during: str) -> int:
        """Moves some bytes; watches the worker while there is no progress."""
        since = time.monotonic()
        while True:
            try:
                return transfer(view)
            except TimeoutError:
                self.check(during, since)
            except ConnectionError:
                raise self.death(during) from None

    # Life and death

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, or is stopped."""
        return self.process.poll() is None

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped the process, as far as the system tells."""
        try:
            status = Path(f"/proc/{self.process.pid}/stat").read_bytes()
        except OSError:
            return False
        return status.rpartition(b") ")[2][:1] in (b"T", b"t")

    def check(self, during: str, since: float) -> None:
        """Looks whether the worker lives and has been silent since `since` for less than its timeout.

        Raises:
            WorkerDied, WorkerStuck: it doesn't, or it has.
        """
        if not self.is_alive and not self._has_input():
            raise self.death(during)
        if self.timeout_s is not None and time.monotonic() - since > self.timeout_s:
            raise WorkerStuck(self.index, self.envs, self.timeout_s, during)

    def death(self, during: str) -> WorkerDied:
        """The error for a process that is gone, or whose connection is."""
        try:
            exitcode = self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            exitcode = self.process.wait()
        return WorkerDied(self.index, self.envs, exitcode, during)

    def kill(self) -> None:
        """Ends the process now, with what it started, and frees what belongs to it; does nothing the second time."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # reaches stopped processes too
        self.process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Closes the connections: a worker that can run closes its environments and ends by that."""
        self.connection.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def release(self, deadline: float) -> None:
        """Closes the connections and waits for the process to end; kills it at the deadline, or if it is stopped."""
        self.let_go()
        try:
            self.process.wait(0 if self.is_stopped else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def _has_input(self) -> bool:
        """Whether a message, or its connection's end, can be read."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            return bool(selector.select(0))


def receive_from_all(processes: Iterable[WorkerProcess], during: str) -> list[Any]:
    """Waits for one message of each, in any order, so that the first failure is noticed at once.

    Raises:
        WorkerDied, WorkerStuck, PufferError: as `WorkerProcess.receive`.
    """
    since = time.monotonic()
    results: dict[int, Any] = {}
    with selectors.DefaultSelector() as selector:
        for process in processes:
            selector.register(process.connection, selectors.EVENT_READ, process)
        while waiting := selector.get_map():
            for key, _ in selector.select(WATCH_S):
                results[key.data.index] = key.data.receive(during)
                selector.unregister(key.fileobj)
            for key in waiting.values():
                key.data.check(during, since)
    return [results[index] for index in sorted(results)]


def _command(python: str) -> list[str]:
    if python == sys.executable:
        return [python, "-P", "-c", _SAME_PYTHON, repr([str(entry) for entry in sys.path])]
    return [python, "-m", "pufferlib.vector.worker"]
