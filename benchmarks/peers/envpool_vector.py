"""EnvPool, whose environments are C++: its own CartPole, Catch and Pong, in as many threads as it is told."""

from __future__ import annotations

from typing import Any

import envpool
import numpy as np
from _environments import batches_of_actions
from _harness import Pool, serve


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool."""
    count = case["num_envs"]
    # Its Pong has the frame skip, stack, size and gray of `make_pong`; FIRE opens a game.
    name = {"cartpole": "CartPole-v1", "catch": "Catch-v0", "pong": "Pong-v5"}[case["env"]]
    envs = envpool.make_gymnasium(name, num_envs=count, num_threads=case["num_workers"])
    actions = batches_of_actions(case, count, np.int32)
    envs.reset()
    return Pool(lambda: envs.step(next(actions)), envs.close, count)


if __name__ == "__main__":
    serve(make, "envpool", "gymnasium", "numpy")
