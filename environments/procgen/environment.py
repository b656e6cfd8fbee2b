"""Makes Procgen's games: one game each, seeded through `reset`, with the ends of episodes told apart."""

from __future__ import annotations

import functools
import sys
import warnings
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments import _legacy
from pufferlib.environments._options import check_choice, check_int, check_name, fill_options
from pufferlib.environments._packages import find_package, import_package
from pufferlib.exceptions import MissingDependency
from pufferlib.wrappers import EpisodeStats

DEFAULT = "coinrun"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("coinrun", {"distribution_mode": "easy"}),
    ("bigfish", {}),
    ("maze", {"distribution_mode": "memory", "num_levels": 1, "start_level": 7}),
)

_GAMES = (
    *("bigfish", "bossfight", "caveflyer", "chaser", "climber", "coinrun", "dodgeball", "fruitbot"),
    *("heist", "jumper", "leaper", "maze", "miner", "ninja", "plunder", "starpilot"),
)

# Steps after which a game is over, 1,000 for the others. Games don't tell; a test reads them from saved states.
TIME_LIMITS = {"bigfish": 6000, "bossfight": 4000, "leaper": 500, "maze": 500, "plunder": 4000}
TIME_LIMIT = 1000

# The game's library ends the whole process when it is asked for a mode that a game doesn't have.
_MODES = {
    "extreme": {"chaser", "dodgeball", "leaper", "starpilot"},
    "memory": {"caveflyer", "dodgeball", "heist", "jumper", "maze", "miner"},
    "exploration": {"caveflyer", "climber", "coinrun", "heist", "jumper", "leaper", "maze", "ninja"},
}
_OPTIONS: dict[str, Any] = {
    "num_levels": 0,
    "start_level": 0,
    "distribution_mode": "hard",
    "use_backgrounds": True,
    "restrict_themes": False,
    "use_sequential_levels": False,
    "paint_vel_info": False,
    "use_generated_assets": False,
    "use_monochrome_assets": False,
    "center_agent": True,
    "debug_mode": 0,
}
_LARGEST_INT = 2**31 - 1


def names() -> list[str]:
    """Lists the sixteen games."""
    find_package("procgen", "procgen")
    return list(_GAMES)


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated game that reports its episodes.

    Args:
        name: one of `names()`.
        render_mode: None, or "rgb_array": frames of 512 x 512 pixels; drawing them slows each step down.
        options: Procgen's own, with its own defaults. `num_levels` (0): how many different levels there are, 0 for all.
            `start_level` (0): the first of them. `distribution_mode` ("hard"): "easy" or "hard" for all games; for some
            "extreme", "memory" or "exploration" (one hard level; it takes neither `num_levels` nor `start_level`).
            `use_sequential_levels` (False): a solved level is followed by another in the same episode. Looks:
            `use_backgrounds` (True), `restrict_themes`, `use_generated_assets`, `use_monochrome_assets`,
            `paint_vel_info` (False; the velocity as grey squares), `center_agent` (True). `debug_mode` (0): an int that
            games use as they like.

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: there is no such option, or it has a wrong value.
        MissingDependency: Procgen, or a system library that it needs, isn't installed.
    """
    check_name(name, names())
    check_choice("render_mode", render_mode, (None, "rgb_array"))
    chosen = fill_options(name, options, _OPTIONS)
    modes = ["easy", "hard", *(mode for mode, games in _MODES.items() if name in games)]
    check_choice("distribution_mode", chosen["distribution_mode"], modes)
    for option in ("num_levels", "start_level", "debug_mode"):
        check_int(option, chosen[option], 0, _LARGEST_INT)
    if chosen["distribution_mode"] == "exploration":
        for option in ("num_levels", "start_level"):
            check_choice(option, chosen.pop(option), (_OPTIONS[option],))
    return GymnasiumPufferEnv(env=EpisodeStats(ProcgenEnv(name, render_mode, chosen)))


class ProcgenEnv(gymnasium.Env[NDArray[np.uint8], int]):
    """One game of Procgen with Gymnasium's API.

    Observation: pixels, (64, 64, 3) uint8. Actions: Discrete(15), the combinations of keys in `key_combinations`.

    The game starts its next level by itself: with the reward of an episode's last step comes the first observation of
    the next episode. It is kept for `reset`, and the last step shows the episode's last picture but one again.

    An episode that ends at the game's time limit without a solved level is truncated, any other is terminated. The
    infos of a reset have `level_seed`, those of an end (with sequential levels, of every step) `prev_level_seed`,
    `prev_level_complete` (0 or 1) and `level_seed`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(self, name: str, render_mode: str | None, options: dict[str, Any]) -> None:
        """Makes the game.

        Args:
            name: the game's.
            render_mode: None or "rgb_array".
            options: of ProcgenGym3Env.
        """
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(0, 255, (64, 64, 3), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(15)
        self.time_limit = TIME_LIMITS.get(name, TIME_LIMIT)
        self._is_sequential = options["use_sequential_levels"]
        self._create = functools.partial(
            _import_procgen().ProcgenGym3Env,
            num=1,
            env_name=name,
            num_threads=0,  # in the caller's thread
            render_mode=render_mode,
            **options,
        )
        self._action = np.zeros(1, np.int32)
        self._is_fresh = True  # no step since the game began the episode
        self._num_steps = 0  # in the level
        self._game = self._new_game(int(np.random.SeedSequence().generate_state(1)[0]) & _LARGEST_INT)
        # At the end of the interpreter a game that nobody closed would fail in its own __del__, and print that.
        self._open_games = [self._game]
        weakref.finalize(self, _close_all, self._open_games)
        self.key_combinations = tuple(self._game.get_combos())

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Shows the first picture of the next level; a seed begins a new row of levels, in a new game."""
        super().reset(seed=seed)
        if seed is not None:
            self._game.close()
            self._game = self._new_game(int(self.np_random.integers(_LARGEST_INT)))
            self._open_games[:] = [self._game]
        elif not self._is_fresh:
            self._act(-1)  # gives up: the game's own sign for it
        self._is_fresh, self._num_steps = True, 0
        _, seen, _ = self._game.observe()
        self._seen = seen["rgb"][0]
        return self._seen, {"level_seed": int(self._game.get_info()[0]["level_seed"])}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Holds one of the combinations of keys for a step."""
        self._act(action)
        rewards, seen, first = self._game.observe()
        reward, is_over = float(rewards[0]), bool(first[0])
        self._is_fresh = is_over
        self._num_steps += 1
        info = self._level_info() if is_over or self._is_sequential else {}
        if not is_over:
            if info.get("prev_level_complete"):
                self._num_steps = 0
            self._seen = seen["rgb"][0]
            return self._seen, reward, False, False, info
        truncated = self._num_steps >= self.time_limit and not info["prev_level_complete"]
        self._num_steps = 0
        return self._seen.copy(), reward, not truncated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """Shows the picture that people see, (512, 512, 3); after an end, that of the next level."""
        if self.render_mode is None:
            return None
        frame: NDArray[np.uint8] = self._game.get_info()[0]["rgb"]
        return frame

    def close(self) -> None:
        """Frees the game."""
        self._game.close()

    def _level_info(self) -> dict[str, int]:
        info = self._game.get_info()[0]
        return {name: int(info[name]) for name in ("prev_level_seed", "prev_level_complete", "level_seed")}

    def _act(self, action: Any) -> None:
        self._action[0] = action
        self._game.act(self._action)

    def _new_game(self, seed: int) -> Any:
        """Makes the game with a seed, which decides the order of its levels.

        Raises:
            MissingDependency: the game's library doesn't find one of the system's.
        """
        try:
            return self._create(rand_seed=seed)
        except OSError as error:
            packages = "apt-get install libgl1 libglib2.0-0"
            raise MissingDependency("procgen", str(error), packages) from error


def _close_all(games: list[Any]) -> None:
    """Frees games."""
    for game in games:
        game.close()


def _import_procgen() -> ModuleType:
    """Imports Procgen, which imports gym, adds its builder's home to the import path, and leaves a file open."""
    path = list(sys.path)
    try:
        with _legacy.gym_alias(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            return import_package("procgen", "procgen")
    finally:
        sys.path[:] = path
