"""Small environments whose every output can be told in advance, to test pools with."""

from __future__ import annotations

import os
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

# Every test of the contract runs on each. CI repeats some on other builds of the C, without processes.
BACKENDS = tuple(os.environ.get("PUFFERLIB_TEST_BACKENDS", "serial,multiprocessing").split(","))
FAIL = 9  # the action that makes a Counter raise


class Counter(gymnasium.Env):
    """Counts: the observation is (seed, episode, step, action), the reward 100 * episode + step."""

    metadata = {"render_modes": ["ansi"]}

    def __init__(
        self, length: int = 3, *, cut: bool = False, fails_in: str = "", quiet: bool = False, log: Any = None
    ) -> None:
        """Ends episodes after `length` steps, by truncation if `cut`; `fails_in` names a method that raises.

        `log` names a file that gets a letter for every environment that is made (m) and closed (c), in any process.
        """
        self.log = log
        if fails_in == "constructor":
            raise RuntimeError("no memory for this one")
        self.observation_space = spaces.Box(-np.inf, np.inf, (4,), np.float64)
        self.action_space = spaces.Discrete(10)
        self.render_mode = "ansi"
        self.length, self.cut, self.fails_in, self.quiet = length, cut, fails_in, quiet
        self.seed_value, self.episode, self.count = -1, -1, 0
        self.options: Any = None
        self.num_closed = 0
        self._write("m")

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begins the next episode."""
        super().reset(seed=seed)
        if self.fails_in == "reset":
            raise RuntimeError("no level to load")
        self.seed_value = self.seed_value if seed is None else seed
        self.episode += 1
        self.count = 0
        self.options = options
        return self._observe(-1), {} if self.quiet else {"begin": self.episode}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Counts one step."""
        if self.fails_in == "step" or action == FAIL:
            raise ZeroDivisionError("the floor is gone")
        self.count += 1
        over = self.count >= self.length
        info = {} if self.quiet else {"count": self.count}
        return self._observe(action), self._reward(), over and not self.cut, over and self.cut, info

    def render(self) -> str:
        """Draws the count."""
        return f"{self.episode}:{self.count}"

    def close(self) -> None:
        """Counts, and tells the log."""
        self.num_closed += 1
        self._write("c")
        if self.fails_in == "close":
            raise OSError("the socket is stuck")

    def _write(self, letter: str) -> None:
        if self.log is not None:
            with open(self.log, "a", encoding="ascii") as file:
                file.write(letter)

    def _observe(self, action: Any) -> np.ndarray:
        return np.array([self.seed_value, self.episode, self.count, action], np.float64)

    def _reward(self) -> float:
        return 100.0 * self.episode + self.count


class Crowd(ParallelEnv):
    """Four agents that come and go on a fixed timetable; the episode ends after step 4.

    early  there at reset, terminated in step 2
    late   absent at reset, appears in step 1
    whole  there from the reset to the end, where it is truncated
    ghost  never appears in odd episodes; there at reset and terminated in step 1 in even ones (0, 2, ...)

    The observation is (slot, episode, step), the reward 10 * slot + action.
    """

    metadata = {"name": "crowd", "render_modes": []}
    LENGTH = 4

    def __init__(self) -> None:
        """Begins before episode 0."""
        self.possible_agents = ["early", "late", "whole", "ghost"]
        self.agents: list[str] = []
        self.render_mode = None
        self.episode, self.count = -1, 0
        self.received: list[dict[str, Any]] = []

    def observation_space(self, agent: str) -> spaces.Box:
        """The same for all."""
        return self._observation_space

    def action_space(self, agent: str) -> spaces.Discrete:
        """The same for all."""
        return self._action_space

    _observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    _action_space = spaces.Discrete(5)

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict, dict]:
        """Begins the next episode."""
        self.episode += 1
        self.count = 0
        self.agents = ["early", "whole"] + (["ghost"] if self.episode % 2 == 0 else [])
        return self._observe(self.agents), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Lets agents act, come and go."""
        assert set(actions) == set(self.agents), (actions, self.agents)
        self.received.append(dict(actions))
        self.count += 1
        here = list(self.agents)
        if self.count == 1:
            here.append("late")
        rewards = {a: 10.0 * self.possible_agents.index(a) + float(actions.get(a, 0)) for a in here}
        gone = {1: {"ghost"}, 2: {"early"}, self.LENGTH: {"late"}}.get(self.count, set())
        terminations = {agent: agent in gone for agent in here}
        truncations = {agent: self.count == self.LENGTH and agent == "whole" for agent in here}
        infos = {agent: {"last": self.count} if agent in gone else {} for agent in here}
        self.agents = [a for a in here if not (terminations[a] or truncations[a])]
        return self._observe(here), rewards, terminations, truncations, infos

    def render(self) -> None:
        """Draws nothing."""

    def close(self) -> None:
        """Has nothing to close."""

    def _observe(self, agents: list[str]) -> dict[str, np.ndarray]:
        return {
            agent: np.array([self.possible_agents.index(agent), self.episode, self.count], np.float32)
            for agent in agents
        }
