"""A new maze in each episode, seen through a small window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.exceptions import ConfigError
from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class GridworldConfig(NativeConfig):
    """Options of `Gridworld`."""

    size: int = 11
    """Cells along an edge, walls included, odd, 5 to 95: (size - 1) / 2 rooms along an edge."""

    radius: int = 2
    """Cells that the agent sees in each direction, 1 to 16; walls don't hide what is behind them."""

    loops: int = 0
    """Walls between rooms that are drawn at random to be opened; with none there is one way only."""

    door: bool = False
    """Whether the goal is behind a door, and its key somewhere in the maze."""

    max_steps: int = 200
    """Steps until the episode is cut."""

    def check(self) -> None:
        """Refuses mazes that can't be made, or not be solved in time."""
        if not 5 <= self.size <= 95 or self.size % 2 == 0:
            raise ConfigError("size", f"it is {self.size}.", "Choose an odd number from 5 to 95.")
        self.require(radius=(1, 16), loops=(0, 10_000))
        # The longest way leads through all rooms; to the key and from there to the goal it may be twice as long.
        enough = ((self.size - 1) ** 2 // 4 - 1) * 2 * (1 + self.door)
        if self.max_steps < enough:
            problem = f"it is {self.max_steps}: some mazes of size {self.size} take {enough} steps."
            raise ConfigError("max_steps", problem, f"Choose {enough} or more, or a smaller maze.")


class Gridworld(NativeEnv):
    """The agent looks for the goal of a maze; it sees a few cells only and has to remember where it was.

    The maze is dug by a random walk from the agent's room, which goes back where it is stuck; the goal lies in one of
    its dead ends. With `door`, the goal's only entrance opens to who has picked up the key.

    Observation: Box(0, 1, (4, 2 * radius + 1, 2 * radius + 1), uint8), the cells around the agent, north up. Planes:
        walls, goal, key, door. A key that the agent holds is seen where the agent is.
    Action: Discrete(5): stay, down, up, right, left.
    Reward: -1 / max_steps each step, and 1 at the goal: the return is the share of the time that was left, or -1.
    End: terminal at the goal; truncation after `max_steps` steps.
    Numbers: `reached`, 1 or 0, and `efficiency`, the length of the shortest way by that of the way taken, 0 if the goal
        wasn't reached ("success weighted by path length", Anderson et al. 2018).
    """

    name = "gridworld"
    Config = GridworldConfig
    numbers = ("reached", "efficiency")
    keys: ClassVar[dict[str, int]] = {"down": 1, "up": 2, "right": 3, "left": 4}
    idle: ClassVar[Any] = None  # nothing happens until a key is pressed

    @classmethod
    def spec(cls, config: GridworldConfig) -> NativeSpec:
        """Describes a maze."""
        side = 2 * config.radius + 1
        across = config.size * max(1, min(6, 96 // config.size))
        return NativeSpec(
            observation_space=Box(0, 1, (4, side, side), np.uint8),
            action_space=Discrete(5),
            frame=(across, across),
            render_fps=8,
        )
