"""Tianshou's DummyVectorEnv, SubprocVectorEnv and ShmemVectorEnv; its collector resets what ended, so this does too."""

from __future__ import annotations

from typing import Any

import numpy as np
from _environments import batches_of_actions, creator
from _harness import Pool, serve
from tianshou.env import DummyVectorEnv, ShmemVectorEnv


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; ShmemVectorEnv has one process for each environment and shares memory."""
    pool = DummyVectorEnv if case["mode"] == "serial" else ShmemVectorEnv
    envs = pool([creator(case)] * case["num_envs"])
    actions = batches_of_actions(case, case["num_envs"])
    envs.reset()

    def step() -> None:
        _, _, terminals, truncations, _ = envs.step(next(actions))
        over = terminals | truncations
        if over.any():
            envs.reset(np.flatnonzero(over))

    return Pool(step, envs.close, case["num_envs"])


if __name__ == "__main__":
    serve(make, "tianshou", "gymnasium", "numpy")
