"""The environments of the benchmarks and what is done in them, the same in every virtual environment.

They need Gymnasium and NumPy, those that exist their own package too, which is imported when one is made.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
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


class _Stack(gymnasium.ObservationWrapper):
    """Shows the last four pictures; written out because Gymnasium 0.29 and 1.4 have different wrappers for it."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self.observation_space = gymnasium.spaces.Box(0, 255, (4, *env.observation_space.shape), np.uint8)
        self.pictures: deque[Any] = deque(maxlen=4)

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        self.pictures.clear()
        return super().reset(**options)

    def observation(self, observation: Any) -> Any:
        self.pictures.append(observation)
        while len(self.pictures) < 4:
            self.pictures.append(observation)
        return np.stack(self.pictures)


def make_pong() -> gymnasium.Env:
    """Makes Pong with Gymnasium's preprocessing: 4 frames a step, the last two joined, 84 x 84 gray, 4 pictures."""
    import ale_py.registration  # registers the environments, with Gymnasium 1.x

    if "ALE/Pong-v5" not in gymnasium.registry:
        ale_py.registration.register_v5_envs()
    env = gymnasium.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0)
    return _Stack(gymnasium.wrappers.AtariPreprocessing(env))


def make_nethack() -> gymnasium.Env:
    """Makes NLE's NetHackScore; its observation is a Dict of the map (21, 79), the status line and the message."""
    import nle  # noqa: F401 - registers the environments

    keys = ("glyphs", "blstats", "message")
    return gymnasium.make("NetHackScore-v0", observation_keys=keys, save_ttyrec_every=0)


def batches_of_actions(case: dict[str, Any], count: int, dtype: Any = np.int64) -> Iterator[np.ndarray]:
    """Gives batches of actions below `num_actions` for ever, the same in every peer: some that repeat."""
    rng = np.random.default_rng(1)
    num_batches = max(2, min(64, 65_536 // count))  # few large ones: they are to stay in the cache
    return itertools.cycle([rng.integers(0, case["num_actions"], count).astype(dtype) for _ in range(num_batches)])


def creator(case: dict[str, Any]) -> Callable[[], Any]:
    """Gives the function that makes a case's environment, with its options bound."""
    from functools import partial

    kinds: dict[str, Callable[..., Any]] = {
        "busy": Busy,
        "crowd": Crowd,
        "cartpole": make_cartpole,
        "minigrid": make_minigrid,
        "pong": make_pong,
        "nethack": make_nethack,
    }
    return partial(kinds[case["env"]], **case["options"])
