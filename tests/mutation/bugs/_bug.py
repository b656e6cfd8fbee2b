"""What a bug is: a context manager that patches the trainer while it trains, and the task that has to notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bug:
    """One bug and the task that is named to catch it."""

    kind: str
    """As the suite's tasks name what they catch."""
    text: str
    """What exactly is wrong."""
    task: str
    inject: Callable[[], Any]
    """Gives a context manager inside which trainers have the bug."""

    @property
    def name(self) -> str:
        """Identifies it."""
        return self.inject.__name__


def bug(kind: str, task: str) -> Callable[[Callable[[], Iterator[None]]], Bug]:
    """Makes a bug of a generator function that patches, yields and repairs; its docstring says what is wrong."""
    return lambda inject: Bug(kind, (inject.__doc__ or "").rstrip("."), task, contextmanager(inject))
