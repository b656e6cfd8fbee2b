"""An intersection that several agents cross, as a PettingZoo parallel environment. Only a `make` imports this file."""

from __future__ import annotations

from typing import Any, TypeAlias

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

from pufferlib.environments.highway._driving import close_quietly, configure, draw, visible

Agents: TypeAlias = dict[str, Any]  # one value an agent
_IDLE = 1  # in every set of meta-actions


class Vehicles(ParallelEnv[str, Any, Any]):
    """One agent a vehicle, with rewards and ends of its own.

    A vehicle's episode ends when it crashes or arrives. It stays on the road, idle, while the others go on.
    """

    metadata = {"render_modes": ["rgb_array", "human"], "name": "highway", "is_parallelizable": True}

    def __init__(self, env: Any, config: dict[str, Any] | None = None, render_mode: str | None = None) -> None:
        """Configures and wraps an environment whose action is a MultiAgentAction.

        Args:
            env: highway-env's own object.
            config: entries over its configuration.
            render_mode: None, "rgb_array" or "human".
        """
        configure(env, config, render_mode)
        self.env, self.render_mode = env, render_mode
        self.possible_agents = [f"vehicle_{i}" for i in range(len(env.controlled_vehicles))]
        self.agents: list[str] = []
        spaces = zip(env.observation_space, env.action_space, strict=True)
        self._spaces = dict(zip(self.possible_agents, spaces, strict=True))

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """The agent's observation space."""
        return self._spaces[agent][0]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """The agent's action space."""
        return self._spaces[agent][1]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Builds the road and its traffic again; all vehicles are there."""
        with visible():
            observations, _ = self.env.reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return self._by_agent(observations), {agent: {} for agent in self.agents}

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Drives all vehicles for one period of the policy."""
        joint = tuple(self._action(actions.get(agent), space) for agent, (_, space) in self._spaces.items())
        observations, _, _, is_late, info = self.env.step(joint)
        terminals = {agent: bool(value) for agent, value in self._by_agent(info["agents_terminated"]).items()}
        truncations = {agent: bool(is_late) and not terminals[agent] for agent in self.agents}
        rewards = {agent: float(value) for agent, value in self._by_agent(info["agents_rewards"]).items()}
        infos: Agents = {agent: {} for agent in self.agents}
        for agent, vehicle in self._by_agent(self.env.controlled_vehicles).items():
            if terminals[agent] or truncations[agent]:
                infos[agent] = {
                    "crashed": float(vehicle.crashed),
                    "is_success": float(self.env.has_arrived(vehicle)),
                }
        observations = self._by_agent(observations)
        self.agents = [agent for agent in self.agents if not (terminals[agent] or truncations[agent])]
        return observations, rewards, terminals, truncations, infos

    def render(self) -> Any:
        """Draws the crossing."""
        return draw(self.env)

    def close(self) -> None:
        """Closes this environment; pygame stays for the others."""
        close_quietly(self.env)
        self.env.close()

    def _by_agent(self, values: Any) -> Agents:
        """Names the values of the agents that are there."""
        return {agent: value for agent, value in zip(self.possible_agents, values, strict=True) if agent in self.agents}

    @staticmethod
    def _action(action: Any, space: gymnasium.Space[Any]) -> Any:
        """Replaces the action of a vehicle whose episode is over."""
        if action is not None:
            return action
        return _IDLE if isinstance(space, gymnasium.spaces.Discrete) else np.zeros(space.shape, space.dtype)
