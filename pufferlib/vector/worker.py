"""A worker process: makes its environments, then steps them whenever the driver signals.

Started by `Multiprocessing` as `python -m pufferlib.vector.worker SOCKET LIFELINE MEMORY` with three descriptors.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from pufferlib._native import core
from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption
from pufferlib.vector._arena import Arena
from pufferlib.vector._commands import find_unpicklable, obey
from pufferlib.vector._groups import Group, make_group
from pufferlib.vector._infos import is_silent
from pufferlib.vector._memory import map_memory
from pufferlib.vector._messages import (
    Attach,
    Closed,
    Command,
    Disconnected,
    Start,
    Status,
    decode,
    describe_failure,
    encode,
    receive,
    send,
)
from pufferlib.vector._options import Recipe

IDLE_S = 0.5  # a wait is begun anew after this long: a signal that came just before it is then seen
DRIVER_CHECK_S = 1.0
LAST_S = 1.0  # what environments get to close once the driver is gone


class Worker:
    """The environments of one process and the way it hears of commands."""

    def __init__(self, connection: socket.socket) -> None:
        """Keeps the connection to the driver."""
        self.connection = connection
        self._group: Group | None = None

    def make(self) -> None:
        """Makes the environments.

        Raises:
            BaseException: whatever a creator raises; the driver hears of it before.
        """
        connection = self.connection
        start: Start = receive(connection)
        self.index, self.start = start.worker, start.first
        try:
            recipes = _load(start)
            # An exit or interrupt from within an environment is the environment's failure too.
            self.group = self._group = make_group(recipes, start.first, caught=BaseException)
            traits = encode(self.group.traits)
        except BaseException as error:
            send(connection, encode(describe_failure(error)))
            raise
        self.stop = start.first + len(recipes)
        send(connection, traits)

    def attach(self, memory_fd: int) -> None:
        """Maps the arena, once the driver has made it."""
        attach: Attach = receive(self.connection)
        memory = map_memory(memory_fd, attach.size_bytes)
        os.close(memory_fd)
        self.lines = memory[: attach.arena_offset]
        arena_bytes = memory[attach.arena_offset : attach.arena_offset + attach.spec.size_bytes]
        self.group.attach(Arena(attach.spec, arena_bytes), attach.autoreset, attach.info_mode)  # type: ignore[arg-type]
        self.spin_us = attach.spin_us
        send(self.connection, encode("attached"))

    def run(self) -> None:
        """Obeys commands until CLOSE, or until the driver is gone."""
        lines, index, spin_us, group = self.lines, self.index, self.spin_us, self.group
        start, stop = self.start, self.stop
        step = int(Command.STEP)
        while True:
            command = core.signal_next(lines, index, spin_us, IDLE_S)
            if command == step:
                try:
                    infos = group.step(start, stop)
                except BaseException as error:  # noqa: BLE001 - the driver raises it
                    self._fail(error)
                    continue
                if is_silent(infos):
                    core.signal_done(lines, index, 0)
                else:
                    self._reply(infos)
            elif command == Command.CLOSE:
                self._close()
                return
            elif command != -1:
                self._obey(command)

    def _obey(self, command: int) -> None:
        """Does what is asked for rarely, and answers."""
        try:
            result = obey(self.group, command, receive(self.connection), range(self.start, self.stop))
        except Disconnected:
            raise
        except BaseException as error:  # noqa: BLE001 - the driver raises it
            self._fail(error)
        else:
            self._reply(result)

    def _close(self) -> None:
        failure = None
        try:
            self.group.close()
        except EnvironmentFailed as error:
            failure = describe_failure(error)
        send(self.connection, encode(Closed(failure)))

    def _reply(self, result: Any) -> None:
        try:
            data = encode(result)
        except Exception:  # noqa: BLE001 - anything may be in an info
            self._fail(find_unpicklable(self.group, self.start, result))
            return
        core.signal_done(self.lines, self.index, int(Status.RESULT))
        send(self.connection, data)

    def _fail(self, error: BaseException) -> None:
        data = encode(describe_failure(error))
        core.signal_done(self.lines, self.index, int(Status.FAILED))
        send(self.connection, data)

    def abandon(self) -> None:
        """Closes the environments, whatever they raise: nobody is there any more to hear of it."""
        if self._group is not None:
            with contextlib.suppress(BaseException):
                self._group.close()


def _load(start: Start) -> Sequence[Recipe]:
    """Unpickles what makes the environments.

    Raises:
        InvalidVectorOption: it holds code for another version of Python, which could crash this one.
        Exception: whatever an import raises.
    """
    here = (sys.version_info.major, sys.version_info.minor)
    if here != start.python and b"CodeType" in start.recipes:
        versions = f"{here[0]}.{here[1]}, but the creator is code of Python {start.python[0]}.{start.python[1]}"
        remedy = "Import the creator from a module that both can import, instead of a lambda, a closure or __main__."
        raise InvalidVectorOption("python", repr(sys.executable), f"is Python {versions}.", remedy)
    recipes: Sequence[Recipe] = decode(start.recipes)
    return recipes


def watch_driver(lifeline_fd: int) -> None:
    """Ends this process soon after the driver has, even while an environment is busy."""
    parent, main_thread = os.getppid(), threading.main_thread().ident
    assert main_thread is not None

    def wait() -> None:
        poll = select.poll()
        poll.register(lifeline_fd, 0)  # nobody ever writes: it hangs up when the driver's end is closed
        # A forked child of the driver may hold that end open, hence the look at the parent.
        while not poll.poll(1000 * DRIVER_CHECK_S) and os.getppid() == parent:
            pass
        signal.pthread_kill(main_thread, signal.SIGINT)  # an idle or stepping main thread now closes its environments
        time.sleep(LAST_S)
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def main(arguments: list[str]) -> None:
    """Runs a worker with the descriptors named on the command line."""
    socket_fd, lifeline_fd, memory_fd = (int(argument) for argument in arguments)
    for descriptor in (socket_fd, lifeline_fd, memory_fd):
        os.set_inheritable(descriptor, False)  # what environments start must not keep them open
    worker = Worker(socket.socket(fileno=socket_fd))
    status = 1
    try:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the driver ignores it
            watch_driver(lifeline_fd)
            worker.make()
            worker.attach(memory_fd)
            gc.freeze()  # what exists now stays; collections look at what steps make
            worker.run()
            status = 0
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except BaseException:  # noqa: BLE001 - the driver was told, or is gone; nobody reads this process's stderr for it
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first attempt may have been interrupted
    if status:
        worker.abandon()
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
