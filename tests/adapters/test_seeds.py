"""Every adapter's environments repeat themselves: with the same seed, in the same pool, and in worker processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pufferlib.vector
from adapter_checks import SLOW_S, digest, skip_if_declared

pytestmark = pytest.mark.timeout(SLOW_S)


def test_environment__same_seed_gives_the_same_trajectory(creator, deviations):
    """Two pools of the same seed agree bit for bit, and so does a pool that is used for a second time."""
    skip_if_declared(deviations, "seed")
    first, again = roll(creator, seed=7)
    (second,) = roll(creator, seed=7, num_games=1)

    assert first == second
    assert first == again or "reuse_seed" in deviations


def test_environment__multiprocessing_equals_serial(creator, deviations):
    """Two workers give, bit for bit, what the environments give in this process."""
    for key in ("multiprocessing", "seed"):
        skip_if_declared(deviations, key)
    (serial,) = roll(creator, seed=5, num_steps=60, num_games=1)
    (workers,) = roll(
        creator, seed=5, num_steps=60, num_games=1, backend="multiprocessing", num_workers=2, start_timeout_s=200
    )

    assert serial == workers


def roll(creator: Any, seed: int, num_steps: int = 90, num_games: int = 2, **options: Any) -> list[list[bytes]]:
    """Plays the same game in the same pool so many times and returns digests of everything that came out of each."""
    games: list[list[bytes]] = [[] for _ in range(num_games)]
    with pufferlib.vector.make(creator, num_envs=2, **options) as envs:
        for game in games:
            game.append(digest(envs.reset(seed=seed)[0]))
            envs.action_space.seed(seed)
            for _ in range(num_steps):
                observations, *results, _ = envs.step(envs.action_space.sample())
                assert np.isfinite(results[0]).all()
                game.append(digest(observations, *results))
    return games
