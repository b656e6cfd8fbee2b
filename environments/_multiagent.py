"""What adapters of games for unlike agents share. Imports PettingZoo, so only a `make` imports this file.

Shapes: K kinds of agents.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

Agents = dict[Any, Any]  # one value an agent


def have_common_spaces(env: ParallelEnv[Any, Any, Any]) -> bool:
    """Says whether all agents of an environment have the same spaces."""
    spaces = [(env.observation_space(agent), env.action_space(agent)) for agent in env.possible_agents]
    return all(space == spaces[0] for space in spaces)


def parameters_of(*functions: Callable[..., Any]) -> list[str]:
    """Lists the named parameters of functions, as the options that can be handed to them."""
    parameters = [parameter for function in functions for parameter in inspect.signature(function).parameters.values()]
    named = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    return [name for name in dict.fromkeys(named) if name != "self"]


class CommonSpaces(BaseParallelWrapper[Any, Any, Any]):
    """Gives agents with different spaces one: padded with zeros to the largest, and told what kind they are.

    Observations: vectors are padded at their end. Images (height, width, channels) are padded around, so that what
    was in the middle stays there, and after their last channel. Then K entries (K channels) follow that are 1 for the
    agent's own kind and 0 for the others. Every step writes into the same arrays: emulation copies them.

    Actions: all Discrete, then an agent takes numbers up to the largest, and one that isn't its own counts as its idle
    action; or all Box vectors, then the entries after an agent's own are ignored.

    Attributes:
        kinds: the names of the kinds, in the order of the entries.
        legal_actions: (K, n) bool, which of the n discrete actions a kind has; None where actions are a Box.
    """

    def __init__(
        self,
        env: ParallelEnv[Any, Any, Any],
        kind_of: Callable[[Any], str],
        idle: Mapping[str, int] | None = None,
    ) -> None:
        """Wraps an environment.

        Args:
            env: its observations are Boxes of one dtype and number of axes.
            kind_of: agent -> the name of its kind; agents of one kind have the same spaces.
            idle: kind -> the action that stands for those that it doesn't have; 0 for kinds that aren't named.
        """
        super().__init__(env)
        idle = idle or {}
        agents = {kind_of(agent): agent for agent in reversed(env.possible_agents)}  # the first of each kind
        self.kinds = tuple(reversed(agents))
        self._kind_ids = {agent: self.kinds.index(kind_of(agent)) for agent in env.possible_agents}
        boxes = [env.observation_space(agents[kind]) for kind in self.kinds]
        largest = tuple(max(sizes) for sizes in zip(*(box.shape for box in boxes), strict=True))
        places = [_place(box.shape, largest) for box in boxes]
        blanks = [_blank(largest, len(self.kinds), kind_id, boxes[0].dtype) for kind_id in range(len(self.kinds))]
        self._observation_space = _union(boxes, places, blanks)
        self._rows = {agent: blanks[kind_id].copy() for agent, kind_id in self._kind_ids.items()}
        self._inner = {agent: self._rows[agent][places[kind_id]] for agent, kind_id in self._kind_ids.items()}
        actions = [env.action_space(agents[kind]) for kind in self.kinds]
        self._idle = [idle.get(kind, 0) for kind in self.kinds]
        self.legal_actions: NDArray[np.bool_] | None = None
        if isinstance(actions[0], gymnasium.spaces.Discrete):
            self._num_actions = [int(space.n) for space in actions]
            most = max(self._num_actions)
            self.legal_actions = np.arange(most) < np.array(self._num_actions)[:, None]
            self._action_space: gymnasium.Space[Any] = gymnasium.spaces.Discrete(most)
        else:
            self._num_actions = [space.shape[0] for space in actions]
            self._action_space = max(actions, key=lambda space: space.shape[0])

    def observation_space(self, agent: Any) -> gymnasium.Space[Any]:
        """Returns the one space that all agents share."""
        return self._observation_space

    def action_space(self, agent: Any) -> gymnasium.Space[Any]:
        """Returns the one space that all agents share."""
        return self._action_space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Starts an episode."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._pad(observations), infos

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Steps with padded actions."""
        own = {agent: self._own_action(self._kind_ids[agent], action) for agent, action in actions.items()}
        observations, *rest = self.env.step(own)
        return (self._pad(observations), *rest)

    def _own_action(self, kind_id: int, action: Any) -> Any:
        if self.legal_actions is None:
            return action[: self._num_actions[kind_id]]
        return action if action < self._num_actions[kind_id] else self._idle[kind_id]

    def _pad(self, observations: Agents) -> Agents:
        for agent, observation in observations.items():
            self._inner[agent][...] = observation
        return {agent: self._rows[agent] for agent in observations}


def _place(shape: tuple[int, ...], largest: tuple[int, ...]) -> tuple[slice, ...]:
    """Finds where an observation goes in the largest: in the middle of all axes but the last."""
    starts = [(most - size) // 2 for size, most in zip(shape[:-1], largest[:-1], strict=True)] + [0]
    return tuple(slice(start, start + size) for start, size in zip(starts, shape, strict=True))


def _blank(largest: tuple[int, ...], num_kinds: int, kind_id: int, dtype: Any) -> NDArray[Any]:
    """Makes an observation that holds nothing but the kind."""
    blank = np.zeros((*largest[:-1], largest[-1] + num_kinds), dtype)
    blank[..., largest[-1] + kind_id] = 1
    return blank


def _union(
    boxes: list[gymnasium.spaces.Box], places: list[tuple[slice, ...]], blanks: list[NDArray[Any]]
) -> gymnasium.spaces.Box:
    """Finds the bounds that hold for every kind, padding and kind entries included."""
    lows, highs = [], []
    for box, place, blank in zip(boxes, places, blanks, strict=True):
        low, high = blank.copy(), blank.copy()
        low[place], high[place] = box.low, box.high
        lows.append(low)
        highs.append(high)
    return gymnasium.spaces.Box(np.min(lows, 0), np.max(highs, 0), dtype=boxes[0].dtype.type)
