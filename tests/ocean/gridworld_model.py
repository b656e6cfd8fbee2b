"""The mazes of `pufferlib/ocean/gridworld.c` written again, with a dict of (row, column)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from ocean.lockstep import Turn
from ocean.random_numbers import RandomNumbers
from pufferlib.ocean.gridworld import GridworldConfig

Cell = tuple[int, int]
WAYS: dict[int, Cell] = {1: (1, 0), 2: (-1, 0), 3: (0, 1), 4: (0, -1)}  # down, up, right, left


def beside(cell: Cell, way: Cell, steps: int = 1) -> Cell:
    """The cell so many steps away."""
    return cell[0] + steps * way[0], cell[1] + steps * way[1]


class GridworldModel:
    """The whole game; `things` holds what is in each cell that is no wall: "", "goal", "key" or "door"."""

    def __init__(self, seed: int, **options: Any) -> None:
        self.config = GridworldConfig(**options)
        self.random = RandomNumbers(seed)

    def reset(self) -> np.ndarray[Any, Any]:
        """Digs a maze."""
        self.num_steps, self.has_key = 0, False
        self.agent = self._room()
        self.things: dict[Cell, str] = {self.agent: ""}
        self._dig()
        self.goal = self._room()
        while self.goal == self.agent or not self.is_dead_end(self.goal):
            self.goal = self._room()
        for _ in range(self.config.loops):
            room, way = self._room(), WAYS[1 + self.random.below(4)]
            if self._is_inside(beside(room, way, 2)) and self.goal not in (room, beside(room, way, 2)):
                self.things[beside(room, way)] = ""
        self.things[self.goal] = "goal"
        self.shortest = self.distances(self.goal)[self.agent]
        if self.config.door:
            entrance = next(beside(self.goal, way) for way in WAYS.values() if beside(self.goal, way) in self.things)
            self.things[entrance] = "door"
            key = self._room()
            while key in (self.agent, self.goal):
                key = self._room()
            self.things[key] = "key"
            self.shortest = self.distances(self.goal)[key] + self.distances(key)[self.agent]
        return self._observe()

    def step(self, actions: Sequence[int]) -> Turn:
        """Walks."""
        self.num_steps += 1
        target = beside(self.agent, WAYS.get(actions[0], (0, 0)))
        if target in self.things and (self.things[target] != "door" or self.has_key):
            self.agent = target
        if self.things[self.agent] == "key":
            self.has_key = True
        if self.things[self.agent] != "goal":
            self.things[self.agent] = ""
        there = self.agent == self.goal
        cut = not there and self.num_steps == self.config.max_steps
        reward = np.array([there - 1 / self.config.max_steps])
        turn = Turn(self._observe(), reward, np.array([there]), np.array([cut]), np.array([not (there or cut)]))
        turn.over = there or cut
        if turn.over:
            efficiency = self.shortest / self.num_steps if there else 0.0
            turn.numbers[0] = {"reached": float(there), "efficiency": efficiency}
        return turn

    def distances(self, start: Cell) -> dict[Cell, int]:
        """Steps from a cell to all that can be reached, through the door too."""
        found, queue = {start: 0}, deque([start])
        while queue:
            cell = queue.popleft()
            for way in WAYS.values():
                following = beside(cell, way)
                if following in self.things and following not in found:
                    found[following] = found[cell] + 1
                    queue.append(following)
        return found

    def is_dead_end(self, room: Cell) -> bool:
        """Whether one way only leads into a room."""
        return sum(beside(room, way) in self.things for way in WAYS.values()) == 1

    def _room(self) -> Cell:
        across = (self.config.size - 1) // 2
        row, column = divmod(self.random.below(across**2), across)
        return 2 * row + 1, 2 * column + 1

    def _is_inside(self, cell: Cell) -> bool:
        return all(0 < x < self.config.size - 1 for x in cell)

    def _dig(self) -> None:
        path = [self.agent]
        while path:
            room = path[-1]
            closed = [
                way
                for way in WAYS.values()
                if self._is_inside(beside(room, way, 2)) and beside(room, way, 2) not in self.things
            ]
            if not closed:
                path.pop()
                continue
            way = closed[self.random.below(len(closed))]
            self.things[beside(room, way)] = self.things[beside(room, way, 2)] = ""
            path.append(beside(room, way, 2))

    def _observe(self) -> np.ndarray[Any, Any]:
        radius = self.config.radius
        seen = np.zeros((1, 4, 2 * radius + 1, 2 * radius + 1), np.uint8)
        for y in range(-radius, radius + 1):
            for x in range(-radius, radius + 1):
                thing = self.things.get((self.agent[0] + y, self.agent[1] + x), "wall")
                if thing:
                    seen[0, ("wall", "goal", "key", "door").index(thing), radius + y, radius + x] = 1
        if self.has_key:
            seen[0, 2, radius, radius] = 1
        return seen
