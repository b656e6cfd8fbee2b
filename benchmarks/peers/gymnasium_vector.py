"""Gymnasium's SyncVectorEnv and AsyncVectorEnv, and what games have of their own: CartPole in NumPy, Atari in C++."""

from __future__ import annotations

from typing import Any

import gymnasium
from _environments import batches_of_actions, creator
from _harness import Pool, serve
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; AsyncVectorEnv has one process for each environment and shares memory."""
    count = case["num_envs"]
    envs: Any
    if case["mode"] == "numpy":
        envs = gymnasium.make_vec("CartPole-v1", num_envs=count, vectorization_mode="vector_entry_point")
    elif case["mode"] == "ale":
        from ale_py import AtariVectorEnv

        # Its defaults are the preprocessing of `make_pong`, but for FIRE at a game's start and clipped rewards.
        envs = AtariVectorEnv("pong", num_envs=count, num_threads=case["num_workers"])
    else:
        pool = SyncVectorEnv if case["mode"] == "serial" else AsyncVectorEnv
        envs = pool([creator(case)] * count, autoreset_mode=AutoresetMode.SAME_STEP)
    actions = batches_of_actions(case, count)
    envs.reset(seed=1)
    return Pool(lambda: envs.step(next(actions)), envs.close, count)


if __name__ == "__main__":
    serve(make, "gymnasium", "numpy")
