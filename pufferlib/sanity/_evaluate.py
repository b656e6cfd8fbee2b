"""Plays with what a trainer learned, in environments of the suite's own.

Shapes: E environments, A agents in each, N = E * A rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pufferlib.exceptions import ConfigError
from pufferlib.sanity._tasks import SanityTask
from pufferlib.training.episodes import iterate_sources

Act: TypeAlias = Callable[[NDArray[Any], NDArray[np.bool_]], NDArray[Any]]
"""How to play: `act(observations, starts) -> actions`.

observations: (N, ...), flat rows as the pool gives them, all rows at every call and always in the same order.
starts: (N,) bool, the observation is the first of an episode: a memory is to be emptied before it.
actions: (N, ...), flat, as the pool takes them; sampled, where the policy is a random one.
"""

NUM_ENVS = 64
FIRST_SEED = 1_000_000_000  # far from those that one trains with
MOST_STEPS = 10_000


def evaluate(task: SanityTask, act: Act, seed: int = 0, episodes: int = 512) -> float:
    """Plays whole episodes and returns the mean of what the task counts, not normalized.

    Every agent of 64 environments plays the same number of episodes, so that long ones count like short ones.

    Args:
        task: what to play.
        act: how to act.
        seed: of the environments.
        episodes: how many in all, at least; rounded up to a multiple of the agents.

    Raises:
        ConfigError: the actions have another number of rows, or 10,000 steps aren't enough for so many episodes.
    """
    with task.make_pool(NUM_ENVS) as envs:
        share = -(-episodes // envs.num_agents)
        scores: dict[tuple[int, Any], list[float]] = {}
        present = np.zeros(envs.num_agents, bool)
        envs.async_reset(seed=FIRST_SEED + seed * NUM_ENVS)
        for _ in range(MOST_STEPS):
            observations, _, terminals, truncations, infos, _, mask = envs.recv()
            for env, agent, episode in iterate_sources(infos):
                played = scores.setdefault((env, agent), [])
                if len(played) < share:
                    played.append(episode.numbers[task.number])
            if len(scores) == envs.num_agents and min(map(len, scores.values())) >= share:
                return float(np.mean([score for played in scores.values() for score in played]))
            starts = terminals | truncations | ~present
            present = mask.copy()
            actions = np.asarray(act(observations, starts))
            if len(actions) != envs.num_agents:
                problem = f"it gave {len(actions)} actions for {envs.num_agents} rows."
                raise ConfigError("act", problem, "Return an action for each row, absent agents included.")
            envs.send(actions)
    raise ConfigError(task.name, f"no {episodes} episodes ended in {MOST_STEPS} steps.", "Ask for fewer.")


def random_act(task: SanityTask, seed: int = 0) -> Act:
    """Makes a player that takes uniformly random actions."""
    with task.make_pool(1) as envs:
        layout = envs.emulated.action
    space = layout.space
    space.seed(seed)

    def act(observations: NDArray[Any], starts: NDArray[np.bool_]) -> NDArray[Any]:
        return np.stack([layout.pack(space.sample()) for _ in observations])

    return act
