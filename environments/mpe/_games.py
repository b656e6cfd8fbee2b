"""What MPE's games need around them. Imports MPE2, so only `make` imports this file."""

from __future__ import annotations

from typing import Any

import numpy as np
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

# What `benchmark_data` of a game's scenario means: one name for each of its numbers. Other games have none, or give
# colours and lists whose length changes.
NUMBERS: dict[str, tuple[str, ...]] = {
    "simple_spread_v3": ("", "collisions", "distance", "occupied_landmarks"),
    "simple_tag_v3": ("catches",),
    "simple_world_comm_v3": ("catches",),
    "collect_treasure_v1": ("", "treasures"),
}


class FinalNumbers(BaseParallelWrapper[str, Any, Any]):
    """Adds the game's own numbers to the infos of an episode's last step, and closes only what it has opened.

    Closing a game quits pygame for the whole process, fonts of other games included. Only a window needs that.
    """

    def __init__(self, env: ParallelEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self._numbers = NUMBERS.get(env.unwrapped.metadata["name"], ())

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Steps the game."""
        result = self.env.step(actions)
        if self._numbers and not self.env.agents:
            infos = result[4]
            for agent in infos:
                infos[agent] = {**infos[agent], **self._final_numbers(agent)}
        return result

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self.env.unwrapped.render_mode == "human":
            self.env.close()

    def _final_numbers(self, agent: str) -> dict[str, float]:
        game = self.env.unwrapped
        entity = next(entity for entity in game.world.agents if entity.name == agent)
        values = np.atleast_1d(game.scenario.benchmark_data(entity, game.world))
        return {name: float(value) for name, value in zip(self._numbers, values, strict=True) if name}
