"""pufferlib: every backend and kind of batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from _environments import batches_of_actions, creator
from _harness import Pool, serve

import pufferlib.ocean
import pufferlib.vector
from pufferlib._native import core


def make(case: dict[str, Any], env_creator: Callable[[], Any] | None = None) -> Pool:
    """Makes a pool, of the case's environment or another one; batches smaller than the pool are asynchronous."""
    options: dict[str, Any] = {"num_envs": case["num_envs"], "backend": "serial"}
    if case["mode"] == "threads":
        options |= {"backend": "threads", "num_workers": case["num_workers"]}
    elif case["mode"] not in ("serial", "bare"):
        options |= {"backend": "multiprocessing", "num_workers": case["num_workers"]}
        options |= {"batch_size": case["batch_size"], "zero_copy": case["mode"] != "async"}
    if case["env"] == "ocean":
        envs = pufferlib.vector.make(pufferlib.ocean.env_creator(case["options"]["name"]), **options)
        envs.action_space.seed(1)  # not all are discrete
        actions = itertools.cycle(
            [envs.action_space.sample() for _ in range(max(2, min(64, 65_536 // envs.num_agents)))]
        )
    else:
        envs = pufferlib.vector.make(env_creator or creator(case), **options)
        actions = batches_of_actions(case, envs.agents_per_batch)
    if case["mode"] == "bare":  # what C alone takes for the same steps
        envs.reset(seed=1)
        envs.step(next(actions))
        group: Any = envs._group
        return Pool(lambda: core.env_step(group.batch, 0, case["num_envs"]), envs.close, case["num_envs"])
    if case["batch_size"] == case["num_envs"]:
        envs.reset(seed=1)
        return Pool(lambda: envs.step(next(actions)), envs.close, case["batch_size"])
    envs.async_reset(seed=1)
    envs.recv()

    def step() -> None:
        envs.send(next(actions))
        envs.recv()

    return Pool(step, envs.close, case["batch_size"])


if __name__ == "__main__":
    serve(make, "pufferlib", "gymnasium", "numpy")
