"""A pole on a cart, to be kept upright: Gymnasium's CartPole-v1 in C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class CartPoleConfig(NativeConfig):
    """What can be changed about the pole."""

    max_steps: int = 500
    """Steps after which an episode is cut."""

    def check(self) -> None:
        """Refuses episodes without a step."""
        self.require(max_steps=(1, None))


class CartPole(NativeEnv):
    """Pushes a cart left or right, fifty times a second, so that the pole on it doesn't fall.

    Dynamics, thresholds and reward are those of Gymnasium's CartPole-v1 (Barto, Sutton and Anderson 1983, "Neuronlike
    adaptive elements that can solve difficult learning control problems"), in 64-bit floats with Euler steps of 0.02 s.
    From the same state both arrive at the same next state, but for the last bit of a sine.

    - Observation: (4,) float32: place (m), speed (m/s), tilt (rad, clockwise), turning speed (rad/s).
    - Actions: 0 pushes left with 10 N, 1 right.
    - Reward: 1 a step, the last one included.
    - Start: all four uniform in +-0.05.
    - End: a terminal where |place| > 2.4 m or |tilt| > 12 degrees; a truncation after `max_steps`; or both at once.
    - Optimum: `max_steps`. Random actions get about 22.
    - Catches: a truncation that is treated as a terminal, and the other way round: at 500 steps the pole still stands.
    """

    name = "cartpole"
    Config = CartPoleConfig
    keys: ClassVar[dict[str, int]] = {"left": 0, "right": 1}
    idle = None  # a step a key: in real time nobody could do it

    @classmethod
    def spec(cls, config: CartPoleConfig) -> NativeSpec:
        """Describes the spaces, as Gymnasium does: twice the thresholds."""
        high = np.array([2 * 2.4, np.inf, 2 * np.deg2rad(12), np.inf], np.float32)
        return NativeSpec(
            observation_space=Box(-high, high, dtype=np.float32),
            action_space=Discrete(2),
            frame=(48, 80),
            render_fps=50,
        )
