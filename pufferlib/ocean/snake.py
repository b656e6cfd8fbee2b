"""Snakes on one board, each with a view that turns with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class SnakeConfig(NativeConfig):
    """Options of `Snake`."""

    size: int = 20
    """Cells along an edge of the board, within its walls, 4 to 256."""

    num_snakes: int = 8
    """Agents, 1 to 120."""

    food: int = 12
    """Pieces of food that lie about at any time, as long as there is room."""

    radius: int = 5
    """Cells that a snake sees ahead, behind and to both sides, 1 to 16."""

    max_steps: int = 1000
    """Steps until all that live are cut."""

    respawn: bool = False
    """Whether a dead snake begins a new episode in the next step, on the same board. Otherwise it stays away until the
    episode is over for all, as PettingZoo wants it."""

    def check(self) -> None:
        """Refuses boards that are too small for what is on them."""
        self.require(size=(4, 256), num_snakes=(1, 120), radius=(1, 16), max_steps=(1, None))
        room = self.size**2 // 2 - self.num_snakes
        if room < 0:
            problem = f"it is {self.num_snakes}, too many for {self.size} x {self.size} cells."
            raise ConfigError("num_snakes", problem, f"Choose {self.size**2 // 2} or fewer, or a larger board.")
        if not 0 <= self.food <= room:
            raise ConfigError("food", f"it is {self.food}.", f"Choose 0 to {room}, or a larger board.")


class Snake(NativeEnv):
    """Snakes grow by what they eat and die of what they hit: walls, themselves and each other.

    Observation: Box(0, 1, (5, 2 * radius + 1, 2 * radius + 1), uint8), the cells around the head; the first row is
        farthest ahead, whichever way the snake moves. Planes: food, walls, its own body, bodies of others, heads of
        others.
    Action: Discrete(3): straight on, left, right, as seen from the snake. All move at once.
    Reward: 1 for food, -1 for death.
    End: terminal where it dies: its head enters a wall or any snake (a tail that moves on is no obstacle), or the same
        cell as another head, which kills both. Truncation after `max_steps` steps of the board. A dead snake's body
        vanishes. With `respawn` it is masked for one step, in which a new one appears, with an episode of its own.
    Numbers: `length` and `food`, what was eaten. Snakes begin with one cell and grow to three by themselves.
    Random actions: about -0.5 an episode, 22 steps long.
    """

    name = "snake"
    Config = SnakeConfig
    numbers = ("length", "food")
    keys: ClassVar[dict[str, int]] = {"left": 1, "right": 2}

    @classmethod
    def spec(cls, config: SnakeConfig) -> NativeSpec:
        """Describes a board."""
        side = 2 * config.radius + 1
        across = (config.size + 2) * max(1, min(4, 98 // (config.size + 2)))
        return NativeSpec(
            observation_space=Box(0, 1, (5, side, side), np.uint8),
            action_space=Discrete(3),
            num_agents=config.num_snakes,
            frame=(across, across),
            render_fps=10,
        )
