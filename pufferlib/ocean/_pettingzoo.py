"""A native environment with several agents, as PettingZoo's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from pufferlib.exceptions import ActionMismatch

try:
    from pettingzoo import ParallelEnv
except ModuleNotFoundError:  # it is optional: without it there are the same methods, but no common base
    ParallelEnv = object

if TYPE_CHECKING:
    from pufferlib.ocean._environment import NativeEnv

    Base = NativeEnv
else:
    Base = ParallelEnv

Agent = str
Steps = tuple[dict[Agent, Any], dict[Agent, float], dict[Agent, bool], dict[Agent, bool], dict[Agent, dict[str, Any]]]


class ParallelFace(Base):
    """`reset` and `step` of PettingZoo, for a `NativeEnv` with several agents: agent_0, agent_1, ..."""

    def _set_up(self) -> None:
        self.possible_agents: list[Agent] = [f"agent_{i}" for i in range(self.num_slots)]
        observation, action = self.emulated.observation, self.emulated.action
        # Agents draw from generators of their own, as PettingZoo promises, so each needs a space object of its own.
        spaces = (observation.flat_space, action.flat_space) if self._is_flat else (observation.space, action.space)
        self.observation_spaces = {agent: copy.deepcopy(spaces[0]) for agent in self.possible_agents}
        self.action_spaces = {agent: copy.deepcopy(spaces[1]) for agent in self.possible_agents}

    @property
    def agents(self) -> list[Agent]:
        """The agents that act in the next step."""
        if self._copies is None or self._is_new:
            return []
        return [self.possible_agents[slot] for slot in np.flatnonzero(self._buffers.mask)]

    def observation_space(self, agent: Agent) -> gymnasium.Space[Any]:
        """What an agent sees; every agent has the same, as an object of its own."""
        return self.observation_spaces[agent]

    def action_space(self, agent: Agent) -> gymnasium.Space[Any]:
        """What an agent does; every agent has the same, as an object of its own."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Agent, Any], dict[Agent, dict[str, Any]]]:
        """Starts an episode; see `pettingzoo.ParallelEnv.reset`."""
        self.reset_into(seed, options)
        slots = np.flatnonzero(self._buffers.mask).tolist()
        return {self.possible_agents[i]: self._observe(i) for i in slots}, {self.possible_agents[i]: {} for i in slots}

    def step(self, actions: dict[Agent, Any]) -> Steps:
        """Steps with an action for every live agent; see `pettingzoo.ParallelEnv.step`.

        Raises:
            ActionMismatch: an action is missing, of an agent that isn't there, or has a wrong shape or dtype.
            EmulationError: the episode is over, or none has begun.
        """
        self._check_running()
        before, buffers = self._buffers.mask.copy(), self._buffers
        live = self.agents
        if set(actions) != set(live):
            raise ActionMismatch(f"a dict with the live agents {live}", f"a dict with {list(actions)}")
        rows = np.zeros_like(self._actions)
        for slot in np.flatnonzero(before):
            rows[slot] = self._flatten(actions[self.possible_agents[slot]])
        ended = self.step_into(rows)
        present = np.flatnonzero(before | buffers.mask)
        names = {int(slot): self.possible_agents[slot] for slot in present}
        return (
            {agent: self._observe(slot) for slot, agent in names.items()},
            {agent: float(buffers.rewards[slot]) for slot, agent in names.items()},
            {agent: bool(buffers.terminals[slot]) for slot, agent in names.items()},
            {agent: bool(buffers.truncations[slot]) for slot, agent in names.items()},
            {agent: ended.get(agent, {}) for agent in names.values()},
        )

    def state(self) -> Any:
        """The observations of all agents, one after the other."""
        self._own()
        return self._buffers.observations.copy()

    @property
    def unwrapped(self) -> ParallelFace:
        """This environment."""
        return self

    def get_wrapper_attr(self, name: str) -> Any:
        """Reads an attribute, as Gymnasium's wrappers do."""
        return getattr(self, name)

    def set_wrapper_attr(self, name: str, value: Any, *, force: bool = True) -> bool:
        """Sets an attribute, as Gymnasium's wrappers do."""
        setattr(self, name, value)
        return True
