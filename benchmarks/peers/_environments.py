"""The environments of the benchmarks, the same in every virtual environment; they need Gymnasium and NumPy only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

try:
    from pettingzoo import ParallelEnv
except ImportError:  # most peers know a single agent only
    ParallelEnv = object


class Busy(gymnasium.Env):
    """Costs a given CPU time a step, drawn from a lognormal distribution if `spread` isn't 0."""

    def __init__(self, step_us: float = 100.0, size_bytes: int = 64, spread: float = 0.0) -> None:
        """Prepares an observation of `size_bytes`."""
        self.observation_space = gymnasium.spaces.Box(0, 255, (size_bytes,), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.observation = np.ones(size_bytes, np.uint8)
        self.step_us, self.spread = step_us, spread

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Seeds the step times."""
        super().reset(seed=seed)
        return self.observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Burns CPU time; waiting for a core doesn't count."""
        cost_us = self.step_us
        if self.spread:
            cost_us *= float(self.np_random.lognormal(-(self.spread**2) / 2, self.spread))
        if cost_us:
            end = time.thread_time_ns() + int(1000 * cost_us)
            while time.thread_time_ns() < end:
                pass
        return self.observation, 0.0, False, False, {}


class Crowd(ParallelEnv):
    """A PettingZoo parallel environment of which half the agents die in the first step of each episode of 200."""

    metadata: dict[str, Any] = {"name": "crowd"}
    render_mode = None

    def __init__(self, num_agents: int = 8) -> None:
        """Makes the agents and what they see."""
        self.possible_agents = [f"agent_{i}" for i in range(num_agents)]
        self.agents: list[str] = []
        self._space = gymnasium.spaces.Box(-1, 1, (16,), np.float32)
        self._actions = gymnasium.spaces.Discrete(4)
        self._seen = np.zeros(16, np.float32)

    def observation_space(self, agent: str) -> Any:
        """The same for all."""
        return self._space

    def action_space(self, agent: str) -> Any:
        """The same for all."""
        return self._actions

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """All are alive."""
        self.agents, self._time = list(self.possible_agents), 0
        return dict.fromkeys(self.agents, self._seen), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Lets every second agent die in the first step, all others in the last one."""
        self._time += 1
        agents, over = self.agents, self._time == 200
        dying = set(agents if over else self.possible_agents[1::2] if self._time == 1 else ())
        self.agents = [agent for agent in agents if agent not in dying] if dying else agents
        terminals = {agent: agent in dying for agent in agents} if dying else dict.fromkeys(agents, False)
        infos: dict[str, Any] = {agent: {} for agent in agents}
        return (
            dict.fromkeys(agents, self._seen),
            dict.fromkeys(agents, 1.0),
            terminals,
            dict.fromkeys(agents, False),
            infos,
        )

    def render(self) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """Holds nothing."""


def make_cartpole() -> gymnasium.Env:
    """Makes Gymnasium's CartPole."""
    return gymnasium.make("CartPole-v1")


class _NoMission(gymnasium.ObservationWrapper):
    """Leaves out Minigrid's text, which most peers can't batch."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = env.observation_space["image"]

    def observation(self, observation: Any) -> Any:
        return observation["image"]


def make_minigrid() -> gymnasium.Env:
    """Makes DoorKey; its observation is the image alone."""
    import minigrid  # noqa: F401 - registers the environments

    return _NoMission(gymnasium.make("MiniGrid-DoorKey-5x5-v0"))


def creator(case: dict[str, Any]) -> Callable[[], Any]:
    """Gives the function that makes a case's environment, with its options bound."""
    from functools import partial

    kinds: dict[str, Callable[..., Any]] = {
        "busy": Busy,
        "crowd": Crowd,
        "cartpole": make_cartpole,
        "minigrid": make_minigrid,
    }
    return partial(kinds[case["env"]], **case["options"])
