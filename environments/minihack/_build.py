"""Builds MiniHack's classes, and repairs what doesn't work in MiniHack 1.0.2."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pickle
import random
import shutil
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from pufferlib.environments.nethack._game import KeepsLast, extended
from pufferlib.exceptions import ConfigError


def build_minihack(
    entry_point: str, *, observation_keys: tuple[str, ...], render_mode: str | None, **options: Any
) -> Any:
    """Makes a task, with the observations `observation_keys` at least.

    Raises:
        ConfigError: the task sets one of the options itself, or its level can't be compiled.
    """
    cls: Any = extended(load_env_creator(entry_point), KeepsLast, Repairs)
    if cls.__name__ in ("MiniHackNavigation", "MiniHackSkill"):
        options.setdefault("des_file", plain_room())
    try:
        with python_random(None), repaired_modules():
            env = cls(observation_keys=observation_keys, render_mode=None, **options)
    except TypeError as error:
        for option in options:
            if f"multiple values for keyword argument {option!r}" in str(error):
                raise ConfigError(option, f"{cls.__name__} sets it itself.", "Leave it out.") from error
        raise
    env.render_mode = render_mode
    return env


class Repairs:
    """Mixed into a class of MiniHack."""

    level_seed: int | None = None  # what is drawn outside of NetHack in the next reset starts from it; None: random

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Resets the task; Minigrid's and Boxoban's levels and the choice from `seeds` follow `level_seed`."""
        env: Any = self
        with python_random(self.level_seed):
            if self.level_seed is not None and hasattr(env, "minigrid_env"):
                env.minigrid_env.reset(seed=self.level_seed)
            if hasattr(env, "get_lvl_gen"):  # Boxoban, whose reset takes no seed and looks for goals before it has any
                env._goal_pos_set = None
                gymnasium.Env.reset(env, seed=seed)
                return super().reset(options=options)  # type: ignore[misc]
            return super().reset(seed=seed, options=options)  # type: ignore[misc]

    def _crop_observation(self, array: np.ndarray, place: Any) -> np.ndarray:
        """Cuts a window, where MiniHack's own fails for oblong ones and for descriptions."""
        env: Any = self
        return crop(env.obs_crop_h, env.obs_crop_w, env.obs_crop_pad, array, place)

    def _patch_nhdat(self, des_file: str) -> None:
        """Compiles the level and packs it with what NetHack needs, in a fifth of the time of MiniHack's script.

        MiniHack plays another level if one doesn't compile.
        """
        env: Any = self
        base: Any = importlib.import_module("minihack.base")
        folder, tools = Path(env.nethack._vardir), Path(base.HACKDIR)
        library = folder / "lib"
        if not library.exists():
            shutil.copytree(base.LIB_DIR, library)
        source = library / "mylevel.des"
        source.write_text(find_level(des_file).read_text() if des_file.endswith(".des") else des_file)
        compiled = subprocess.run([tools / "lev_comp", source.name], cwd=library, capture_output=True, text=True)
        source.unlink()
        if compiled.returncode or not (library / "mylevel.lev").exists():
            problem = compiled.stderr.strip() or 'it doesn\'t describe a level called "mylevel".'
            raise ConfigError("des_file", f"the level can't be compiled: {problem}", "Correct it.")
        files = sorted(path.name for path in library.iterdir())
        subprocess.run([tools / "dlb", "cf", "nhdat", *files], cwd=library, check=True, capture_output=True)
        os.replace(library / "nhdat", folder / "nhdat")


def find_level(des_file: str) -> Path:
    """Finds a level by its path, or among those that come with MiniHack."""
    for path in (Path(des_file), Path(importlib.import_module("minihack.base").PATH_DAT_DIR, des_file)):
        if path.is_file():
            return path
    remedy = 'Give a path that ends in ".des", or the level itself.'
    raise ConfigError("des_file", f"there is no file {des_file!r}, and no such level in MiniHack.", remedy)


def plain_room() -> str:
    """Describes a room of 5 x 5 tiles with stairs down."""
    from minihack import LevelGenerator

    level = LevelGenerator(w=5, h=5)
    level.add_goal_pos()
    return str(level.get_des())


def crop(height: int, width: int, pad: int, array: np.ndarray, place: Any) -> np.ndarray:
    """Cuts a window out of a map.

    Args:
        height: of the window, odd.
        width: likewise.
        pad: what stands beyond the map.
        array: (H, W, ...).
        place: (x, y) of the window's middle, inside the map.

    Returns:
        (height, width, ...), a copy.
    """
    left, top = int(place[0]) - width // 2, int(place[1]) - height // 2
    window = np.full((height, width, *array.shape[2:]), pad, array.dtype)
    seen = array[max(top, 0) : top + height, max(left, 0) : left + width]
    below, right = max(-top, 0), max(-left, 0)
    window[below : below + seen.shape[0], right : right + seen.shape[1]] = seen
    return window


@contextlib.contextmanager
def python_random(seed: int | None) -> Iterator[None]:
    """Seeds Python's global random numbers for the time of a block; None: takes random ones."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def repaired_modules() -> Iterator[None]:
    """Lets MiniHack's constructors find, for the time of a block, what works in place of two things that don't.

    Minigrid's environments are made by `make_minigrid`, pixels by `Tiles`.
    """
    minigrid: Any = importlib.import_module("minihack.envs.minigrid")
    base: Any = importlib.import_module("minihack.base")
    gym, mapper = minigrid.gym, base.GlyphMapper
    minigrid.gym, base.GlyphMapper = types.SimpleNamespace(make=make_minigrid), Tiles
    try:
        yield
    finally:
        minigrid.gym, base.GlyphMapper = gym, mapper


def make_minigrid(name: str, **size: int) -> gymnasium.Env[Any, Any]:
    """Makes the Minigrid environment that draws a level, and old versions silently.

    MiniHack asks for the size of the terminal, which only MultiRoom can have; a crossing's grid has the size that its
    name says.
    """
    spec = gymnasium.registry[name]  # by its spec, as the name of an old version gives a warning
    return gymnasium.make(spec, disable_env_checker=True, **(size if "MultiRoom" in name else {}))


class Tiles:
    """Draws glyphs as MiniHack's GlyphMapper does, thirty times as fast, and closes the file that it reads."""

    def __init__(self) -> None:
        self.tiles, self.tile_of_glyph = _load_tiles()

    def to_rgb(self, glyphs: np.ndarray) -> np.ndarray:
        """Returns the picture (16 * H, 16 * W, 3) uint8 of glyphs (H, W)."""
        height, width = glyphs.shape
        pictures = self.tiles[self.tile_of_glyph[glyphs]]  # (H, W, 16, 16, 3)
        return pictures.swapaxes(1, 2).reshape(height * pictures.shape[2], width * pictures.shape[3], 3)


@functools.cache
def _load_tiles() -> tuple[np.ndarray, np.ndarray]:
    """Reads MiniHack's pictures (n, 16, 16, 3) and the number of each glyph's picture."""
    tiles: Any = importlib.import_module("minihack.tiles")
    with Path(tiles.__file__).with_name("tiles.pkl").open("rb") as file:
        pictures = pickle.load(file)
    return np.stack([pictures[i] for i in range(len(pictures))]).astype(np.uint8), np.asarray(tiles.glyph2tile)
