"""pufferlib: every backend and kind of batch."""

from __future__ import annotations

from typing import Any

from _environments import creator
from _harness import Pool, serve

import pufferlib.vector


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; batches smaller than the pool are asynchronous."""
    options: dict[str, Any] = {"num_envs": case["num_envs"], "backend": "serial"}
    if case["mode"] != "serial":
        options |= {"backend": "multiprocessing", "num_workers": case["num_workers"]}
        options |= {"batch_size": case["batch_size"], "zero_copy": case["mode"] != "async"}
    envs = pufferlib.vector.make(creator(case), **options)
    envs.action_space.seed(1)
    actions = envs.action_space.sample()
    actions[...] = 0
    if case["batch_size"] == case["num_envs"]:
        envs.reset(seed=1)
        return Pool(lambda: envs.step(actions), envs.close, case["batch_size"])
    envs.async_reset(seed=1)
    envs.recv()

    def step() -> None:
        envs.send(actions)
        envs.recv()

    return Pool(step, envs.close, case["batch_size"])


if __name__ == "__main__":
    serve(make, "pufferlib", "gymnasium", "numpy")
