"""Episode statistics of PettingZoo parallel environments: one an agent, or their mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

Agents: TypeAlias = dict[Any, Any]  # one value an agent


class MultiagentEpisodeStats(BaseParallelWrapper[Any, Any, Any]):  # type: ignore[misc]  # PettingZoo has no types
    """Adds `infos[agent]["episode"] = {"r": return, "l": length}` to the step in which that agent's episode ends.

    The length counts the steps since the agent first appeared. Whatever else the infos hold stays untouched.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any]) -> None:
        """Wraps `env`."""
        super().__init__(env)
        self._returns: dict[Any, float] = {}
        self._starts: dict[Any, int] = {}  # the step in which each first got a reward
        self._num_steps = 0

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Resets the environment and all counts."""
        self._returns, self._starts, self._num_steps = {}, {}, 0
        result: tuple[Agents, Agents] = self.env.reset(seed=seed, options=options)
        return result

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Steps the environment; agents that end in this step carry their return and length."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        returns = self._returns
        for agent, reward in rewards.items():
            try:
                returns[agent] += float(reward)
            except KeyError:  # it has just appeared
                returns[agent] = float(reward)
                self._starts[agent] = self._num_steps
        self._num_steps += 1
        if any(terminations.values()) or any(truncations.values()):
            infos = dict(infos)
            for agent in [agent for agent in rewards if terminations.get(agent) or truncations.get(agent)]:
                episode = {"r": returns.pop(agent), "l": self._num_steps - self._starts.pop(agent)}
                infos[agent] = {"episode": episode, **infos.get(agent, {})}
        return observations, rewards, terminations, truncations, infos


class MeanOverAgents(BaseParallelWrapper[Any, Any, Any]):  # type: ignore[misc]
    """Replaces the infos by agent with one info: the mean over the agents that have a key, numbers only.

    Dicts are averaged inside, so that `episode` becomes the mean over the agents that ended in this step. What isn't a
    number is left out. The result is no longer keyed by agent, which PettingZoo asks for: put this wrapper outermost.
    """

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, dict[str, Any]]:
        """Resets the environment and averages the infos."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return observations, mean_info(infos.values())

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, dict[str, Any]]:
        """Steps the environment and averages the infos."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        return observations, rewards, terminations, truncations, mean_info(infos.values())


def mean_info(infos: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Averages infos key by key, each over those that have a number or a dict of numbers there.

    Args:
        infos: one mapping an agent.

    Returns:
        Python floats, nested as the infos are; keys without any number are left out.
    """
    numbers: dict[str, list[float]] = {}
    nested: dict[str, list[Mapping[str, Any]]] = {}
    for info in infos:
        for key, value in info.items():
            if isinstance(value, Mapping):
                nested.setdefault(key, []).append(value)
            elif is_number(value):
                numbers.setdefault(key, []).append(float(value))
    means: dict[str, Any] = {key: sum(values) / len(values) for key, values in numbers.items()}
    for key, mappings in nested.items():
        inner = mean_info(mappings)
        if inner and key not in means:
            means[key] = inner
    return means


def is_number(value: Any) -> bool:
    """Whether a value is one real number: a Python or numpy scalar, bools included, or an array without axes."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "biuf"
    return isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating)
