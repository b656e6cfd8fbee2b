"""EnvPool, whose environments are C++: its own CartPole, in as many threads as it is told."""

from __future__ import annotations

from typing import Any

import envpool
import numpy as np
from _harness import Pool, serve


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool."""
    count = case["num_envs"]
    envs = envpool.make_gymnasium("CartPole-v1", num_envs=count, num_threads=case["num_workers"])
    actions = np.zeros(count, np.int32)
    envs.reset()
    return Pool(lambda: envs.step(actions), envs.close, count)


if __name__ == "__main__":
    serve(make, "envpool", "gymnasium", "numpy")
