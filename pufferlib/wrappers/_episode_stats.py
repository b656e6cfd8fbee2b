"""Return and length of every episode of a Gymnasium environment, in the info of its last step."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium


class EpisodeStats(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Adds `info["episode"] = {"r": return, "l": length}` to the last step of every episode.

    The return is the plain sum of the rewards, a float; the length counts steps, an int. Whatever else the info holds
    stays untouched, an `episode` that an inner wrapper has put there included.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Wraps `env`."""
        gymnasium.utils.RecordConstructorArgs.__init__(self)  # so that env.spec can make it again, for check_env
        gymnasium.Wrapper.__init__(self, env)
        self._return = 0.0
        self._length = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and the counts."""
        self._return, self._length = 0.0, 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the environment; the last step of an episode carries its return and length."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._return += float(reward)  # a numpy scalar would drag the sum down to its own precision
        self._length += 1
        if (terminated or truncated) and "episode" not in info:
            info = {**info, "episode": {"r": self._return, "l": self._length}}
        return observation, reward, terminated, truncated, info
