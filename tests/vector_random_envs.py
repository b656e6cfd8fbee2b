"""Environments whose every output is random and depends on all seeds and actions so far, to compare backends with."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

FLAT = (spaces.Box(-np.inf, np.inf, (3,), np.float32), spaces.Discrete(5))
STRUCTURED = (
    spaces.Dict({
        "map": spaces.Box(0, 255, (3, 4), np.uint8),
        "inner": spaces.Tuple([spaces.Discrete(7, start=2), spaces.Box(-9, 9, (2,), np.float64)]),
        "flags": spaces.MultiBinary(3),
    }),
    spaces.Tuple([spaces.Discrete(3, start=1), spaces.MultiDiscrete([2, 4])]),
)  # fmt: skip
CONTINUOUS = (spaces.Box(-9, 9, (4,), np.float64), spaces.Box(-1, 1, (2, 3), np.float32))
MIXED = (spaces.Box(-9, 9, (4,), np.float32), spaces.Dict({"aim": spaces.Box(-1, 1, (2,)), "fire": spaces.Discrete(3)}))
SPACES = {"flat": FLAT, "structured": STRUCTURED, "continuous": CONTINUOUS, "mixed": MIXED}


class Wanderer(gymnasium.Env):
    """One agent; episodes end at random, in either way or both."""

    def __init__(self, kind: str = "flat") -> None:
        """Takes one of the pairs of spaces above."""
        self.observation_space, self.action_space = SPACES[kind]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode."""
        super().reset(seed=seed)
        self.total = 0.0
        return self._observe(), {"level": self.np_random.integers(9), "options": options}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Adds all numbers of the action up."""
        self.total += sum_up(action)
        terminated, truncated = (bool(flag) for flag in self.np_random.random(2) < 0.12)
        return self._observe(), self.np_random.normal() + self.total, terminated, truncated, {"total": self.total}

    def _observe(self) -> Any:
        return draw(self.observation_space, self.np_random, self.total)


class Swarm(ParallelEnv):
    """Three agents that end at random; two of them may be absent at first."""

    metadata = {"name": "swarm", "render_modes": []}

    def __init__(self, kind: str = "structured") -> None:
        """Takes one of the pairs of spaces above."""
        self.spaces = SPACES[kind]
        self.possible_agents = ["a", "b", "c"]
        self.agents: list[str] = []
        self.render_mode = None
        self.random = np.random.default_rng(0)

    def observation_space(self, agent: str) -> spaces.Space:
        """The same for all."""
        return self.spaces[0]

    def action_space(self, agent: str) -> spaces.Space:
        """The same for all."""
        return self.spaces[1]

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict, dict]:
        """Begins an episode."""
        if seed is not None:
            self.random = np.random.default_rng(seed)
        self.total = 0.0
        self.agents = [agent for agent in self.possible_agents if agent == "a" or self.random.random() < 0.6]
        return self._observe(self.agents), {agent: {"level": self.total} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Lets agents act and end."""
        here = self.agents
        self.total += sum(sum_up(action) for action in actions.values())
        rewards = {agent: self.random.normal() + self.total for agent in here}
        terminations = {agent: bool(self.random.random() < 0.15) for agent in here}
        truncations = {agent: bool(self.random.random() < 0.1) for agent in here}
        self.agents = [agent for agent in here if not (terminations[agent] or truncations[agent])]
        infos = {agent: {"total": self.total} for agent in here}
        return self._observe(here), rewards, terminations, truncations, infos

    def _observe(self, agents: list[str]) -> dict[str, Any]:
        return {agent: draw(self.spaces[0], self.random, self.total) for agent in agents}


def draw(space: spaces.Space, random: np.random.Generator, shift: float) -> Any:
    """Draws a value of a space; `shift` is seen in it where it fits."""
    if isinstance(space, spaces.Dict):
        return {name: draw(part, random, shift) for name, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(draw(part, random, shift) for part in space.spaces)
    if isinstance(space, spaces.Discrete):
        return int(space.start + random.integers(space.n))
    if isinstance(space, spaces.Box) and space.dtype.kind == "f":
        return np.clip(random.normal(size=space.shape) + np.sin(shift), space.low, space.high).astype(space.dtype)
    return random.integers(0, 2, space.shape).astype(space.dtype)


def sum_up(action: Any) -> float:
    """Adds all numbers of a structured action up, each with its own weight."""
    if isinstance(action, dict):
        return sum((1 + i) * sum_up(action[name]) for i, name in enumerate(sorted(action)))
    if isinstance(action, tuple):
        return sum((1 + i) * sum_up(part) for i, part in enumerate(action))
    flat = np.ravel(action).astype(np.float64)
    return float(flat @ np.arange(1, 1 + len(flat)))
