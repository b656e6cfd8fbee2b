"""A symbol to remember while others go by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium.spaces import Box, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class MemoryConfig(NativeConfig):
    """How much is to be remembered, and for how long."""

    symbols: int = 3
    """Different symbols, 2-16."""

    min_steps: int = 3
    """Shortest episode, at least 2."""

    max_steps: int = 8
    """Longest episode."""

    def check(self) -> None:
        """Refuses what can't be played."""
        self.require(symbols=(2, 16), min_steps=(2, None), max_steps=(self.min_steps, None))


class Memory(NativeEnv):
    """Shows a symbol, then more of them; at every step the first one is to be named.

    The end comes unannounced, after a random number of steps, and a first symbol looks like any other. So the only
    thing that tells where an episode starts is that the policy's memory is empty there: one that is never emptied goes
    on naming the first symbol of an old episode, and one that is emptied too often knows none.

    - Observation: (symbols,) float32: 1 at the symbol of this step.
    - Actions: which symbol was the first of this episode.
    - Reward: 1 for the right one, else 0.
    - Score: the share of right answers after the first step (where the symbol is still to be seen).
    - End: a terminal after min_steps to max_steps steps.
    - Optimum: the mean length. Random play, and a policy without memory, score 1 / symbols.
    - Catches: recurrent states that aren't reset where an episode starts, that are reset elsewhere, or that belong to
      other rows; learning from sequences that weren't played like that.
    """

    name = "memory"
    Config = MemoryConfig
    numbers = ("score",)

    @classmethod
    def spec(cls, config: MemoryConfig) -> NativeSpec:
        """Describes the spaces."""
        return NativeSpec(
            observation_space=Box(0, 1, (config.symbols,), np.float32),
            action_space=Discrete(config.symbols),
            frame=(16, 8 * config.symbols),
            render_fps=4,
        )
