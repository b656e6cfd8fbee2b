"""Plays an environment and a slow model of it side by side and compares everything that they say.

Shapes: A agents of one environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

import pufferlib.vector
from pufferlib.ocean import env_creator


@dataclass
class Turn:
    """What a step led to, a row for each agent; `numbers` of those agents that ended."""

    observations: np.ndarray[Any, Any]
    rewards: np.ndarray[Any, Any]
    terminals: np.ndarray[Any, Any]
    truncations: np.ndarray[Any, Any]
    mask: np.ndarray[Any, Any]  # who will act; of those who ended, False
    numbers: dict[int, dict[str, float]] = field(default_factory=dict)
    over: bool = False


class Model(Protocol):
    """An environment written again, slowly."""

    def reset(self) -> np.ndarray[Any, Any]:
        """Begins an episode and gives the observations, flat, one row for each agent."""
        ...

    def step(self, actions: Sequence[int]) -> Turn:
        """Steps; never resets."""
        ...


def compare(name: str, options: dict[str, Any], model: Model, seed: int, actions: Sequence[Sequence[int]]) -> int:
    """Steps both with the same actions, over the ends of episodes, and asserts that they agree to the last bit.

    Args:
        name: of the environment.
        options: of its config.
        model: made with the same options and seed.
        seed: of the environment.
        actions: of every step, one for each agent.

    Returns:
        How many episodes ended.
    """
    num_ended = 0
    with pufferlib.vector.make(env_creator(name), num_envs=1, env_kwargs=options) as pool:
        pool.async_reset(seed=seed)
        seen, _, _, _, _, _, mask = pool.recv()
        expected = model.reset()
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(mask, present(model, len(seen)))
        returns, lengths, before = np.zeros(len(seen)), np.zeros(len(seen), int), mask.copy()
        for choice in actions:
            pool.send(np.array(choice).reshape(len(seen), *pool.single_action_space.shape))
            seen, rewards, terminals, truncations, infos, _, mask = pool.recv()
            turn = model.step(choice)
            np.testing.assert_array_equal(rewards, turn.rewards)
            np.testing.assert_array_equal(terminals, turn.terminals)
            np.testing.assert_array_equal(truncations, turn.truncations)
            ended = turn.terminals | turn.truncations
            np.testing.assert_array_equal(pool.final_observations[ended], turn.observations[ended])
            returns, lengths = returns + turn.rewards, lengths + before
            for slot in np.flatnonzero(ended):
                info = infos[0] if len(seen) == 1 else infos[0][f"agent_{slot}"]
                assert info["episode"] == {"r": returns[slot], "l": lengths[slot]}
                assert {key: info[key] for key in turn.numbers[slot]} == turn.numbers[slot]
                num_ended += 1
            returns[ended], lengths[ended] = 0, 0
            expected = model.reset() if turn.over else turn.observations
            alive = present(model, len(seen)) if turn.over else turn.mask
            if turn.over:
                returns[:], lengths[:] = 0, 0
            np.testing.assert_array_equal(seen, expected)
            np.testing.assert_array_equal(mask, alive)
            before = mask.copy()
    return num_ended


def present(model: Model, num_agents: int) -> np.ndarray[Any, Any]:
    """Who is there at the start of an episode: everyone, unless the model has a `present` that says otherwise."""
    return np.asarray(getattr(model, "present", np.ones(num_agents, bool)))
