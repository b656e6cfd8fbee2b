"""Breakout written again, slowly: bricks are a set, the ball is looked at corner by corner."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ocean.lockstep import Turn
from ocean.random_numbers import RandomNumbers


class BreakoutModel:
    """A court of 72 x 64 pixels; rows of bricks of 6 x 3 from 14 on; a paddle at 60; a ball of 2 x 2."""

    def __init__(self, seed: int, rows: int, lives: int, paddle_width: int, max_steps: int, ball_speed: float) -> None:
        self.random = RandomNumbers(seed)
        self.rows, self.num_lives, self.half, self.max_steps = rows, lives, paddle_width / 2, max_steps
        self.ball_speed = ball_speed

    def reset(self) -> np.ndarray:
        """Begins an episode."""
        self.bricks = {(row, column) for row in range(self.rows) for column in range(12)}
        self.paddle = 36.0
        self.lives = self.num_lives
        self.num_steps = self.strokes = 0
        self.serve()
        return self.observe()

    def serve(self) -> None:
        """Lets a ball fall."""
        self.place = [self.random.between(1.0, 71.0), 36.0]
        across = self.random.between(-0.6, 0.6)
        self.direction = [across, math.sqrt(1 - across**2)]
        self.rally, self.was_high, self.wait = 0, False, 10

    @property
    def level(self) -> int:
        """How often the ball got faster."""
        return sum((self.rally >= 4, self.rally >= 12, self.was_high))

    def observe(self) -> np.ndarray:
        """What the agent sees, (1, 8 + bricks)."""
        (x, y), (dx, dy) = self.place, self.direction
        numbers = [x / 36 - 1, y / 32 - 1, dx, dy, self.paddle / 36 - 1]
        shares = [np.float32(self.level) / np.float32(3), np.float32(self.lives) / np.float32(self.num_lives)]
        shares.append(np.float32(self.wait) / np.float32(10))
        wall = [float((row, column) in self.bricks) for row in range(self.rows) for column in range(12)]
        return np.array([[*numbers, *shares, *wall]], np.float32)

    def touch(self, x: float, y: float) -> bool:
        """Breaks the first brick under a ball's corners."""
        for corner_y in (y - 1, y + 1):
            for corner_x in (x - 1, x + 1):
                brick = (math.floor((corner_y - 14) / 3), math.floor(corner_x / 6))
                if brick in self.bricks:
                    self.bricks.remove(brick)
                    self.was_high |= brick[0] < 2
                    return True
        return False

    def advance(self, axis: int, distance: float) -> None:
        """Moves along one axis, unless a brick is there; turns round at the walls."""
        new = self.place[axis] + self.direction[axis] * distance
        low, high = (1, 71) if axis == 0 else (9, math.inf)
        if new < low:
            new = 2 * low - new
            self.direction[axis] *= -1
        if new > high:
            new = 2 * high - new
            self.direction[axis] *= -1
        at = (new, self.place[1]) if axis == 0 else (self.place[0], new)
        if self.touch(*at):
            self.direction[axis] *= -1
        elif axis == 1 and self.place[1] <= 59 < new and abs(self.place[0] - self.paddle) <= self.half + 1:
            across = 0.85 * ((self.place[0] - self.paddle) / (self.half + 1))
            self.direction = [across, -math.sqrt(1 - across**2)]
            self.place[1] = 59.0
            self.rally += 1
            self.strokes += 1
        else:
            self.place[axis] = new

    def step(self, actions: Sequence[int]) -> Turn:
        """Moves the paddle, then the ball."""
        way = {1: -2.5, 2: 2.5}.get(actions[0], 0.0)
        self.paddle = min(max(self.paddle + way, self.half), 72 - self.half)
        self.num_steps += 1
        before = len(self.bricks)
        if self.wait:
            self.wait -= 1
        else:
            for _ in range(4):
                distance = self.ball_speed * (1 + 0.25 * self.level) / 4
                self.advance(0, distance)
                self.advance(1, distance)
        if self.place[1] > 65:
            self.lives -= 1
            if self.lives:
                self.serve()
        over = not self.lives or not self.bricks
        cut = not over and self.num_steps >= self.max_steps
        turn = Turn(
            self.observe(),
            np.array([float(before - len(self.bricks))]),
            np.array([over]),
            np.array([cut]),
            np.array([not (over or cut)]),
            over=over or cut,
        )
        if turn.over:
            turn.numbers[0] = {"cleared": float(not self.bricks), "strokes": float(self.strokes)}
        return turn
