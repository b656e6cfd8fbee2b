"""Parallel environments written before PettingZoo 1.22, or close to its API, as today's."""

from __future__ import annotations

import inspect
from typing import Any, TypeAlias

from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

Agents: TypeAlias = dict[Any, Any]  # one value an agent


class PettingZooTruncatedWrapper(BaseParallelWrapper[Any, Any, Any]):  # type: ignore[misc]  # PettingZoo has no types
    """Gives a parallel environment the five dicts of today's API, whatever it has of them.

    - `step` with four dicts: `dones` becomes terminations, or truncations where the agent's info says
      `TimeLimit.truncated`.
    - Missing truncations, infos, or entries of single agents are filled in: False, False, {}.
    - `reset` that returns observations only, or takes no `seed` or `options`: infos are filled in, and an old
      `seed(seed)` method is called. `__all__` keys are dropped.
    - `agents` loses those that ended, for environments that leave it as it was.

    An environment that has today's API already passes through unchanged.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any]) -> None:
        """Wraps `env`."""
        super().__init__(env)
        self._reset_names = keyword_names(env.reset)
        self._living: list[Any] | None = None

    @property
    def agents(self) -> list[Any]:
        """The agents that act in the next step."""
        agents = list(self.env.agents)
        return agents if self._living is None else [agent for agent in agents if agent in self._living]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Resets the environment with as much of `seed` and `options` as it takes.

        Returns:
            observations and infos, one an agent each.
        """
        given = {"seed": seed, "options": options}
        kwargs = {name: value for name, value in given.items() if value is not None and name in self._reset_names}
        if seed is not None and "seed" not in self._reset_names and callable(getattr(self.env, "seed", None)):
            self.env.seed(seed)
        result: Any = self.env.reset(**kwargs)
        observations, infos = result if isinstance(result, tuple) else (result, {})
        self._living = list(observations)
        return observations, _fill(infos, observations, dict)

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Steps the environment.

        Returns:
            observations, rewards, terminations, truncations and infos, one an agent each.
        """
        result: Any = self.env.step(actions)
        if len(result) == 4:
            observations, rewards, dones, infos = result
            terminations, truncations = _split(dones, infos or {})
        else:
            observations, rewards, terminations, truncations, infos = result
        terminations = _fill(terminations, rewards, bool)
        truncations = _fill(truncations, rewards, bool)
        if self._living is not None:
            here = {*self._living, *observations}
            ended = {agent for agent in terminations if terminations[agent] or truncations.get(agent)}
            self._living = [agent for agent in self.env.possible_agents if agent in here - ended]
        return observations, rewards, terminations, truncations, _fill(infos, rewards, dict)


def keyword_names(function: Any) -> frozenset[str]:
    """Names the keyword arguments that `seed=` and `options=` could go to."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return frozenset({"seed", "options"})
    return frozenset(parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY)


def _split(dones: Agents, infos: Agents) -> tuple[Agents, Agents]:
    """Splits old `dones` into terminations and truncations."""
    cut = {agent: bool(infos.get(agent, {}).get("TimeLimit.truncated", False)) for agent in dones}
    terminations = {agent: bool(done) and not cut[agent] for agent, done in dones.items()}
    return terminations, {agent: bool(done) and cut[agent] for agent, done in dones.items()}


def _fill(values: Agents | None, agents: Agents, default: type) -> Agents:
    """Gives every agent an entry and drops `__all__`; today's dicts come back as they are."""
    values = values or {}
    if values.keys() >= agents.keys() and "__all__" not in values:
        return values
    filled = {agent: value for agent, value in values.items() if agent != "__all__"}
    for agent in agents:
        filled.setdefault(agent, default())
    return filled
