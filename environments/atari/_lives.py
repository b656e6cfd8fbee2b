"""Episodes of one life each, in a game that goes on."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium


class OneLife(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Ends the episode when a life is lost, but restarts the game only when it is over (Mnih et al. 2015, methods).

    A reset with a seed, or in the middle of a life, always starts a new game.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Wraps an environment around `Screens`."""
        gymnasium.utils.RecordConstructorArgs.__init__(self)  # so that env.spec can make it again
        gymnasium.Wrapper.__init__(self, env)
        self._fire: int | None = env.get_wrapper_attr("fire_action")
        self._lives = 0
        self._next_life: tuple[Any, dict[str, Any]] | None = None  # what it starts with

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Goes on with the next life, or starts a new game."""
        start, self._next_life = self._next_life, None
        if start is not None and seed is None:
            if self._fire is None:
                return start
            observation, _, terminated, truncated, info = self.env.step(self._fire)
            if not (terminated or truncated):
                self._lives = info["lives"]
                return observation, info
        observation, info = self.env.reset(seed=seed, options=options)
        self._lives = info["lives"]
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the game; the loss of a life is a terminal."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        lives = info["lives"]
        # In some games the last life goes a few frames before the game ends; then only the latter counts.
        if 0 < lives < self._lives and not (terminated or truncated):
            self._next_life = observation.copy(), dict(info)
            terminated = True
        self._lives = lives
        return observation, reward, terminated, truncated, info
