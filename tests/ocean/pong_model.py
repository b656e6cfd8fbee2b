"""Pong written again, slowly: players are objects, the ball is moved and then looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ocean.lockstep import Turn
from ocean.random_numbers import RandomNumbers


class Player:
    """A paddle of 9 pixels; `face` is where its ball turns round, `sign` 1 on the right."""

    def __init__(self, sign: int) -> None:
        self.sign, self.face = sign, 40 + 35 * sign
        self.height, self.points = 22.0, 0

    def move(self, by: float) -> None:
        """Moves within the court."""
        self.height = min(max(self.height + by, 4.5), 39.5)


class PongModel:
    """A court of 80 x 44 pixels and a ball of 2 x 2."""

    def __init__(self, seed: int, players: int, points: int, max_steps: int, strength: float) -> None:
        self.random = RandomNumbers(seed)
        self.num_players, self.goal, self.max_steps, self.strength = players, points, max_steps, strength

    def reset(self) -> np.ndarray:
        """Begins an episode."""
        self.right, self.left = self.sides = [Player(1), Player(-1)]
        self.num_steps = self.strokes = 0
        self.serve(1 if self.random.bits() % 2 else -1)
        return self.observe()

    def serve(self, sign: int) -> None:
        """Lets a ball fly from the middle."""
        self.x, self.y = 40.0, self.random.between(11.0, 33.0)
        self.dy = self.random.between(-0.6, 0.6)
        self.dx = sign * math.sqrt(1 - self.dy**2)
        self.aim = self.random.between(-0.9, 0.9)
        self.speed, self.wait = 1.6, 10

    def observe(self) -> np.ndarray:
        """What the agents see, (A, 9)."""
        rows = []
        for own, other in [(self.right, self.left), (self.left, self.right)][: self.num_players]:
            lead = np.float32(own.points - other.points) / np.float32(self.goal)
            ball = [own.sign * (self.x / 40 - 1), self.y / 22 - 1, own.sign * self.dx, self.dy, self.speed / 3]
            wait = np.float32(self.wait) / np.float32(10)
            rows.append([*ball, own.height / 22 - 1, other.height / 22 - 1, lead, wait])
        return np.array(rows, np.float32)

    def script(self) -> float:
        """How far the scripted side moves."""
        goal = self.y - self.aim * 4.5 if self.dx < 0 else 22.0
        most = 2 * self.strength
        return min(max(goal - self.left.height, -most), most)

    def fly(self, distance: float) -> None:
        """Moves the ball by a part of a step."""
        self.y += self.dy * distance
        if not 1 <= self.y <= 43:
            self.y = (2 if self.y < 1 else 86) - self.y
            self.dy = -self.dy
        receiver = self.right if self.dx > 0 else self.left
        before, self.x = self.x, self.x + self.dx * distance
        passes = receiver.sign * before <= receiver.sign * receiver.face < receiver.sign * self.x
        offset = (self.y - receiver.height) / 5.5
        if passes and abs(offset) <= 1:
            self.x = float(receiver.face)
            self.dy = 0.85 * offset
            self.dx = -receiver.sign * math.sqrt(1 - self.dy**2)
            self.speed = min(self.speed + 0.15, 3.0)
            self.aim = self.random.between(-0.9, 0.9)
            self.strokes += 1

    def step(self, actions: Sequence[int]) -> Turn:
        """Moves the paddles, then the ball."""
        ways = [{1: -2.0, 2: 2.0}.get(action, 0.0) for action in actions]
        if self.num_players == 1:
            ways.append(self.script())
        for side, way in zip(self.sides, ways, strict=True):
            side.move(way)
        self.num_steps += 1
        if self.wait:
            self.wait -= 1
        else:
            for _ in range(4):
                self.fly(self.speed / 4)
        won = 0
        if not -1 <= self.x <= 81:
            winner = self.left if self.x > 40 else self.right
            winner.points += 1
            won = winner.sign
            if winner.points < self.goal:
                self.serve(winner.sign)
        over = self.goal in (self.right.points, self.left.points)
        cut = not over and self.num_steps >= self.max_steps
        everyone = np.ones(self.num_players, bool)
        rewards = np.array([won, -won][: self.num_players], float)
        turn = Turn(
            self.observe(),
            rewards,
            everyone & over,
            everyone & cut,
            everyone & (not over and not cut),
            over=over or cut,
        )
        if turn.over:
            for slot, (own, other) in enumerate([(self.right, self.left), (self.left, self.right)][: self.num_players]):
                turn.numbers[slot] = {"won": float(own.points > other.points), "strokes": float(self.strokes)}
        return turn
