"""Makes Crafter: Gymnasium's API, achievements in the infos, and worlds that depend on the seed alone."""

from __future__ import annotations

import collections
import functools
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
from pufferlib.exceptions import ConfigError
from pufferlib.wrappers import EpisodeStats

DEFAULT = "CrafterReward-v1"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CrafterReward-v1", {}),
    ("CrafterNoReward-v1", {"size": (90, 54), "area": (36, 36), "length": 60}),
)
NUM_ACHIEVEMENTS = 22
FRAME_SIZE = (576, 576)  # pixels of a rendered frame, (width, height)

_OPTIONS: dict[str, Any] = {"size": (64, 64), "view": (9, 9), "area": (64, 64), "length": 10_000, "semantic": False}
_LARGEST_SEED = 2**31
_NUM_ITEMS = 16


def names() -> list[str]:
    """Lists the two environments, with and without rewards."""
    find_package("crafter", "crafter")
    return ["CrafterNoReward-v1", "CrafterReward-v1"]


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes and achievements.

    Args:
        name: one of `names()`.
        render_mode: None or "rgb_array": frames of 576 x 576 pixels.
        options: `size` (64): pixels of the observation, a side or (width, height). `view` (9): tiles that it shows, a
            side or (width, height), the inventory's rows at the bottom included. `area` (64): tiles of the world, a
            side or (width, height). `length` (10000): steps after which an episode is cut; None: never. `semantic`
            (False): adds the whole world's map to the infos, as `info["semantic"]`, (area) uint8.

    Raises:
        UnknownEnvironment: there is no such name.
        ConfigError: there is no such option, or it has a wrong value.
    """
    check_name(name, names())
    check_choice("render_mode", render_mode, (None, "rgb_array"))
    chosen = fill_options(name, options, _OPTIONS)
    for option in ("size", "view", "area"):
        chosen[option] = _pair(option, chosen[option])
    _check_view(chosen["view"], chosen["size"])
    if chosen["length"] is not None:
        check_int("length", chosen["length"], 1, 2**31)
    return GymnasiumPufferEnv(
        env=EpisodeStats(Crafter(reward=name == "CrafterReward-v1", render_mode=render_mode, **chosen))
    )


class Crafter(gymnasium.Env[NDArray[np.uint8], int]):
    """Crafter with Gymnasium's API.

    Observation: pixels, (height, width, 3) uint8. Actions: Discrete(17), named in `action_names`. A death is a
    termination, the end of `length` steps a truncation. Infos of every step: `inventory` and `achievements` (item or
    achievement -> count), `player_pos`, `discount` (0 after a death) and `reward` (the real one, also where the
    environment gives none). The last step of an episode adds `achievement_NAME`, 0 or 1 for each of the 22, and
    `achievements_unlocked`, their sum.

    A seed fixes the world and everything in it: see `_ordered_world`. Without one, worlds differ.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        reward: bool,
        size: tuple[int, int],
        view: tuple[int, int],
        area: tuple[int, int],
        length: int | None,
        semantic: bool,
        render_mode: str | None = None,
    ) -> None:
        """Makes the game; no world is generated before `reset`. Arguments: see `make`."""
        crafter = _import_crafter()
        self.render_mode = render_mode
        # Without a seed Crafter would draw one from NumPy's global generator.
        self._game = crafter.Env(area=area, view=view, size=size, reward=reward, length=length, seed=0)
        self._game._world.__class__ = _ordered_world()
        if not semantic:
            self._game._sem_view = _no_map  # it takes 8 % of a step's time
        self._semantic = semantic
        self._is_seeded = False
        self.action_names = tuple(self._game.action_names)
        width, height = size
        # The game's own space says (width, height, 3), and is a new object, unseeded, at each look.
        self.observation_space = gymnasium.spaces.Box(0, 255, (height, width, 3), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(len(self.action_names))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Generates a new world: the first of `seed`, or the next one."""
        super().reset(seed=seed)
        if seed is not None or not self._is_seeded:
            self._game._seed = int(self.np_random.integers(_LARGEST_SEED))
            self._game._episode = 0
            self._is_seeded = True
        return self._game.reset(), {}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Takes one of the actions."""
        observation, reward, done, info = self._game.step(int(action))
        terminated = info["discount"] == 0
        truncated = bool(done) and not terminated
        info["player_pos"] = info["player_pos"].copy()  # the game's own array
        if not self._semantic:
            del info["semantic"]
        if terminated or truncated:
            unlocked = {f"achievement_{name}": int(count > 0) for name, count in info["achievements"].items()}
            info |= unlocked
            info["achievements_unlocked"] = sum(unlocked.values())
        return observation, float(reward), terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws a frame, (576, 576, 3)."""
        if self.render_mode is None:
            return None
        world = self._game._world
        # By night the game draws noise with the generator that also moves its creatures: a frame must not change them.
        numbers, world.random = world.random, np.random.RandomState(0)
        try:
            frame: NDArray[np.uint8] = self._game.render(FRAME_SIZE)
        finally:
            world.random = numbers
        return frame


class _InOrder(dict[Any, None]):
    """A set that is iterated in the order in which things were added."""

    def add(self, item: Any) -> None:
        """Adds an item."""
        self[item] = None

    def remove(self, item: Any) -> None:
        """Removes an item."""
        del self[item]


@functools.cache
def _ordered_world() -> type:
    """Makes a class of worlds whose creatures are always visited in the same order.

    The original keeps those of a chunk in a set. Its order follows their addresses in memory, and decides which one of
    them disappears: so the same seed gave different games in different processes.
    """
    from crafter import engine

    class OrderedWorld(engine.World):  # type: ignore[misc]  # Crafter has no types
        """A world with ordered chunks."""

        def reset(self, seed: int | None = None) -> None:
            """Empties the world."""
            super().reset(seed)
            self._chunks = collections.defaultdict(_InOrder)

    return OrderedWorld


def _import_crafter() -> ModuleType:
    """Imports Crafter, which looks for gym."""
    with _legacy.gym_alias():
        return import_package("crafter", "crafter")


def _no_map() -> None:
    """Takes the place of the map that nobody asked for."""


def _check_view(view: tuple[int, int], size: tuple[int, int]) -> None:
    """Raises ConfigError where the inventory leaves no room for the world, or a tile would have hardly any pixels."""
    inventory_rows = -(-_NUM_ITEMS // view[0])
    if view[1] <= inventory_rows:
        remedy = f"Give {inventory_rows + 1} or more: the inventory takes {inventory_rows}."
        raise ConfigError("view", f"{view} has too few rows.", remedy)
    if any(pixels < 2 * tiles for pixels, tiles in zip(size, view, strict=True)):
        raise ConfigError("size", f"{size} are too few pixels for {view} tiles.", "Give 2 or more to each tile.")


def _pair(option: str, value: Any) -> tuple[int, int]:
    """Turns a side or (width, height) into the latter."""
    pair = (value, value) if type(value) is int else tuple(value) if isinstance(value, list | tuple) else ()
    if len(pair) != 2 or not all(type(side) is int and side >= 1 for side in pair):
        raise ConfigError(option, f"it can't be {value!r}.", "Give a whole number or a pair (width, height).")
    return pair[0], pair[1]
