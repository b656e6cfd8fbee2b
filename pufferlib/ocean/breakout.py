"""A ball, a paddle and a wall of bricks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec

COLUMNS = 12


@dataclass(frozen=True)
class BreakoutConfig(NativeConfig):
    """What can be changed about the wall, the paddle and the ball."""

    rows: int = 6
    """Rows of 12 bricks, 1 to 8."""

    lives: int = 3
    """Balls that may be lost; the game ends with the last one."""

    paddle_width: int = 10
    """Pixels of the 72 that the court is wide, 2 to 36."""

    max_steps: int = 5000
    """Steps after which an episode is cut."""

    ball_speed: float = 1.5
    """Pixels a step after the serve, 0.1 to 2; it grows by up to three quarters."""

    def check(self) -> None:
        """Refuses what doesn't fit the court."""
        self.require(rows=(1, 8), lives=(1, 9), paddle_width=(2, 36), max_steps=(1, None), ball_speed=(0.1, 2))


class Breakout(NativeEnv):
    """Keeps a ball in play with a paddle; each brick that the ball hits breaks.

    The court is 72 x 64 pixels. Where the ball meets the paddle decides where it goes: from the middle straight up,
    from the ends 58 degrees to the side. It starts at `ball_speed` pixels a step and gains a quarter of that with the
    4th and the 12th stroke, and when it has broken a brick of the upper two rows, until it is lost. Then, ten steps
    later, the next one falls from a random place.

    - Observation: (8 + 12 * rows,) float32: the ball's place and direction (x, y, dx, dy) and the paddle's place, all
      about [-1, 1] (y points down); how fast the ball is, the share of lives that is left, the share of the wait for
      the next ball; then a 1 for each brick that stands, row by row.
    - Actions: 0 stays, 1 goes left, 2 right, by 2.5 pixels.
    - Reward: 1 for each brick.
    - End: a terminal with the last ball or the last brick; a truncation after `max_steps`.
    - Optimum: 12 * rows, 72 unless changed. Random actions get about 0.7.
    - Numbers: `cleared`, 1 if no brick was left, and `strokes` of the paddle.
    """

    name = "breakout"
    Config = BreakoutConfig
    numbers = ("cleared", "strokes")
    keys: ClassVar[dict[str, int]] = {"left": 1, "right": 2}
    idle = 0

    @classmethod
    def spec(cls, config: BreakoutConfig) -> NativeSpec:
        """Describes the spaces."""
        bricks = config.rows * COLUMNS
        low, high = np.zeros(8 + bricks, np.float32), np.ones(8 + bricks, np.float32)
        low[:5], high[:5] = -1.25, 1.25  # a ball that is being lost is below the court for a step
        return NativeSpec(
            observation_space=Box(low, high, dtype=np.float32),
            action_space=Discrete(3),
            frame=(64, COLUMNS * 6 + 4),
            render_fps=30,
        )
