"""Wrappers of single games. Imports PettingZoo, so only `make` imports this file."""

from __future__ import annotations

from typing import Any

import gymnasium
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

from pufferlib.spaces import Sequence


class Knights(BaseParallelWrapper[str, Any, Any]):
    """Makes episodes of Knights Archers Zombies independent, and its sequences bounded.

    The game keeps its zombie timer over a reset, so that the same seed gave other zombies in a second episode; here
    every reset starts it anew. With `obs_method="vector-sequence"` the game declares sequences without a maximum; the
    most that it can send is one row for every thing that it tracks and one for the agent itself.
    """

    def __init__(self, env: ParallelEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self._space = bounded(env.observation_space(env.possible_agents[0]), env.unwrapped.num_tracked + 1)

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """Returns the one space that all agents share."""
        return self._space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts a game, with the zombie timer at zero."""
        self.env.unwrapped.zombie_spawn_interval.reset()
        return super().reset(seed, options)


def bounded(space: gymnasium.Space[Any], max_length: int) -> gymnasium.Space[Any]:
    """Gives a sequence its maximum length; returns any other space as it is."""
    if not isinstance(space, gymnasium.spaces.Sequence):
        return space
    return Sequence(space.feature_space, stack=space.stack, max_length=max_length)
