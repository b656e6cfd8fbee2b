"""Takes back what third-party packages write into the environment variables."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_KEPT = {"PYGAME_HIDE_SUPPORT_PROMPT"}  # Gymnasium sets it; without it, pygame prints a line wherever it's imported


@contextlib.contextmanager
def same_variables() -> Iterator[None]:
    """Gives the environment variables, at the end of a block, the values that they had at its start.

    Only the one that keeps pygame silent stays.
    """
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys() - _KEPT:
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
