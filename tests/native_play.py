"""What the tests of native environments share: random actions, and trajectories that can be compared."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

import pufferlib.ocean
import pufferlib.vector


def sample_actions(env: Any, num_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Draws flat actions, (num_rows, ...), of an emulated environment."""
    space = env.single_action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        return rng.integers(0, space.n, num_rows)
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return rng.integers(0, space.nvec, (num_rows, len(space.nvec)))
    low, high = np.where(np.isfinite(space.low), space.low, -3), np.where(np.isfinite(space.high), space.high, 3)
    actions = rng.uniform(low, high, (num_rows, *space.shape))
    num_discrete = len(env.emulated.action.nvec)
    actions[:, :num_discrete] = np.rint(actions[:, :num_discrete])
    return actions.astype(space.dtype)


def trajectories(name: str, num_steps: int, num_envs: int = 6, seed: int = 7, **options: Any) -> list[list[Any]]:
    """Plays a pool until every environment has taken `num_steps` steps; the order of batches leaves no trace.

    Returns:
        One list an environment, of all that a batch says of each step, as bytes and dicts.
    """
    with pufferlib.vector.make(pufferlib.ocean.env_creator(name), num_envs=num_envs, **options) as pool:
        num_agents = pool.num_agents // num_envs
        table = sample_actions(pool, num_steps * pool.num_agents, np.random.default_rng(3))
        table = table.reshape(num_envs, num_steps, num_agents, *table.shape[1:])
        taken = np.zeros(num_envs, np.int64)
        found: list[list[Any]] = [[] for _ in range(num_envs)]
        pool.async_reset(seed)
        while True:
            observations, rewards, terminals, truncations, infos, rows, mask = pool.recv()
            envs = rows[::num_agents] // num_agents
            for position, env in enumerate(envs):
                mine = slice(position * num_agents, (position + 1) * num_agents)
                arrays = (observations[mine], rewards[mine], terminals[mine], truncations[mine], mask[mine])
                ended = terminals[mine] | truncations[mine]
                last = pool.final_observations[mine][ended].tobytes()
                if len(found[env]) <= num_steps:
                    found[env].append((*(array.tobytes() for array in arrays), last, dict(infos[position])))
            if all(len(steps) > num_steps for steps in found):
                return found
            over = pool._block.episode_over
            if options.get("autoreset") == "disabled" and over.any():
                pool.reset(options={"reset_mask": over.copy()})
            pool.send(np.concatenate([table[env, min(taken[env], num_steps - 1)] for env in envs]))
            taken[envs] += 1
