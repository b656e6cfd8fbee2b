"""The snakes of `pufferlib/ocean/snake.c` written again, with lists and sets of (row, column)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocean.lockstep import Turn
from ocean.random_numbers import RandomNumbers
from pufferlib.ocean.snake import SnakeConfig

Cell = tuple[int, int]
WAYS: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
TRIES = 32


@dataclass
class Body:
    """One snake; its cells go from tail to head."""

    cells: list[Cell]
    way: int
    growing: int = 2
    food: int = 0
    length: int = 1  # when the step began


class SnakeModel:
    """The whole game; `bodies[i]` is None while snake i is away."""

    def __init__(self, seed: int, **options: Any) -> None:
        self.config = SnakeConfig(**options)
        self.random = RandomNumbers(seed)
        self.bodies: list[Body | None] = []

    def reset(self) -> np.ndarray[Any, Any]:
        """Clears the board and begins."""
        self.num_steps = 0
        self.bodies, self.food = [None] * self.config.num_snakes, set[Cell]()
        for i in range(self.config.num_snakes):
            self._spawn(i)
        self._add_food()
        return self._observe({})

    def step(self, actions: Sequence[int]) -> Turn:
        """Moves all snakes at once."""
        count = self.config.num_snakes
        self.num_steps += 1
        is_last = self.num_steps == self.config.max_steps
        living = {i: body for i, body in enumerate(self.bodies) if body is not None}
        targets = {}
        for i, body in living.items():
            body.way = (body.way + {1: 3, 2: 1}.get(actions[i], 0)) % 4
            body.length = len(body.cells)
            if body.growing:
                body.growing -= 1
            else:
                body.cells.pop(0)
            (row, column), (down, right) = body.cells[-1], WAYS[body.way]
            targets[i] = (row + down, column + right)
        occupied = {cell for body in living.values() for cell in body.cells}
        size, meeting = self.config.size, list(targets.values())
        dead = {
            i
            for i, (row, column) in targets.items()
            if not (0 <= row < size and 0 <= column < size)
            or (row, column) in occupied
            or meeting.count((row, column)) > 1
        }
        turn = Turn(np.zeros(0), np.zeros(count), *(np.zeros(count, bool) for _ in range(3)))
        for i, body in living.items():
            if i in dead:
                self.bodies[i] = None
                turn.rewards[i], turn.terminals[i] = -1, True
            else:
                body.cells.append(targets[i])
                if targets[i] in self.food:
                    self.food.remove(targets[i])
                    body.growing += 1
                    body.food += 1
                    turn.rewards[i] = 1
                turn.truncations[i] = is_last
        return self._finish(turn, living, dead, is_last)

    def _finish(self, turn: Turn, living: dict[int, Body], dead: set[int], is_last: bool) -> Turn:
        for i in np.flatnonzero(turn.terminals | turn.truncations):
            body = living[i]
            turn.numbers[int(i)] = {"length": body.length if i in dead else len(body.cells), "food": body.food}
        if self.config.respawn and not is_last:
            for i in range(self.config.num_snakes):
                if i not in living:
                    self._spawn(i)
        self._add_food()
        turn.observations = self._observe({i: living[i] for i in dead})
        turn.mask = np.array([body is not None for body in self.bodies]) & ~turn.truncations
        turn.over = is_last or (not self.config.respawn and not any(body is not None for body in self.bodies))
        return turn

    def _free(self) -> Cell | None:
        taken = self.food.union(*(body.cells for body in self.bodies if body is not None))
        size, place = self.config.size, 0
        for _ in range(TRIES):
            place = self.random.below(size**2)
            if divmod(place, size) not in taken:
                return divmod(place, size)
        for i in range(1, size**2):
            cell = divmod((place + i) % size**2, size)
            if cell not in taken:
                return cell
        return None

    def _spawn(self, i: int) -> None:
        cell = self._free()
        if cell is not None:
            self.bodies[i] = Body([cell], self.random.below(4))

    def _add_food(self) -> None:
        while len(self.food) < self.config.food:
            cell = self._free()
            if cell is None:
                break
            self.food.add(cell)

    def _observe(self, dying: dict[int, Body]) -> np.ndarray[Any, Any]:
        radius = self.config.radius
        side = 2 * radius + 1
        seen = np.zeros((self.config.num_snakes, 5, side, side), np.uint8)
        for i in range(self.config.num_snakes):
            body = dying.get(i) or self.bodies[i]
            if body is None:
                continue
            (row, column), ahead, right = body.cells[-1], WAYS[body.way], WAYS[(body.way + 1) % 4]
            for y in range(side):
                for x in range(side):
                    forward, aside = radius - y, x - radius
                    cell = (
                        row + forward * ahead[0] + aside * right[0],
                        column + forward * ahead[1] + aside * right[1],
                    )
                    seen[i, :, y, x] = self._planes(i, cell)
        return seen

    def _planes(self, viewer: int, cell: Cell) -> list[bool]:
        size = self.config.size
        others = [body for i, body in enumerate(self.bodies) if body is not None and i != viewer]
        own = self.bodies[viewer]
        return [
            cell in self.food,
            not (0 <= cell[0] < size and 0 <= cell[1] < size),
            own is not None and cell in own.cells[:-1],
            any(cell in body.cells[:-1] for body in others),
            any(cell == body.cells[-1] for body in others),
        ]
