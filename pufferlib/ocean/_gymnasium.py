"""A native environment with one agent, as Gymnasium's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from pufferlib.ocean._environment import NativeEnv

    Base = NativeEnv
else:
    Base = object


class GymnasiumFace(gymnasium.Env[Any, Any], Base):  # type: ignore[misc]
    """`reset` and `step` of Gymnasium, for a `NativeEnv` with one agent."""

    def _set_up(self) -> None:
        layouts = self.emulated.observation, self.emulated.action
        spaces: list[Any] = [layout.flat_space if self._is_flat else layout.space for layout in layouts]
        self.observation_space, self.action_space = spaces

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode; see `gymnasium.Env.reset`."""
        gymnasium.Env.reset(self, seed=seed)
        info = self.reset_into(seed, options)
        return self._observe(0), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Steps; see `gymnasium.Env.step`. The last info of an episode has its return, length and numbers.

        Raises:
            ActionMismatch: the action's shape or dtype doesn't fit.
            EmulationError: the episode is over, or none has begun.
        """
        self._check_running()
        info = self.step_into(self._flatten(action))
        buffers = self._buffers
        ends = bool(buffers.terminals[0]), bool(buffers.truncations[0])
        return self._observe(0), float(buffers.rewards[0]), *ends, info
