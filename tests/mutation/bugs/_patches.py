"""Ways to put a bug into the trainer: what each patches, whatever the bug does there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import pufferlib.training.loss
import pufferlib.training.ppo
import pufferlib.training.rollout
from pufferlib.sanity import SanityTask
from pufferlib.training.rollout import Rollout

LOSS, PPO, ROLLOUT = pufferlib.training.loss, pufferlib.training.ppo, pufferlib.training.rollout


class Tampered:
    """A pool whose batches, actions and seeds go through someone's hands."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.num_agents_each = pool.num_agents // pool.num_envs
        self.memory: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def __enter__(self) -> Any:
        self._pool.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._pool.__exit__(*error)


def tamper(
    recv: Callable[[Any, Any], Any] | None = None,
    send: Callable[[Any, Any], Any] | None = None,
    seed: Callable[[Any, int], Any] | None = None,
) -> Any:
    """Patches the pools that one trains in: the three give the wrong batch, actions and seed."""

    class Pool(Tampered):
        def recv(self) -> Any:
            batch = self._pool.recv()
            return batch if recv is None else recv(self, batch)

        def send(self, actions: Any) -> None:
            self._pool.send(actions if send is None else send(self, actions))

        def async_reset(self, seed_: Any = None, **kwargs: Any) -> None:
            given = kwargs.pop("seed", seed_)
            self._pool.async_reset(seed=given if seed is None else seed(self, given), **kwargs)

    original = SanityTask.make_pool

    def make_pool(task: SanityTask, num_envs: int | None = None) -> Any:
        pool = original(task, num_envs)
        return Pool(pool) if num_envs is None else pool

    return patch.object(SanityTask, "make_pool", make_pool)


def advantages(change: Callable[..., Any]) -> Any:
    """Patches how advantages are computed: `change(original, *arguments)`."""
    original = ROLLOUT.compute_advantages
    return patch.object(ROLLOUT, "compute_advantages", lambda *arguments: change(original, *arguments))


@contextmanager
def sampler(change: Callable[..., Any]) -> Iterator[None]:
    """Patches how the trainer samples and rates actions: `change(original, output, actions)`; C rates none then."""
    original = LOSS.sample_actions

    def changed(output: Any, actions: Any = None, **_: Any) -> Any:
        return change(original, output, actions)

    with (
        patch.object(PPO, "choose_actions", lambda output: changed(output)[:2]),
        patch.object(LOSS, "sample_actions", changed),
        patch.object(LOSS, "fits_native", lambda *_: False),
    ):
        yield


def results(change: Callable[[dict[str, Any], Any], None]) -> Any:
    """Patches what a rollout stores of each step's outcome: `change(arguments, rollout)`."""
    return _arguments("add_results", ("rows", "rewards", "terminals", "truncations", "mask", "final_values"), change)


def choices(change: Callable[[dict[str, Any], Any], None]) -> Any:
    """Patches what a rollout stores of each step's observation and action."""
    names = ("rows", "observations", "starts", "mask", "state", "actions", "log_probs", "values")
    return _arguments("add_choices", names, change)


def _arguments(method: str, names: tuple[str, ...], change: Callable[[dict[str, Any], Any], None]) -> Any:
    original = getattr(Rollout, method)

    def changed(self: Rollout, *args: Any, **kwargs: Any) -> None:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        change(given, self)
        original(self, **given)

    return patch.object(Rollout, method, changed)


def late(given: dict[str, Any], owner: Any, name: str) -> None:
    """Replaces an argument by that of the call before."""
    kept = owner.__dict__.setdefault("kept_" + name, given[name])
    owner.__dict__["kept_" + name] = (
        given[name].clone() if isinstance(given[name], torch.Tensor) else given[name].copy()
    )
    given[name] = kept


def roll_agents(pool: Any, values: Any) -> Any:
    """Gives each agent what belongs to the one before it in the same environment."""
    return np.roll(values.reshape(-1, pool.num_agents_each, *values.shape[1:]), 1, 1).reshape(values.shape)
