"""TorchRL's SerialEnv and ParallelEnv."""

from __future__ import annotations

from typing import Any

import torch
from _environments import batches_of_actions, creator
from _harness import Pool, serve
from torchrl.envs import GymWrapper, ParallelEnv, SerialEnv

torch.set_num_threads(1)


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; ParallelEnv has one process for each environment."""
    make_env, count = creator(case), case["num_envs"]
    pool = SerialEnv if case["mode"] == "serial" else ParallelEnv
    options = {} if case["mode"] == "serial" else {"mp_start_method": "fork"}
    envs = pool(count, lambda: GymWrapper(make_env(), categorical_action_encoding=True), **options)
    state = envs.reset()
    actions = batches_of_actions(case, count)
    holder = [state]

    @torch.no_grad()
    def step() -> None:
        state = holder[0]
        state["action"] = torch.from_numpy(next(actions))
        holder[0] = envs.step_and_maybe_reset(state)[1]

    return Pool(step, envs.close, count)


if __name__ == "__main__":
    serve(make, "torchrl", "gymnasium", "numpy", "torch")
