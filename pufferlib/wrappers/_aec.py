"""PettingZoo AEC environments as parallel ones."""

from __future__ import annotations

from typing import Any, TypeAlias

from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec_wrapper
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from pufferlib.exceptions import EmulationError

Agents: TypeAlias = dict[Any, Any]  # one value an agent


def aec_to_parallel(env: AECEnv[Any, Any, Any]) -> ParallelEnv[Any, Any, Any]:
    """Gives the parallel environment inside an AEC one where there is one, otherwise wraps it."""
    inner: Any = env.env if isinstance(env, OrderEnforcingWrapper) else env
    if isinstance(inner, parallel_to_aec_wrapper):
        parallel: ParallelEnv[Any, Any, Any] = inner.env
        return parallel
    return AECToParallel(env)


class AECToParallel(ParallelEnv[Any, Any, Any]):  # type: ignore[misc]  # PettingZoo has no types
    """Steps an AEC environment with all agents' actions at once.

    Where its metadata says `is_parallelizable`, one step is a cycle in which every living agent acts. Otherwise agents
    take
    turns: one step is one agent's turn, only that agent's action is used, and `infos[agent]["active_agent"]` names
    whose turn is next. Rewards of a step are the sums of all rewards that the agent got in it.
    """

    def __init__(self, env: AECEnv[Any, Any, Any]) -> None:
        """Wraps `env`."""
        self.env = env
        self.metadata = env.metadata
        self.possible_agents = list(env.possible_agents)
        self.render_mode = getattr(env, "render_mode", None)
        self.takes_turns = not env.metadata.get("is_parallelizable", False)
        self.agents: list[Any] = []
        self._gone: dict[Any, tuple[Any, bool, bool, dict[str, Any]]] = {}  # results of agents removed in this cycle

    @property
    def unwrapped(self) -> Any:
        """The innermost environment."""
        return self.env.unwrapped

    def observation_space(self, agent: Any) -> spaces.Space[Any]:
        """The agent's observation space."""
        space: spaces.Space[Any] = self.env.observation_space(agent)
        return space

    def action_space(self, agent: Any) -> spaces.Space[Any]:
        """The agent's action space."""
        space: spaces.Space[Any] = self.env.action_space(agent)
        return space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Resets the environment.

        Returns:
            observations and infos of the agents that are there, one each.
        """
        self.env.reset(seed=seed, options=options)
        self._clear_dead()
        self.agents = list(self.env.agents)
        observations = {agent: self.env.observe(agent) for agent in self.agents}
        return observations, {agent: dict(self.env.infos.get(agent, {})) for agent in self.agents}

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Takes one cycle of agents, or one turn.

        Args:
            actions: at least those of the agents that act in this step.

        Returns:
            observations, rewards, terminations, truncations and infos of the agents that were there, one each.

        Raises:
            EmulationError: an agent that acts has no action.
        """
        rewards = dict.fromkeys(self.agents, 0.0)
        self._gone = {}
        for agent in [self.env.agent_selection] if self.takes_turns else self.agents:
            if agent not in self.env.agents or self._is_over(agent):
                continue  # it ended earlier in this cycle
            if agent not in actions:
                name, problem = type(self.env.unwrapped).__name__, f"step() got no action for agent {agent!r}."
                raise EmulationError(name, problem, "Pass one for every agent in `agents`.")
            self._skip_to(agent)
            self.env.step(actions[agent])
            for other, reward in self.env.rewards.items():
                rewards[other] = rewards.get(other, 0.0) + float(reward)
        results = self._gone | {agent: self._result(agent) for agent in self.env.agents}
        self._clear_dead()
        self.agents = [agent for agent in self.env.agents if not self._is_over(agent)]
        observations = {agent: result[0] for agent, result in results.items()}
        terminations = {agent: result[1] for agent, result in results.items()}
        truncations = {agent: result[2] for agent, result in results.items()}
        infos = {agent: result[3] for agent, result in results.items()}
        if self.takes_turns and self.agents:
            for info in infos.values():
                info["active_agent"] = self.env.agent_selection
        return observations, {agent: rewards.get(agent, 0.0) for agent in results}, terminations, truncations, infos

    def render(self) -> Any:
        """Renders the environment."""
        return self.env.render()

    def state(self) -> Any:
        """Gives the environment's global state."""
        return self.env.state()

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()

    def _is_over(self, agent: Any) -> bool:
        """Whether an agent ended and waits to be removed."""
        return bool(self.env.terminations.get(agent) or self.env.truncations.get(agent))

    def _result(self, agent: Any) -> tuple[Any, bool, bool, dict[str, Any]]:
        """Gives an agent's observation, flags and info, the latter copied, so that it can be added to."""
        terminated, truncated = bool(self.env.terminations[agent]), bool(self.env.truncations[agent])
        return self.env.observe(agent), terminated, truncated, dict(self.env.infos.get(agent, {}))

    def _clear_dead(self) -> None:
        """Takes the empty turns of ended agents, by which AEC environments remove them."""
        while self.env.agents and self._is_over(self.env.agent_selection):
            self.env.step(None)

    def _skip_to(self, agent: Any) -> None:
        """Takes the empty turns of agents that ended earlier in this cycle, until `agent` is selected."""
        while self.env.agents and self.env.agent_selection != agent and self._is_over(self.env.agent_selection):
            self._gone[self.env.agent_selection] = self._result(self.env.agent_selection)
            self.env.step(None)
        if self.env.agent_selection != agent:
            problem = f"it selects agent {self.env.agent_selection!r} where the cycle has {agent!r}."
            remedy = "Set metadata['is_parallelizable'] = False: its agents take turns."
            raise EmulationError(type(self.env.unwrapped).__name__, problem, remedy)
