"""Tiny environments that a policy learns in a second, each of which catches a class of bugs."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv

import pufferlib.vector
from chosen_device import DEVICE
from pufferlib.models import Default, LSTMWrapper
from pufferlib.training.config import PPOConfig, TrainConfig
from pufferlib.training.ppo import Trainer
from pufferlib.wrappers import EpisodeStats, MultiagentEpisodeStats


class Bandit(gymnasium.Env):
    """One step; the arm `best` pays 1. Learned unless advantages or gradients have the wrong sign."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(4)

    def __init__(self, best: int = 2) -> None:
        """Hides the prize."""
        self.best = best

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Shows nothing of interest."""
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays and ends."""
        return np.zeros(2, np.float32), float(action == self.best), True, False, {}


class Target(Bandit):
    """One step; a number pays the more the nearer it is to 0.6. Learned if continuous actions work."""

    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays and ends."""
        assert abs(action[0]) <= 1, "actions are clipped to the box"
        return np.zeros(2, np.float32), 1 - abs(float(action[0]) - 0.6), True, False, {}


class Both(Bandit):
    """One step; wants the right arm and the right number at once. Learned if mixed actions work."""

    action_space = spaces.Dict({"arm": spaces.Discrete(3), "number": spaces.Box(-1, 1, (1,), np.float32)})

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays and ends."""
        pay = 0.5 * float(action["arm"] == 1) + 0.5 * (1 - abs(float(action["number"][0]) + 0.6))
        return np.zeros(2, np.float32), pay, True, False, {}


class Recall(gymnasium.Env):
    """Shows -1 or 1 once and asks for it three steps later. A policy without memory gets 0.5 on average."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Shows the cue."""
        super().reset(seed=seed)
        self.cue, self.steps = int(self.np_random.integers(2)), 0
        return np.array([2 * self.cue - 1, 0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Shows nothing; at the end pays for the cue."""
        self.steps += 1
        over = self.steps == 4
        return np.array([0, over], np.float32), float(over and action == self.cue), over, False, {}


class Salary(gymnasium.Env):
    """Pays 1 a step; ends after 5 by a cut or by a true end. With a cut, the value is that of going on for ever."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, cut: bool) -> None:
        """Chooses how it ends."""
        self.cut = cut

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts anew."""
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays."""
        self.steps += 1
        over = self.steps == 5
        return np.zeros(1, np.float32), 1.0, over and not self.cut, over and self.cut, {}


class Crowd(ParallelEnv):
    """Three agents that stay for 2, 4 and 6 steps; each is paid for playing its own number."""

    metadata = {"name": "crowd"}
    possible_agents = ["a", "b", "c"]

    def observation_space(self, agent: str) -> spaces.Space:
        """Is the same for all."""
        return spaces.Box(0, 1, (3,), np.float32)

    def action_space(self, agent: str) -> spaces.Space:
        """Is the same for all."""
        return spaces.Discrete(3)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins with all three."""
        self.agents, self.steps = list(self.possible_agents), 0
        return self._observe(self.agents), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Pays, and lets agents go when their time is over."""
        self.steps += 1
        agents = self.agents
        rewards = {a: float(actions[a] == self.possible_agents.index(a)) for a in agents}
        ends = {a: self.steps == 2 * (self.possible_agents.index(a) + 1) for a in agents}
        self.agents = [a for a in agents if not ends[a]]
        return self._observe(agents), rewards, ends, dict.fromkeys(agents, False), {a: {} for a in agents}

    def _observe(self, agents: list[str]) -> dict[str, np.ndarray]:
        return {a: np.eye(3, dtype=np.float32)[self.possible_agents.index(a)] for a in agents}


class Poisoned(Bandit):
    """Pays infinity: as bad as NaN, which emulation refuses itself."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays and ends."""
        return np.zeros(2, np.float32), float("inf"), True, False, {}


def make_trainer(
    env: Any,
    *env_args: Any,
    recurrent: bool = False,
    num_envs: int = 8,
    batch_size: int | None = None,
    folder: Any = None,
    report: Any = None,
    seed: int = 1,
    **ppo: Any,
) -> Trainer:
    """A trainer of a small policy with options that suit one-step episodes; its weights come from `seed`."""
    defaults = dict(total_steps=10**9, horizon=16, learning_rate=0.01, anneal_learning_rate=False, num_minibatches=2)
    config = TrainConfig(seed=seed, ppo=PPOConfig(**{**defaults, **ppo}))
    statistics = MultiagentEpisodeStats if issubclass(env, ParallelEnv) else EpisodeStats
    envs = pufferlib.vector.make(lambda: statistics(env(*env_args)), num_envs=num_envs, batch_size=batch_size)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = Default(envs.driver_env, hidden_size=32)
        if recurrent:
            policy = LSTMWrapper(envs.driver_env, policy, input_size=32, hidden_size=32)
    trainer = Trainer(envs, policy, config, DEVICE, folder)
    if report is not None:
        trainer.report = report
    return trainer


def train_updates(trainer: Trainer, count: int) -> None:
    """Trains for `count` more updates."""
    goal = trainer.counters.updates + count
    trainer.train(lambda: trainer.counters.updates >= goal)


def train_until(trainer: Trainer, goal: float, most_updates: int) -> bool:
    """Trains until the mean return exceeds `goal`, for at most `most_updates`; says whether it did.

    For tasks that a constant learning rate solves and may then forget: when every episode earns the same, normalized
    advantages are noise.
    """
    solved = False

    def stop() -> bool:
        nonlocal solved
        episodes = trainer.finished_episodes
        solved = len(episodes) == episodes.maxlen and recent_return(trainer) > goal
        return solved or trainer.counters.updates >= most_updates

    trainer.train(stop)
    return solved


def recent_return(trainer: Trainer) -> float:
    """The mean return of the last hundred episodes."""
    return float(np.mean([episode.episode_return for episode in trainer.finished_episodes]))
