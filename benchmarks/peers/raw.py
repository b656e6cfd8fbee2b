"""No vectorization at all: a loop over the environments, as a bound. Resets what ended and keeps nothing."""

from __future__ import annotations

from typing import Any

from _environments import Crowd, batches_of_actions, creator
from _harness import Pool, serve


def make(case: dict[str, Any]) -> Pool:
    """Makes the environments and a function that steps each once."""
    envs = [creator(case)() for _ in range(case["num_envs"])]
    for env in envs:
        env.reset(seed=1)

    actions = batches_of_actions(case, len(envs))

    def step() -> None:
        for env, action in zip(envs, next(actions).tolist(), strict=True):
            if isinstance(env, Crowd):
                env.step(dict.fromkeys(env.agents, 0))
                if not env.agents:
                    env.reset()
            else:
                _, _, terminated, truncated, _ = env.step(action)
                if terminated or truncated:
                    env.reset()

    return Pool(step, lambda: None, case["num_envs"])


if __name__ == "__main__":
    serve(make, "gymnasium", "numpy")
