"""Bugs of when a recurrent policy's memory is emptied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from mutation.bugs._bug import bug
from pufferlib.training.actor import Actor


@bug("recurrent state not reset", "memory")
def memory_kept() -> Iterator[None]:
    """Never empties the memory."""
    with _starts(lambda actor, starts: np.zeros_like(starts)):
        yield


@bug("recurrent state not reset", "memory")
def memory_kept_a_step() -> Iterator[None]:
    """Empties the memory a step late."""

    def change(actor: Any, starts: Any) -> Any:
        before = actor.__dict__.get("kept_starts", np.zeros_like(starts))
        actor.__dict__["kept_starts"] = starts.copy()
        return before

    with _starts(change):
        yield


@bug("recurrent state reset too often", "memory")
def memory_emptied() -> Iterator[None]:
    """Empties the memory at every step."""
    with _starts(lambda actor, starts: np.ones_like(starts)):
        yield


@bug("recurrent state reset too often", "memory")
def memory_cut() -> Iterator[None]:
    """Empties the memory at every third step."""
    original = Actor.step

    def step(self: Actor, observations: Any, rows: Any, starts: Any) -> Any:
        self.__dict__["num_steps"] = count = self.__dict__.get("num_steps", 0) + 1
        if self.state is not None and count % 3 == 0:
            self.state = tuple(torch.zeros_like(part) for part in self.state)  # type: ignore[assignment]
        return original(self, observations, rows, starts)

    with patch.object(Actor, "step", step):
        yield


@contextmanager
def _starts(change: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Changes what the policy, at play and when it learns, takes for the starts of episodes."""
    original = Actor.step

    def step(self: Actor, observations: Any, rows: Any, starts: Any) -> Any:
        changed = change(self, starts)
        starts[...] = changed  # the trainer stores the same array
        return original(self, observations, rows, starts)

    with patch.object(Actor, "step", step):
        yield
