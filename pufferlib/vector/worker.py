"""A worker process: makes its environments, then steps them whenever the driver signals.

Started by `Multiprocessing` as `python -m pufferlib.vector.worker SOCKET LIFELINE MEMORY` with three descriptors.
"""

from __future__ import annotations

import gc
import os
import pickle
import socket
import sys
import threading
from typing import Any

from pufferlib._native import core
from pufferlib.exceptions import EnvironmentFailed
from pufferlib.vector._arena import Arena
from pufferlib.vector._group import EnvGroup
from pufferlib.vector._memory import map_memory
from pufferlib.vector._messages import Attach, Command, Disconnected, Start, Status, describe_failure, receive, send

PARENT_CHECK_S = 1.0


class Worker:
    """The environments of one process and the way it hears of commands."""

    def __init__(self, connection: socket.socket, memory_fd: int) -> None:
        """Makes the environments and maps the arena.

        Raises:
            Exception: whatever a creator raises; the driver hears of it before.
        """
        self.connection = connection
        start: Start = receive(connection)
        if start.path is not None:
            sys.path[:] = start.path
        self.index, self.driver_pid = start.worker, start.driver_pid
        try:
            recipes = pickle.loads(start.recipes)
            self.group = EnvGroup(recipes, start.first)
        except BaseException as error:
            send(connection, describe_failure(error))
            raise
        send(connection, self.group.traits)
        attach: Attach = receive(connection)
        core.signal_use_futex(attach.uses_futex)
        memory = map_memory(memory_fd, attach.size_bytes)
        os.close(memory_fd)
        self.lines = memory[: attach.arena_offset]
        arena_bytes = memory[attach.arena_offset : attach.arena_offset + attach.spec.size_bytes]
        self.group.attach(Arena(attach.spec, arena_bytes), attach.autoreset, attach.info_mode)  # type: ignore[arg-type]
        self.start, self.stop, self.spins = start.first, start.first + len(recipes), attach.spins
        send(connection, "attached")

    def run(self) -> None:
        """Obeys commands until CLOSE, or until the driver is gone."""
        lines, index, spins, group = self.lines, self.index, self.spins, self.group
        start, stop = self.start, self.stop
        step = int(Command.STEP)
        while True:
            command = core.signal_next(lines, index, spins, PARENT_CHECK_S)
            if command == step:
                try:
                    infos = group.step(start, stop)
                except BaseException as error:  # noqa: BLE001 - the driver raises it
                    self._fail(error)
                    continue
                if any(infos):
                    self._reply(infos)
                else:
                    core.signal_done(lines, index, 0)
            elif command == -1:
                if os.getppid() != self.driver_pid:
                    return
            elif command == Command.CLOSE:
                self._close()
                return
            else:
                self._obey(command)

    def _obey(self, command: int) -> None:
        """Does what is asked for rarely, and answers."""
        try:
            message = receive(self.connection)
            result: Any = None
            match command:
                case Command.RESET:
                    seeds, options, selected = message
                    result = self.group.reset(seeds, options, self.start, self.stop, selected)
                case Command.CALL:
                    name, args, kwargs = message
                    values = [env.env.get_wrapper_attr(name) for env in self.group.envs]
                    result = [value(*args, **kwargs) if callable(value) else value for value in values]
                case Command.SET:
                    name, values = message
                    for env, value in zip(self.group.envs, values, strict=True):
                        env.env.set_wrapper_attr(name, value)
                case Command.SPLIT:
                    self.group.info_mode = "split"
        except Disconnected:
            raise
        except BaseException as error:  # noqa: BLE001 - the driver raises it
            self._fail(error)
        else:
            self._reply(result)

    def _close(self) -> None:
        try:
            self.group.close()
        except EnvironmentFailed as error:
            self._fail(error)
        else:
            core.signal_done(self.lines, self.index, int(Status.SILENT))

    def _reply(self, result: Any) -> None:
        try:
            pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001 - anything may be in an info
            problem = f"an info or attribute can't be pickled ({type(error).__name__}: {error})"
            self._fail(EnvironmentFailed(self.start, "step", None, problem))
            return
        core.signal_done(self.lines, self.index, int(Status.RESULT))
        send(self.connection, result)

    def _fail(self, error: BaseException) -> None:
        failure = describe_failure(error)
        core.signal_done(self.lines, self.index, int(Status.FAILED))
        send(self.connection, failure)


def watch_driver(lifeline_fd: int) -> None:
    """Ends this process as soon as the driver has, even while an environment is busy."""

    def wait() -> None:
        os.read(lifeline_fd, 1)  # nobody ever writes: this returns when the driver's end is closed
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def main(arguments: list[str]) -> None:
    """Runs a worker with the descriptors named on the command line."""
    socket_fd, lifeline_fd, memory_fd = (int(argument) for argument in arguments)
    watch_driver(lifeline_fd)
    connection = socket.socket(fileno=socket_fd)
    try:
        worker = Worker(connection, memory_fd)
        gc.freeze()  # what exists now stays; collections look at what steps make
        worker.run()
    except Disconnected:
        pass
    except BaseException:  # noqa: BLE001 - the driver was told; nobody reads this process's stderr for it
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
