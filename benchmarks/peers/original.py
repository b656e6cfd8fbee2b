"""The original pufferlib 1.0.1, in a virtual environment with the versions that it needs."""

from __future__ import annotations

from typing import Any

from _environments import batches_of_actions, creator
from _harness import Pool, serve

import pufferlib.emulation
import pufferlib.vector


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; batches smaller than the pool are asynchronous."""
    make_env = creator(case)
    wrapper = pufferlib.emulation.GymnasiumPufferEnv
    if case["env"] == "crowd":
        wrapper = pufferlib.emulation.PettingZooPufferEnv
    options: dict[str, Any] = {"num_envs": case["num_envs"], "backend": pufferlib.vector.Serial}
    if case["mode"] != "serial":
        options |= {"backend": pufferlib.vector.Multiprocessing, "num_workers": case["num_workers"]}
        options |= {"batch_size": case["batch_size"], "zero_copy": case["mode"] != "async"}
    envs = pufferlib.vector.make(lambda: wrapper(env_creator=make_env), **options)
    actions = batches_of_actions(case, envs.agents_per_batch)
    envs.async_reset(1)
    envs.recv()

    def step() -> None:
        envs.send(next(actions))
        envs.recv()

    return Pool(step, envs.close, case["batch_size"])


if __name__ == "__main__":
    serve(make, "pufferlib", "gymnasium", "numpy")
