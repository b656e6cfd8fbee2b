"""Gymnasium's SyncVectorEnv and AsyncVectorEnv, and CartPole's own vectorized version."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from _environments import creator
from _harness import Pool, serve
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; AsyncVectorEnv has one process for each environment and shares memory."""
    count = case["num_envs"]
    envs: Any
    if case["mode"] == "numpy":
        envs = gymnasium.make_vec("CartPole-v1", num_envs=count, vectorization_mode="vector_entry_point")
    else:
        pool = SyncVectorEnv if case["mode"] == "serial" else AsyncVectorEnv
        envs = pool([creator(case)] * count, autoreset_mode=AutoresetMode.SAME_STEP)
    actions = np.zeros(count, np.int64)
    envs.reset(seed=1)
    return Pool(lambda: envs.step(actions), envs.close, count)


if __name__ == "__main__":
    serve(make, "gymnasium", "numpy")
