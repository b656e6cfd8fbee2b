"""Compiled games of Craftax, shared by all environments of a process."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np

from pufferlib.environments._options import fill_options
from pufferlib.environments._packages import import_package
from pufferlib.environments._variables import same_variables

_NO_LIMIT = 2**31 - 1  # steps


@functools.cache
def load(name: str) -> Game:
    """Gives the game of a name, the same object every time, so that it is compiled once in a process."""
    return Game(name)


class Game:
    """What all environments of one name share: compiled functions, textures and spaces.

    A state is (random key, Craftax's own state).
    """

    def __init__(self, name: str) -> None:
        package = "craftax.craftax_classic" if "Classic" in name else "craftax.craftax"
        with same_variables():
            self._jax = import_package("jax", "craftax")
            self._renderer = import_package(f"{package}.renderer", "craftax")
            self._constants = importlib.import_module(f"{package}.constants")
            make = importlib.import_module("craftax.craftax_env").make_craftax_env_from_name
        self._shows_pixels = "Pixels" in name
        with self._textures():
            self._env = make(name, auto_reset=False)
        self._default_params = self._env.default_params
        space = self._env.observation_space(self._default_params)
        low, high, dtype = (0, 255, np.uint8) if self._shows_pixels else (0, 1, np.float32)
        self.observation_space = gymnasium.spaces.Box(low, high, space.shape, dtype)
        self.action_space = gymnasium.spaces.Discrete(self._env.num_actions)
        self.reset = self._jax.jit(self._reset)
        self.step = self._jax.jit(self._step)

    def fill_params(self, name: str, options: Mapping[str, Any]) -> Any:
        """Puts options over the game's parameters.

        Raises:
            ConfigError: the game has no such option.
        """
        fill_options(name, options, vars(self._default_params))
        return self._default_params.replace(**options)

    def achievements(self, state: Any) -> dict[str, float]:
        """Says which achievements the player has unlocked, 0 or 1 each, and how many."""
        unlocked = np.asarray(state[1].achievements)
        names = {achievement.value: achievement.name.lower() for achievement in self._constants.Achievement}
        each = {f"achievement/{names[i]}": float(unlocked[i]) for i in sorted(names)}
        return {"achievements": float(unlocked.sum()), **each}

    @functools.cached_property
    def frame(self) -> Any:
        """The compiled function that draws a state, uint8 (height, width, 3), 16 pixels a tile."""
        with self._textures():
            draw = self._renderer.make_craftax_pixel_renderer(self._constants.BLOCK_PIXEL_SIZE_IMG)
        return self._jax.jit(lambda state: self._to_bytes(draw(state[1])))

    def _reset(self, seed: Any, params: Any) -> tuple[Any, Any]:
        key, world_key = self._jax.random.split(self._jax.random.PRNGKey(seed))
        observation, state = self._env.reset_env(world_key, params)
        return (key, state), self._observe(observation)

    def _step(self, state: Any, action: Any, params: Any) -> tuple[Any, Any, Any]:
        key, step_key = self._jax.random.split(state[0])
        observation, after, reward, is_over, _ = self._env.step_env(step_key, state[1], action, params)
        is_terminal = self._env.is_terminal(after, params.replace(max_timesteps=_NO_LIMIT))
        outcome = self._jax.numpy.stack([reward, is_terminal, is_over & ~is_terminal])
        return (key, after), self._observe(observation), outcome

    def _observe(self, observation: Any) -> Any:
        return self._to_bytes(observation * 255) if self._shows_pixels else observation

    def _to_bytes(self, pixels: Any) -> Any:
        return self._jax.numpy.clip(self._jax.numpy.round(pixels), 0, 255).astype("uint8")

    @contextlib.contextmanager
    def _textures(self) -> Iterator[None]:
        """Makes Craftax draw with textures of only the asked size.

        Its own function makes all sizes, prints, and keeps them in a pickle in the package's folder.
        """
        original = self._renderer.load_all_textures
        self._renderer.load_all_textures = lambda: _Textures(self._constants.load_all_textures_given_size)
        try:
            yield
        finally:
            self._renderer.load_all_textures = original


class _Textures:
    """Looks like Craftax's dict of textures by size, but makes those of a size when they are asked for."""

    def __init__(self, load: Any) -> None:
        self._load = load

    def __getitem__(self, size: int) -> Any:
        return self._load(size)
