"""The wrapper that makes a Gymnasium environment flat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

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
from pufferlib.exceptions import EmulationError
from pufferlib.spaces import Emulated, compile_action_layout, compile_layout

NUM_CHECKED = 2  # observations whose numbers are compared with the space: of the first reset and the first step


class GymnasiumPufferEnv(gymnasium.Env[NDArray[Any], Any]):
    """A Gymnasium environment with flat observations and actions, and nothing lost.

    `reset` and `step` are Gymnasium's and return new arrays. `reset_into` and `step_into` write the same into buffers.
    Attributes that aren't found here come from the wrapped environment, `env`.
    """

    num_slots = 1

    def __init__(
        self,
        env: gymnasium.Env[Any, Any] | None = None,
        env_creator: Callable[..., gymnasium.Env[Any, Any]] | None = None,
        env_args: Sequence[Any] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        buffers: Buffers | None = None,
    ) -> None:
        """Wraps an environment, or creates and wraps it.

        Args:
            env: the environment, or
            env_creator: a class or function that makes it,
            env_args: with these arguments
            env_kwargs: and keywords.
            buffers: of one row, for `reset_into` and `step_into`; see `attach`.

        Raises:
            TypeError: not exactly one of `env` and `env_creator` was given.
            UnsupportedSpace: a part of its spaces has no flat form.
        """
        self.env: gymnasium.Env[Any, Any] = create(env, env_creator, env_args, env_kwargs)
        if not isinstance(self.env, gymnasium.Env):
            remedy = (
                "Use pufferlib.wrappers.GymToGymnasium for old Gym environments, PettingZooPufferEnv for PettingZoo."
            )
            raise EmulationError(name_of(self.env), "it isn't a gymnasium.Env.", remedy)
        self.emulated = Emulated(
            compile_layout(self.env.observation_space), compile_action_layout(self.env.action_space)
        )
        self.single_observation_space = self.observation_space = self.emulated.observation.flat_space
        self.single_action_space = self.action_space = self.emulated.action.flat_space
        self.episode_over = True
        self._unpack = None if self.emulated.action.is_passthrough else self.emulated.action.unpack
        self._pack_into = self.emulated.observation.pack_into
        self._buffers = buffers
        self._num_unchecked = NUM_CHECKED

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Starts an episode; see `gymnasium.Env.reset`."""
        observation, info = self._reset(seed, options)
        return self.emulated.observation.pack(observation), info

    def step(self, action: Any) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Steps with a flat action; see `gymnasium.Env.step`.

        Raises:
            ActionMismatch: the action can't be turned into one of the wrapped environment.
            ObservationMismatch: the observation isn't what the environment's space promises.
            EmulationError: the environment breaks the API.
        """
        observation, reward, terminal, truncation, info = self._step(action)
        return self.emulated.observation.pack(observation), reward, terminal, truncation, info

    def attach(self, buffers: Buffers) -> None:
        """Sets the buffers, of one row, that `reset_into` and `step_into` write from now on."""
        self._buffers = buffers

    def reset_into(self, seed: int | None = None, options: dict[str, Any] | None = None) -> dict[str, Any]:
        """Starts an episode, writes its first observation into the buffers, and returns the info."""
        buffers = self._buffers
        if buffers is None:
            raise no_buffers(self.env)
        observation, info = self._reset(seed, options)
        self._pack_into(observation, buffers.observations, 0)
        buffers.rewards[0] = 0
        buffers.terminals[0] = buffers.truncations[0] = False
        buffers.mask[0] = True
        return info

    def step_into(self, actions: NDArray[Any]) -> dict[str, Any]:
        """Steps with the first of `actions`, (1, *action_space.shape), and returns the info.

        The observation goes into the buffers, and into `final_observations` too if the episode ended.
        """
        buffers = self._buffers
        if buffers is None:
            raise no_buffers(self.env)
        observation, reward, terminal, truncation, info = self._step(actions[0])
        self._pack_into(observation, buffers.observations, 0)
        buffers.rewards[0] = reward
        buffers.terminals[0] = terminal
        buffers.truncations[0] = truncation
        if self.episode_over:
            buffers.final_observations[0] = buffers.observations[0]
        return info

    def render(self) -> Any:
        """Renders the wrapped environment."""
        return self.env.render()

    def close(self) -> None:
        """Closes the wrapped environment."""
        self.env.close()

    @property
    def driver_env(self) -> GymnasiumPufferEnv:
        """This environment: what a vectorized one of one environment would show."""
        return self

    @property
    def unwrapped(self) -> GymnasiumPufferEnv:
        """This environment. The innermost wrapped one is `env.unwrapped`."""
        return self

    @property
    def metadata(self) -> dict[str, Any]:  # type: ignore[override]
        """The wrapped environment's metadata."""
        return self.env.metadata

    @property
    def render_mode(self) -> str | None:  # type: ignore[override]
        """The wrapped environment's render mode."""
        return self.env.render_mode

    @property
    def spec(self) -> EnvSpec | None:
        """A spec that makes this environment again, flat, if the wrapped environment has one."""
        spec = self.env.spec
        if spec is None:
            return None
        return EnvSpec(
            spec.id,
            entry_point=partial(_remake, spec),
            reward_threshold=spec.reward_threshold,
            nondeterministic=spec.nondeterministic,
            order_enforce=False,
            disable_env_checker=True,
        )

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        """Takes note that gymnasium.make made this environment by such a spec: nothing to do, the inner one is kept."""

    @property
    def np_random(self) -> np.random.Generator:
        """The wrapped environment's random numbers."""
        return self.env.np_random

    @np_random.setter
    def np_random(self, value: np.random.Generator) -> None:
        self.env.np_random = value

    @property
    def np_random_seed(self) -> int:
        """The seed of the wrapped environment's random numbers."""
        return self.env.np_random_seed

    @property
    def _np_random(self) -> np.random.Generator | None:  # type: ignore[override]
        return self.env.unwrapped._np_random

    def set_wrapper_attr(self, name: str, value: Any, *, force: bool = True) -> bool:
        """Sets an attribute where it is: here, or in the wrapped environment."""
        if name in self.__dict__ or hasattr(type(self), name):
            setattr(self, name, value)
            return True
        return self.env.set_wrapper_attr(name, value, force=force)

    def __getattr__(self, name: str) -> Any:
        """Looks further in the wrapped environment."""
        if name.startswith("_") or "env" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self.env.get_wrapper_attr(name)

    def __str__(self) -> str:
        """Shows the wrapped environment."""
        return f"<GymnasiumPufferEnv{self.env}>"

    def _reset(self, seed: int | None, options: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        observation, info = check_reset(self.env, self.env.reset(seed=seed, options=options))
        if self._num_unchecked:
            self._check(observation)
        self.episode_over = False
        return observation, info

    def _step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self._unpack is not None:
            action = self._unpack(action)
        result = self.env.step(action)
        if len(result) != 5:
            refuse_step(self.env, result)
        observation, reward, terminal, truncation, info = result
        if type(reward) is not float or reward != reward:
            reward = check_reward(self.env, reward)
        if self._num_unchecked:
            self._check(observation)
        self.episode_over = bool(terminal or truncation)
        return observation, reward, bool(terminal), bool(truncation), info

    def _check(self, observation: Any) -> None:
        check_values(self.emulated.observation, observation)
        self._num_unchecked -= 1


def _remake(spec: EnvSpec, **kwargs: Any) -> GymnasiumPufferEnv:
    """Makes the environment of a spec and emulates it."""
    return GymnasiumPufferEnv(env=spec.make(**kwargs))
