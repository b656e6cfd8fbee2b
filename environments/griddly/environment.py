"""Makes Griddly's games, for one player and for more, by the names under which Griddly registers them."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pufferlib.environments import _legacy
from pufferlib.environments._options import check_choice, check_int, check_name, fill_options
from pufferlib.environments._packages import find_package, import_package
from pufferlib.exceptions import MissingDependency

if TYPE_CHECKING:
    from pufferlib.emulation import GymnasiumPufferEnv, PettingZooPufferEnv

DEFAULT = "GDY-Spiders-v0"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("GDY-Spiders-v0", {}),
    ("GDY-Zelda-v0", {"level": 1, "max_steps": 60}),
    ("GDY-Robot-Tag-4v4-v0", {"max_steps": 50}),
    ("GDY-GriddlyRTS-v0", {"max_steps": 50}),
)

_OPTIONS: dict[str, Any] = {"level": 0, "observer": "vector", "max_steps": 1000}
_NAME = re.compile(r"^Environment:\n\s+Name: *(.+?) *$", re.MULTILINE)


def names() -> list[str]:
    """Lists all games that come with Griddly, by the ids under which it registers them."""
    return sorted(_files())


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv | PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT, render_mode: str | None = None, **options: Any
) -> GymnasiumPufferEnv | PettingZooPufferEnv:
    """Makes one emulated game that reports its episodes, for each player if there are more than one.

    Args:
        name: one of `names()`.
        render_mode: None or "rgb_array": frames of the whole grid, of sprites where Vulkan finds a device, otherwise of
            coloured squares.
        options: `level` (0): which of the game's levels. `observer` ("vector"): what players see; "sprite", "block" and
            "isometric" are pixels, for games that describe them, and need Vulkan. `max_steps` (1000): steps after which
            an episode is cut; None: never, though many games can come to a point where nothing ends them.

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: there is no such option, or it has a wrong value.
        MissingDependency: Griddly isn't installed, or Vulkan finds no device to draw the observations.
    """
    files = _files()
    check_name(name, files)
    check_choice("render_mode", render_mode, (None, "rgb_array"))
    chosen = fill_options(name, options, _OPTIONS)
    text = files[name].read_text(encoding="utf-8")
    check_choice("observer", chosen["observer"], ["vector", *_pixel_observers(text)])
    check_int("level", chosen["level"], 0, _num_levels(text) - 1)
    if chosen["max_steps"] is not None:
        check_int("max_steps", chosen["max_steps"], 1, 2**31)
    frames = _choose_frames(chosen["observer"], render_mode, text)

    import_package("pettingzoo", "griddly")
    _import_griddly()
    import_package("pettingzoo", "griddly")
    from pufferlib.emulation import GymnasiumPufferEnv, PettingZooPufferEnv
    from pufferlib.environments.griddly._games import Game, GriddlyEnv, GriddlyParallel
    from pufferlib.wrappers import EpisodeStats, MultiagentEpisodeStats

    game = Game(files[name], chosen["level"], chosen["observer"], frames, chosen["max_steps"])
    if game.num_players == 1:
        return GymnasiumPufferEnv(env=EpisodeStats(GriddlyEnv(game, render_mode)))
    return PettingZooPufferEnv(env=MultiagentEpisodeStats(GriddlyParallel(game, name, render_mode)))


def _choose_frames(observer: str, render_mode: str | None, text: str) -> str:
    """Picks the observer that draws frames.

    Raises:
        MissingDependency: players see pixels, and nothing can draw them.
    """
    from pufferlib.environments.griddly._vulkan import APT_COMMAND, has_vulkan

    if observer != "vector" and not has_vulkan():
        raise MissingDependency(f"observer={observer!r}", "libvulkan.so.1 with a device", APT_COMMAND)
    if render_mode is None:
        return "vector"
    if observer != "vector":
        return observer
    drawn = _pixel_observers(text)
    return drawn[0] if drawn and has_vulkan() else "vector"


def _pixel_observers(text: str) -> list[str]:
    """Lists the pixel observers for which a game's file says how its objects look."""
    objects = text.partition("\nObjects:")[2]
    described = {"sprite": "Sprite2D:", "block": "Block2D:", "isometric": "Isometric:"}
    return [observer for observer, heading in described.items() if heading in objects]


def _num_levels(text: str) -> int:
    """Counts the levels in a game's file."""
    levels = text.partition("Levels:")[2].partition("\nActions:")[0]
    return len(re.findall(r"^\s*- \|", levels, re.MULTILINE))


def _files() -> dict[str, Path]:
    """Finds the files of all games: {id: path}."""
    return _find_files(find_package("griddly", "griddly"))


@functools.cache
def _find_files(folder: Path) -> dict[str, Path]:
    """Reads the names of the games below Griddly's folder."""
    files = {}
    for path in sorted(folder.glob("resources/games/**/*.yaml")):
        name = _NAME.search(path.read_text(encoding="utf-8"))
        assert name is not None, path
        files[f"GDY-{name[1].replace(' ', '-')}-v0"] = path
    return files


def _import_griddly() -> ModuleType:
    """Imports Griddly, which imports gym and adds two folders to the import path."""
    path = list(sys.path)
    try:
        with _legacy.gym_alias():
            return import_package("griddly", "griddly")
    finally:
        sys.path[:] = path
