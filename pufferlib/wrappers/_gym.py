"""Environments of the old `gym` package, of any version, as Gymnasium environments; `gym` itself isn't needed."""

from __future__ import annotations

import inspect
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from pufferlib.exceptions import EmulationError, UnsupportedSpace


class GymToGymnasium(gymnasium.Env[Any, Any]):
    """Wraps an environment with an old API; one with today's passes through with the same results.

    - `step` with four values: `done` is a truncation where `info["TimeLimit.truncated"]` says so, otherwise a
      termination.
    - `reset` that returns an observation only: the info is {}.
    - Seeds: `reset(seed=)` where the innermost environment takes it, otherwise its `seed(seed)` method. Without either,
      the seed is ignored.
    - `render(mode=...)`: `render_mode` is handed in.
    - Spaces of `gym` become Gymnasium's.

    Override `split_done` for environments that mark a truncation in another way.
    """

    def __init__(self, env: Any, render_mode: str | None = None) -> None:
        """Wraps `env`.

        Args:
            env: the old environment.
            render_mode: what `render` asks an environment for that takes a mode; its own `render_mode` if left out.
        """
        self.env = env
        self.render_mode = render_mode if render_mode is not None else getattr(env, "render_mode", None)
        self.metadata = dict(getattr(env, "metadata", None) or {})
        self.metadata.setdefault("render_modes", self.metadata.get("render.modes", []))
        if "video.frames_per_second" in self.metadata:
            self.metadata.setdefault("render_fps", self.metadata["video.frames_per_second"])
        self.observation_space = to_gymnasium_space(env.observation_space, "observation space")
        self.action_space = to_gymnasium_space(env.action_space, "action space")
        innermost = _innermost(env)
        self._reset_takes_seed = _takes(innermost.reset, "seed")
        self._reset_takes_options = _takes(innermost.reset, "options")
        self._render_takes_mode = hasattr(innermost, "render") and _takes(innermost.render, "mode")

    def __getattr__(self, name: str) -> Any:
        """Looks up other attributes in the wrapped environment, but for `seed`, which Gymnasium has no more."""
        if name.startswith("_") or name in ("env", "seed"):
            raise AttributeError(name)
        return getattr(self.env, name)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment with as much of `seed` and `options` as it takes."""
        super().reset(seed=seed)
        kwargs: dict[str, Any] = {}
        if seed is not None:
            if self._reset_takes_seed:
                kwargs["seed"] = seed
            elif callable(getattr(self.env, "seed", None)):
                self.env.seed(seed)
        if options is not None and self._reset_takes_options:
            kwargs["options"] = options
        result = self.env.reset(**kwargs)
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict):
            return result[0], result[1]
        return result, {}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the environment.

        Raises:
            EmulationError: it gave neither four nor five values.
        """
        result = self.env.step(action)
        if len(result) == 5:
            observation, reward, terminated, truncated, info = result
            return observation, reward, bool(terminated), bool(truncated), info
        if len(result) != 4:
            problem = f"step() gave {len(result)} values."
            raise EmulationError(type(self.env).__name__, problem, "Gym environments give 4, or 5 from 0.26 on.")
        observation, reward, done, info = result
        terminated, truncated = self.split_done(bool(done), info)
        return observation, reward, terminated, truncated, info

    def split_done(self, done: bool, info: dict[str, Any]) -> tuple[bool, bool]:
        """Says whether an old `done` is a termination, a truncation, both or neither."""
        truncated = done and bool(info.get("TimeLimit.truncated", False))
        return done and not truncated, truncated

    def render(self) -> Any:
        """Renders in `render_mode`, however the environment takes it."""
        if self._render_takes_mode and self.render_mode is not None:
            return self.env.render(mode=self.render_mode)
        return self.env.render()

    def close(self) -> None:
        """Closes the environment, if it can be closed."""
        if hasattr(self.env, "close"):
            self.env.close()


def to_gymnasium_space(space: Any, path: str) -> spaces.Space[Any]:
    """Rebuilds a space of the old `gym` as Gymnasium's; Gymnasium's own come back as they are.

    Args:
        space: any object whose class is named like a space and has its attributes.
        path: where the space is, for the error.

    Raises:
        UnsupportedSpace: no Gymnasium space has that name.
    """
    if isinstance(space, spaces.Space):
        return space
    kinds = {cls.__name__ for cls in type(space).__mro__}
    if "Box" in kinds:
        return spaces.Box(np.asarray(space.low), np.asarray(space.high), tuple(space.shape), space.dtype)
    if "Discrete" in kinds:
        return spaces.Discrete(int(space.n), start=int(getattr(space, "start", 0)))
    if "MultiDiscrete" in kinds:
        return spaces.MultiDiscrete(np.asarray(space.nvec))
    if "MultiBinary" in kinds:
        return spaces.MultiBinary([int(n) for n in space.n] if np.ndim(space.n) else int(space.n))
    if "Dict" in kinds:
        return spaces.Dict({key: to_gymnasium_space(s, f"{path}[{key!r}]") for key, s in space.spaces.items()})
    if "Tuple" in kinds:
        return spaces.Tuple([to_gymnasium_space(s, f"{path}[{i}]") for i, s in enumerate(space.spaces)])
    raise UnsupportedSpace(path, repr(space), f"{type(space).__name__} has no counterpart in Gymnasium.")


def _innermost(env: Any) -> Any:
    """Unwraps by `env` attributes: wrappers take any keyword and only then find out that the environment doesn't."""
    seen = set()
    while id(env) not in seen and "env" in getattr(env, "__dict__", {}):
        seen.add(id(env))
        env = env.env
    return env


def _takes(function: Any, name: str) -> bool:
    """Whether a function takes the keyword argument `name`."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some compiled functions don't say
        return False
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
