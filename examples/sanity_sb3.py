"""Stable-Baselines3's PPO takes the sanity suite: python examples/sanity_sb3.py [TASK...].

It has no memory and no idea of agents that aren't there, and it waits for all environments, so `memory`, `absent` and
`async` are beyond it. Mixed actions, which SB3 itself doesn't know, come with `pufferlib.frameworks.sb3.Policy`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

import pufferlib.sanity
from pufferlib.frameworks.sb3 import Policy
from pufferlib.models import Default
from pufferlib.sanity import Act, SanityTask

small_network = functools.partial(Default, hidden_size=64)


class Rows(VecEnv):
    """Shows each row of a pool to SB3 as an environment."""

    def __init__(self, pool: Any) -> None:
        """Wraps a pool whose agents are always there."""
        self.pool = pool
        super().__init__(pool.num_agents, pool.single_observation_space, pool.single_action_space)

    def reset(self) -> Any:
        """Resets all of them, with the seed that SB3 has set for the first one."""
        return self.pool.reset(seed=self._seeds[0])[0].copy()

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Keeps the actions."""
        self.actions = actions

    def step_wait(self) -> Any:
        """Steps, and tells SB3 of ends and cuts in its own words."""
        observations, rewards, terminals, truncations, _ = self.pool.step(self.actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(terminals | truncations):
            infos[row] = {
                "terminal_observation": self.pool.final_observations[row].copy(),
                "TimeLimit.truncated": bool(truncations[row] and not terminals[row]),
            }
        # The pool writes into the same arrays again, and SB3 keeps what it was given until after the next step.
        return observations.copy(), rewards.astype(np.float32), terminals | truncations, infos

    def close(self) -> None:
        """Closes the pool."""
        self.pool.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Knows of no attribute but that there is no picture."""
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets nothing."""

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Calls nothing."""
        return [None] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """There are no wrappers."""
        return [False] * self.num_envs


def solve(task: SanityTask, seed: int) -> Act:
    """Trains with the task's own options, which SB3 has under other names."""
    vector, ppo = task.config.vector, task.config.ppo
    for problem in (
        "SB3's PPO has no memory" if task.recurrent else "",
        "SB3 has no masks for absent agents" if task.name == "absent" else "",
        "SB3 waits for all environments" if vector.batch_size not in (None, vector.num_envs) else "",
    ):
        if problem:
            raise NotImplementedError(problem)
    torch.set_num_threads(1)
    with task.make_pool(vector.num_envs) as pool:
        model = PPO(
            Policy,
            Rows(pool),
            policy_kwargs={
                "emulated": pool.emulated,
                "create_policy": small_network,
                "optimizer_kwargs": {"eps": 1e-5},
            },
            learning_rate=lambda left: ppo.learning_rate * left,
            n_steps=ppo.horizon,
            batch_size=ppo.horizon * pool.num_agents // ppo.num_minibatches,
            n_epochs=ppo.update_epochs,
            gamma=ppo.gamma,
            gae_lambda=ppo.gae_lambda,
            clip_range=ppo.clip,
            ent_coef=ppo.entropy_coef,
            vf_coef=ppo.value_coef / 2,  # of the squared error; ours is of half of it
            normalize_advantage=ppo.normalize_advantages,
            max_grad_norm=ppo.max_grad_norm,
            seed=seed,
            device="cpu",
        )
        model.learn(ppo.total_steps)
    return lambda observations, starts: model.predict(observations, deterministic=False)[0]


def main(names: Sequence[str]) -> int:
    """Runs the tasks; 1 if one that is supported isn't solved."""
    failed = 0
    for result in pufferlib.sanity.run(solve, names):
        print(result, flush=True)
        failed |= result.supported and not result.solved
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
