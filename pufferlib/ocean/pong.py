"""Two paddles and a ball: against a scripted opponent, or two agents against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class PongConfig(NativeConfig):
    """Who plays, for how long, and how well the script does."""

    players: int = 1
    """1: one agent, on the right, against the script. 2: agent_0 on the right, agent_1 on the left."""

    points: int = 5
    """Who has so many first wins the game."""

    max_steps: int = 3000
    """Steps after which an episode is cut."""

    strength: float = 0.5
    """Speed of the scripted opponent as a share of an agent's, 0 to 2. Who only follows the ball draws at 0.8."""

    def check(self) -> None:
        """Refuses games that nobody could play."""
        self.require(players=(1, 2), points=(1, 99), max_steps=(1, None), strength=(0, 2))


class Pong(NativeEnv):
    """Sends the ball back with a paddle, past the opponent.

    The court is 80 x 44 pixels. Where the ball meets the paddle decides where it goes: from the middle straight ahead,
    from the ends 58 degrees up or down. It is served from the middle at 1.6 pixels a step, ten steps after the last
    point, towards who won that point, and each stroke makes it 0.15 faster, up to 3. Paddles are 9 pixels high and move
    by 2. The scripted opponent follows the ball while it comes, slower than an agent, and strikes it with a part of its
    paddle that it draws for each stroke: the way to beat it is to play steeply.

    - Observation: (9,) float32, the same for both sides: each sees itself on the right. The ball's place and direction
      (x, y, dx, dy; y points down), its speed as a share of the highest, one's own paddle's place, the other's, the
      lead in points as a share of `points`, the share of the wait for the next ball.
    - Actions: 0 stays, 1 goes up, 2 down.
    - Reward: 1 for a point, -1 for the opponent's.
    - End: a terminal, for both, when one has `points`; a truncation after `max_steps`.
    - Optimum: `points` against the script, 5 unless changed. Random actions get about -4.7. Of two agents, what one
      gains the other loses.
    - Numbers: `won`, 1 for who has more points at the end, and `strokes` of both sides.
    """

    name = "pong"
    Config = PongConfig
    numbers = ("won", "strokes")
    keys: ClassVar[dict[str, int]] = {"up": 1, "down": 2}
    idle = 0

    @classmethod
    def spec(cls, config: PongConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(-1.25, 1.25, (9,), np.float32),
            action_space=Discrete(3),
            num_agents=config.players,
            frame=(52, 80),
            render_fps=30,
        )
