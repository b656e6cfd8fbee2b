"""The wrapper that makes a PettingZoo environment flat, with a slot for every agent.

Shapes: A agent slots; slot i is `possible_agents[i]` for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv

from pufferlib.emulation._buffers import Buffers
from pufferlib.emulation._creation import (
    check_reset,
    check_reward,
    check_values,
    create,
    name_of,
    no_buffers,
    refuse_step,
)
from pufferlib.emulation._gymnasium import NUM_CHECKED
from pufferlib.exceptions import ActionMismatch, EmulationError
from pufferlib.spaces import Emulated, compile_action_layout, compile_layout
from pufferlib.wrappers import aec_to_parallel

Agent = Any  # an agent's id: mostly str, sometimes int
Steps = tuple[
    dict[Agent, NDArray[Any]], dict[Agent, float], dict[Agent, bool], dict[Agent, bool], dict[Agent, dict[str, Any]]
]


class PettingZooPufferEnv(ParallelEnv[Agent, NDArray[Any], Any]):  # type: ignore[misc]  # PettingZoo is untyped
    """A PettingZoo Parallel environment with flat observations and actions, and nothing lost.

    `reset` and `step` are PettingZoo's and speak of live agents only. `reset_into` and `step_into` write all A rows of
    the buffers: an absent agent has mask False and a zero observation. Attributes that aren't found here come from the
    wrapped environment, `env`.
    """

    def __init__(
        self,
        env: Any = None,
        env_creator: Callable[..., Any] | None = None,
        env_args: Sequence[Any] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        """Wraps an environment, or creates and wraps it.

        Args:
            env: the environment, Parallel or AEC, or
            env_creator: a class or function that makes it,
            env_args: with these arguments
            env_kwargs: and keywords.
            buffers: of A rows, for `reset_into` and `step_into`; see `attach`.

        Raises:
            TypeError: not exactly one of `env` and `env_creator` was given.
            UnsupportedSpace: a part of its spaces has no flat form.
            EmulationError: it has no agents, or agents with different spaces.
        """
        env = create(env, env_creator, env_args, env_kwargs)
        if isinstance(env, AECEnv):
            env = aec_to_parallel(env)
        if not isinstance(env, ParallelEnv):
            remedy = "Give Gymnasium environments to GymnasiumPufferEnv."
            raise EmulationError(name_of(env), "it is neither a pettingzoo.ParallelEnv nor an AECEnv.", remedy)
        self.env = env
        self.possible_agents: list[Agent] = list(getattr(env, "possible_agents", None) or ())
        if not self.possible_agents:
            raise EmulationError(name_of(env), "it has no possible_agents.", "List every agent that may ever appear.")
        self.num_slots = len(self.possible_agents)
        self._slots = {agent: i for i, agent in enumerate(self.possible_agents)}
        self.emulated = Emulated(
            compile_layout(_shared_space(env, "observation_space", self.possible_agents)),
            compile_action_layout(_shared_space(env, "action_space", self.possible_agents)),
        )
        self.single_observation_space = self.emulated.observation.flat_space
        self.single_action_space = self.emulated.action.flat_space
        # Agents draw from generators of their own, as PettingZoo promises, so each needs a space object of its own.
        self._observation_spaces = {agent: _copy(self.single_observation_space) for agent in self.possible_agents}
        self._action_spaces = {agent: _copy(self.single_action_space) for agent in self.possible_agents}
        self.metadata = getattr(env, "metadata", {})
        self.episode_over = True
        self._live: list[Agent] = []
        self._live_slots: list[int] = []
        self._num_unchecked = NUM_CHECKED
        self._buffers: Buffers | None = None
        self._dirty = [True] * self.num_slots  # the row holds something; zeroed once its agent is gone
        self._has_leftovers = True  # a row is dirty whose agent isn't live
        if buffers is not None:
            self.attach(buffers)

    @property
    def agents(self) -> list[Agent]:
        """The agents that act in the next step."""
        return list(self._live)

    def observation_space(self, agent: Agent) -> gymnasium.spaces.Space[Any]:
        """The flat observation space; every agent has the same, as an object of its own."""
        return self._observation_spaces[agent]

    def action_space(self, agent: Agent) -> gymnasium.spaces.Space[Any]:
        """The flat action space; every agent has the same, as an object of its own."""
        return self._action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[Agent, NDArray[Any]], dict[Agent, dict[str, Any]]]:
        """Starts an episode; see `pettingzoo.ParallelEnv.reset`."""
        observations, infos = self._reset(seed, options)
        return {agent: self.emulated.observation.pack(value) for agent, value in observations.items()}, infos

    def step(self, actions: dict[Agent, Any]) -> Steps:
        """Steps with a flat action for every live agent; see `pettingzoo.ParallelEnv.step`.

        Raises:
            ActionMismatch: an action is missing, of an agent that isn't there, or not in the space.
            ObservationMismatch: an observation isn't what the environment's space promises.
            EmulationError: the environment breaks the API.
        """
        if self.episode_over:
            raise EmulationError(name_of(self.env), "step came after all agents had ended.", "Reset it first.")
        if set(actions) != set(self._live):
            raise ActionMismatch(f"a dict with the live agents {self._live}", f"a dict with {list(actions)}")
        unpack = self.emulated.action.unpack
        result = self._step_env({agent: unpack(action) for agent, action in actions.items()})
        observations, rewards, terminals, truncations, infos = self._read(result)
        flat = {agent: self.emulated.observation.pack(value) for agent, value in observations.items()}
        return flat, rewards, terminals, truncations, infos

    def attach(self, buffers: Buffers) -> None:
        """Sets the buffers, of A rows, that `reset_into` and `step_into` write from now on."""
        self._buffers = buffers
        self._dirty = [True] * self.num_slots
        self._has_leftovers = True

    def reset_into(self, seed: int | None = None, options: dict[str, Any] | None = None) -> dict[Agent, dict[str, Any]]:
        """Starts an episode, writes all rows of the buffers, and returns the infos by agent."""
        buffers = self._buffers
        if buffers is None:
            raise no_buffers(self.env)
        observations, infos = self._reset(seed, options)
        self._write_observations(buffers, observations)
        buffers.rewards[:] = 0
        buffers.terminals[:] = False
        buffers.truncations[:] = False
        return infos

    def step_into(self, actions: NDArray[Any]) -> dict[Agent, dict[str, Any]]:
        """Steps with `actions`, (A, *single_action_space.shape), and returns the infos by agent.

        Rows of absent agents are ignored in `actions`. Observations of agents that ended in this step also go into
        `final_observations`.
        """
        buffers = self._buffers
        if buffers is None:
            raise no_buffers(self.env)
        if self.episode_over:
            raise EmulationError(name_of(self.env), "step came after all agents had ended.", "Reset it first.")
        acted, slots = self._live, self._live_slots
        if len(slots) < self.num_slots:
            actions = actions[slots]
        unpacked = self.emulated.action.unpack_batch(actions)
        result = self._step_env(dict(zip(acted, unpacked, strict=True)))
        if self._is_steady(result) and self._write_steady(buffers, result):
            infos: dict[Agent, dict[str, Any]] = result[4]
            return infos
        observations, rewards, terminals, truncations, infos = self._read(result)
        # An agent may go without a word: its row keeps the last observation, and its episode was cut.
        vanished = [agent for agent in acted if agent not in observations]
        truncations.update(dict.fromkeys(vanished, True))
        self._write_observations(buffers, observations, keep=vanished)
        agents = self.possible_agents
        buffers.rewards[:] = [rewards.get(agent, 0.0) for agent in agents]
        buffers.terminals[:] = [terminals.get(agent, False) for agent in agents]
        buffers.truncations[:] = [truncations.get(agent, False) for agent in agents]
        ended = [self._slots[agent] for agent in acted if terminals.get(agent, False) or truncations[agent]]
        if ended:
            buffers.final_observations[ended] = buffers.observations[ended]
        return infos

    def render(self) -> Any:
        """Renders the wrapped environment."""
        return self.env.render()

    def state(self) -> Any:
        """The wrapped environment's global state."""
        return self.env.state()

    def close(self) -> None:
        """Closes the wrapped environment."""
        self.env.close()

    @property
    def driver_env(self) -> PettingZooPufferEnv:
        """This environment: what a vectorized one of one environment would show."""
        return self

    @property
    def render_mode(self) -> str | None:
        """The wrapped environment's render mode."""
        return getattr(self.env, "render_mode", None)

    def __getattr__(self, name: str) -> Any:
        """Looks further in the wrapped environment."""
        if name.startswith("_") or "env" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.env, name)

    def __str__(self) -> str:
        """Shows the wrapped environment."""
        return f"<PettingZooPufferEnv<{self.env}>>"

    def _reset(self, seed: int | None, options: dict[str, Any] | None) -> tuple[dict[Agent, Any], dict[Agent, Any]]:
        observations, infos = check_reset(self.env, self.env.reset(seed=seed, options=options))
        self._set_live(list(self.env.agents), observations)
        return {agent: observations[agent] for agent in self._live}, infos

    def _step_env(self, actions: dict[Agent, Any]) -> tuple[dict[Agent, Any], ...]:
        """Steps the wrapped environment."""
        result: tuple[dict[Agent, Any], ...] = self.env.step(actions)
        if len(result) != 5:
            refuse_step(self.env, result)
        return result

    def _is_steady(self, result: tuple[dict[Agent, Any], ...]) -> bool:
        """Whether a step was like most: the agents that acted are all there, and nobody ended, came or left."""
        _, _, terminals, truncations, _ = result
        if self._has_leftovers or self._num_unchecked or any(terminals.values()) or any(truncations.values()):
            return False
        steady: bool = self.env.agents == self._live
        return steady

    def _write_steady(self, buffers: Buffers, result: tuple[dict[Agent, Any], ...]) -> bool:
        """Writes a steady step; masks and the rows of absent agents stay as they are.

        Returns:
            Whether it could. If not, an agent lacks something: the long way knows what to do.
        """
        observations, rewards, *_ = result
        pack_into, rows = self.emulated.observation.pack_into, buffers.observations
        numbers = []
        try:
            for agent, slot in zip(self._live, self._live_slots, strict=True):
                reward = rewards[agent]
                if type(reward) is not float or reward != reward:
                    reward = check_reward(self.env, reward)
                numbers.append(reward)
                pack_into(observations[agent], rows, slot)
        except KeyError:
            return False
        buffers.rewards[self._live_slots] = numbers
        buffers.terminals[:] = False
        buffers.truncations[:] = False
        return True

    def _read(self, result: tuple[dict[Agent, Any], ...]) -> tuple[dict[Agent, Any], ...]:
        """Keeps what a step says of the agents that were there: those that acted and those that came."""
        acted = self._live
        observations, rewards, terminals, truncations, infos = result
        ended = {agent for agent in acted if terminals.get(agent, False) or truncations.get(agent, False)}
        left = [agent for agent in self.env.agents if agent not in ended]
        vanished = set(acted).difference(ended, left)  # gone without a word: cut off
        self._set_live(left, observations)
        num_stayed = len(acted) - len(ended) - len(vanished)
        came = [agent for agent in left if agent not in acted] if len(left) > num_stayed else []
        present = [agent for agent in (*acted, *came) if agent in observations]
        return (
            {agent: observations[agent] for agent in present},
            {agent: check_reward(self.env, rewards.get(agent, 0.0)) for agent in present},
            {agent: bool(terminals.get(agent, False)) for agent in present},
            {agent: bool(truncations.get(agent, False)) or agent in vanished for agent in present},
            infos,
        )

    def _set_live(self, agents: list[Agent], observations: dict[Agent, Any]) -> None:
        """Takes over who acts in the next step, and checks that each has a slot and an observation."""
        self._live = agents
        self._has_leftovers = True  # until all rows are written
        self.episode_over = not agents
        for agent in agents:
            if agent not in self._slots:
                problem = f"the agent {agent!r} isn't one of its possible_agents."
                raise EmulationError(name_of(self.env), problem, "List every agent that may ever appear.")
            if agent not in observations:
                problem = f"the live agent {agent!r} has no observation."
                raise EmulationError(name_of(self.env), problem, "Return one for every agent in `agents`.")
            if self._num_unchecked:
                check_values(self.emulated.observation, observations[agent])
        self._num_unchecked = max(0, self._num_unchecked - 1)
        self._live_slots = [self._slots[agent] for agent in agents]

    def _write_observations(self, buffers: Buffers, observations: dict[Agent, Any], keep: Sequence[Agent] = ()) -> None:
        pack_into, rows = self.emulated.observation.pack_into, buffers.observations
        for slot, agent in enumerate(self.possible_agents):
            if agent in observations:
                pack_into(observations[agent], rows, slot)
                self._dirty[slot] = True
            elif self._dirty[slot] and agent not in keep:
                rows[slot] = 0
                self._dirty[slot] = False
        buffers.mask[:] = self._dirty
        self._has_leftovers = sum(self._dirty) != len(self._live)


def _shared_space(env: Any, method: str, agents: list[Agent]) -> gymnasium.spaces.Space[Any]:
    """The space that all agents have.

    Raises:
        EmulationError: two agents have different ones.
    """
    first = getattr(env, method)(agents[0])
    for agent in agents[1:]:
        other = getattr(env, method)(agent)
        if other != first:
            problem = f"{method} of {agents[0]!r} is {first}, but that of {agent!r} is {other}."
            raise EmulationError(name_of(env), problem, "Bring all agents to one space in a wrapper.")
    space: gymnasium.spaces.Space[Any] = first
    return space


def _copy(space: gymnasium.spaces.Space[Any]) -> gymnasium.spaces.Space[Any]:
    """A space of the same values with random numbers of its own."""
    match space:
        case gymnasium.spaces.Discrete():
            return gymnasium.spaces.Discrete(int(space.n))
        case gymnasium.spaces.MultiDiscrete():
            return gymnasium.spaces.MultiDiscrete(space.nvec)
        case gymnasium.spaces.Box():
            return gymnasium.spaces.Box(space.low, space.high, dtype=space.dtype.type)
        case _:
            raise AssertionError(space)
