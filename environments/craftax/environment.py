"""Makes Craftax's games as Gymnasium environments: compiled once a process, NumPy in and out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._options import check_name
from pufferlib.environments._packages import import_package
from pufferlib.wrappers import EpisodeStats

DEFAULT = "Craftax-Classic-Symbolic-v1"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (("Craftax-Classic-Symbolic-v1", {"max_timesteps": 200}),)
_NAMES = (
    "Craftax-Classic-Pixels-v1",
    "Craftax-Classic-Symbolic-v1",
    "Craftax-Pixels-v1",
    "Craftax-Symbolic-v1",
)


def names() -> list[str]:
    """Lists Craftax's games; its "-AutoReset-" names mean the same ones."""
    import_package("craftax", "craftax")
    return list(_NAMES)


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    The first `reset` and the first `step` of a game in a process compile it. The info of an episode's last step also
    holds `achievements`, how many were unlocked, and `achievement/NAME` for each, 0 or 1.

    Args:
        name: one of `names()`.
        render_mode: None or "rgb_array", which draws what the player sees.
        options: of the game's EnvParams, for example `max_timesteps` (steps; 10,000 in Classic, 100,000 in the whole
            game), `day_length` (steps) or `god_mode`.

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: the game has no such option.
    """
    import_package("craftax", "craftax")
    check_name(name, _NAMES)
    return GymnasiumPufferEnv(env=EpisodeStats(Craftax(name, render_mode, **options)))


class Craftax(gymnasium.Env[NDArray[Any], int]):
    """One game of Craftax.

    Observations: Symbolic: float32 (n,); Pixels: uint8 (height, width, 3). Death and victory are terminals, the limit
    of steps is a truncation.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, name: str, render_mode: str | None = None, **options: Any) -> None:
        from pufferlib.environments.craftax._game import load

        self.render_mode = render_mode
        self._shows_pixels = "Pixels" in name
        self._game = load("Classic" in name)
        self._params = self._game.fill_params(name, options)
        self.observation_space = self._game.observation_space(self._shows_pixels)
        self.action_space = self._game.action_space
        self._state: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Makes a new world."""
        super().reset(seed=seed)
        self._state, symbols = self._game.reset(int(self.np_random.integers(2**31)), self._params)
        return self._observe(symbols), {}

    def step(self, action: Any) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Takes a step; the last one of an episode has its achievements in its info."""
        self._state, symbols, outcome = self._game.step(self._state, int(action), self._params)
        reward, is_terminal, is_truncated = np.asarray(outcome).tolist()
        info = {}
        if is_terminal or is_truncated:
            info = self._game.achievements(self._state)
        return self._observe(symbols), reward, bool(is_terminal), bool(is_truncated), info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws what the player sees, (height, width, 3); None without a render mode."""
        if self.render_mode != "rgb_array" or self._state is None:
            return None
        return np.array(self._game.painter(self._game.frame_tile)(self._state))

    def _observe(self, symbols: Any) -> NDArray[Any]:
        """Copies what the player sees out of JAX, whose arrays can't be written to."""
        return np.array(self._game.painter(self._game.agent_tile)(self._state) if self._shows_pixels else symbols)
