"""Compiled games of Craftax, shared by all environments of a process."""

from __future__ import annotations

import contextlib
import functools
import importlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np

from pufferlib.environments._options import fill_options
from pufferlib.environments._packages import import_package
from pufferlib.environments._variables import same_variables

_NO_LIMIT = 2**31 - 1  # steps


@functools.cache
def load(is_classic: bool) -> Game:
    """Gives one of the two games, the same object every time, so that it is compiled once in a process."""
    return Game(is_classic)


class Game:
    """What all environments of a game share, whether they show symbols or pixels: compiled functions and textures.

    A state is (random key, Craftax's own state).
    """

    def __init__(self, is_classic: bool) -> None:
        package, name = ("craftax_classic", "Craftax-Classic") if is_classic else ("craftax", "Craftax")
        with same_variables(), _same_random_numbers():
            self._jax = import_package("jax", "craftax")
            self._renderer = import_package(f"craftax.{package}.renderer", "craftax")
            self._constants = importlib.import_module(f"craftax.{package}.constants")
            make = importlib.import_module("craftax.craftax_env").make_craftax_env_from_name
            self._env = make(f"{name}-Symbolic-v1", auto_reset=False)
        self._default_params = self._env.default_params
        self.agent_tile: int = self._constants.BLOCK_PIXEL_SIZE_AGENT  # pixels of a tile in observations
        self.frame_tile: int = self._constants.BLOCK_PIXEL_SIZE_IMG
        self.action_space = gymnasium.spaces.Discrete(self._env.num_actions)
        self.reset = self._jax.jit(self._reset)
        self.step = self._jax.jit(self._step)

    def observation_space(self, shows_pixels: bool) -> gymnasium.spaces.Box:
        """The space of symbols, or of pixels as bytes."""
        if not shows_pixels:
            shape = self._env.observation_space(self._default_params).shape
            return gymnasium.spaces.Box(0, 1, shape, np.float32)
        rows, columns = self._constants.OBS_DIM
        height, width = (rows + self._constants.INVENTORY_OBS_HEIGHT) * self.agent_tile, columns * self.agent_tile
        return gymnasium.spaces.Box(0, 255, (height, width, 3), np.uint8)

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

    @functools.cache  # noqa: B019 (a game lives as long as its process)
    def painter(self, tile: int) -> Any:
        """Gives the compiled function that draws a state, uint8 (height, width, 3).

        Args:
            tile: pixels of a tile's side, `agent_tile` or `frame_tile`.
        """
        with self._textures():
            draw = self._renderer.make_craftax_pixel_renderer(tile)
        numpy = self._jax.numpy
        return self._jax.jit(lambda state: numpy.clip(numpy.round(draw(state[1])), 0, 255).astype("uint8"))

    def _reset(self, seed: Any, params: Any) -> tuple[Any, Any]:
        key, world_key = self._jax.random.split(self._jax.random.PRNGKey(seed))
        symbols, state = self._env.reset_env(world_key, params)
        return (key, state), symbols

    def _step(self, state: Any, action: Any, params: Any) -> tuple[Any, Any, Any]:
        key, step_key = self._jax.random.split(state[0])
        symbols, after, reward, is_over, _ = self._env.step_env(step_key, state[1], action, params)
        is_terminal = self._env.is_terminal(after, params.replace(max_timesteps=_NO_LIMIT))
        outcome = self._jax.numpy.stack([reward, is_terminal, is_over & ~is_terminal])
        return (key, after), symbols, outcome

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


@contextlib.contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Puts Python's and NumPy's global random numbers back; importing JAX and Craftax draws from them."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


class _Textures:
    """Looks like Craftax's dict of textures by size, but makes those of a size when they are asked for."""

    def __init__(self, load: Any) -> None:
        self._load = load

    def __getitem__(self, size: int) -> Any:
        return self._load(size)
