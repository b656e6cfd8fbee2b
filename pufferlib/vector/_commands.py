"""What a worker does when it is told to, whatever carries the words: a worker process and a Ray actor do the same."""

from __future__ import annotations

from typing import Any

from pufferlib.exceptions import EnvironmentFailed
from pufferlib.vector._groups import Group
from pufferlib.vector._messages import Command, Reset, encode


def obey(group: Group, command: int, message: Any, envs: range) -> Any:
    """Does what is asked for rarely: RESET, CALL, SET or SPLIT.

    Args:
        group: all environments of the worker.
        command: one of these.
        message: what came with it.
        envs: their indices in the pool.

    Returns:
        One info or answer an environment; [] where there is none.
    """
    match command:
        case Command.RESET:
            return _reset(group, message, envs)
        case Command.CALL:
            return group.call(*message)
        case Command.SET:
            group.set_attr(*message)
        case Command.SPLIT:
            group.info_mode = "split"
    return []


def _reset(group: Group, message: Reset, envs: range) -> Any:
    infos = group.reset(message.seeds, message.options, envs.start, envs.stop, message.selected)
    if message.over is not None:
        group.end_unseen([index for index in envs if message.over[index]])
    return infos


def find_unpicklable(group: Group, first: int, answers: Any) -> EnvironmentFailed:
    """Words the error for the first environment whose info, or other answer, can't be sent.

    Args:
        group: of environments.
        first: the first one's index in the pool.
        answers: one an environment.
    """
    for position, answer in enumerate(answers):
        try:
            encode(answer)
        except Exception as error:  # noqa: BLE001 - anything may be in an info
            problem = f"its info or answer can't be pickled: {type(error).__name__}: {error}"
            return group.failure(first + position, "info", problem)
    return group.failure(first, "info", "the infos can't be pickled together")
