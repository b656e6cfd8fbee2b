"""What the files of the shared adapter suite have in common."""

from __future__ import annotations

import hashlib
from typing import Any

import gymnasium
import numpy as np
import pytest

SLOW_S = 300  # the limit of a test that makes many environments, or slow ones, on a busy machine


def is_gymnasium(env: Any) -> bool:
    """Says whether an emulated environment has the single-agent API."""
    return isinstance(env, gymnasium.Env)


def skip_if_declared(deviations: dict[str, str], key: str) -> None:
    """Leaves a test out where the adapter declares that it can't hold, and says why."""
    if key in deviations:
        pytest.skip(f"declared deviation, {key}: {deviations[key]}")


def digest(*arrays: np.ndarray) -> bytes:
    """Hashes the bytes of arrays, so that comparing pixels is quick."""
    total = hashlib.blake2b(digest_size=16)
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.digest()


def play(env: Any, num_steps: int, seed: int = 0) -> None:
    """Plays an emulated environment with random actions, over its ends."""
    env.reset(seed=seed)
    for _ in range(num_steps):
        if env.episode_over:
            env.reset()
        if is_gymnasium(env):
            env.step(env.action_space.sample())
        else:
            env.step({agent: env.action_space(agent).sample() for agent in env.agents})
