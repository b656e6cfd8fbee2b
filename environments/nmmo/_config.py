"""Builds the configs of Neural MMO, and its landscapes in memory. Imports nmmo, so only `make` imports this file."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nmmo.core import config as presets
from nmmo.core.terrain import MapGenerator, Terrain
from nmmo.lib import material
from numpy.typing import NDArray

from pufferlib.environments._options import fill_options
from pufferlib.exceptions import ConfigError

_BORDER = 16  # tiles of void on each side, as in the package's presets; more than an agent sees
_PER_TILE = ("NPC_N", "PROGRESSION_SPAWN_CLUSTERS", "PROGRESSION_SPAWN_UNIFORMS")  # as dense on any map
_MIXINS = {"npc": "NPC"}


def make_config(name: str, systems: Sequence[str], settings: Mapping[str, Any]) -> presets.Config:
    """Builds a preset with some systems switched on and some attributes changed.

    Args:
        name: "small" or "medium".
        systems: from SYSTEMS of environment.py.
        settings: attribute -> value; None keeps the preset's.

    Raises:
        ConfigError: there is no such attribute, or the package refuses the combination.
    """
    if "profession" in systems and "equipment" not in systems:  # harvests are made of what equipment can do
        raise ConfigError("systems", "'profession' doesn't run without 'equipment'.", "Add it.")
    changes = {key: value for key, value in settings.items() if value is not None}
    mixins = [getattr(presets, _MIXINS.get(system, system.capitalize())) for system in systems]
    attributes: dict[str, Any] = {"MAP_GENERATOR": Landscapes}
    preset = getattr(presets, name.capitalize())
    if "MAP_CENTER" in changes:
        attributes["MAP_SIZE"] = int(changes["MAP_CENTER"]) + 2 * _BORDER
        scale = (int(changes["MAP_CENTER"]) / preset.MAP_CENTER) ** 2
        for key in _PER_TILE:
            attributes[key] = max(1, round(getattr(preset, key) * scale))
    try:
        config = type("Config", (preset, *mixins), attributes)()
    except AssertionError as error:
        raise ConfigError("systems", f"{tuple(systems)}: {error}.", "Add what is missing.") from error
    if "exchange" in systems:  # the package has 384 for any number of agents
        changes.setdefault("MARKET_N_OBS", 3 * changes.get("PLAYER_N", preset.PLAYER_N))
    fill_options(name, changes, dict.fromkeys(config.keys()))
    for key, value in changes.items():
        config.set(key, value)
    _check(config)
    return config


def _check(config: Any) -> None:
    """Checks what the package would only notice later, or never."""
    places = 4 * config.MAP_CENTER
    if not 1 <= config.PLAYER_N <= places:
        raise ConfigError("num_agents", f"it is {config.PLAYER_N}.", f"This map takes 1 to {places}.")
    if not 1 <= config.HORIZON < config.MAX_HORIZON:
        raise ConfigError("horizon", f"it is {config.HORIZON}.", f"Choose 1 to {config.MAX_HORIZON - 1}.")
    if config.MAP_CENTER < 16 or config.MAP_CENTER % 2:
        raise ConfigError("map_center", f"it is {config.MAP_CENTER}.", "Choose an even number from 16 on.")
    if config.MAP_BORDER <= config.PLAYER_VISION_RADIUS:
        remedy = f"Choose less than {config.MAP_BORDER}."
        raise ConfigError("PLAYER_VISION_RADIUS", f"it is {config.PLAYER_VISION_RADIUS}.", remedy)


class Landscapes(MapGenerator):  # type: ignore[misc]
    """Makes landscapes when they are needed and keeps them in memory; the package writes all of them to files first.

    The landscape of a number is the same in every process: it depends on nothing but the config.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self.interpolaters = None
        for tile in material.All:
            setattr(Terrain, tile.tex.upper(), tile.index)  # what the package does while it loads its textures
        self.load = functools.cache(self._make)

    def generate_all_maps(self, seed: int | None = None) -> None:
        """Makes none yet."""

    def _make(self, map_id: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the materials and the height of every tile, (size, size) both; `map_id` counts from 0."""
        height, tiles = self.generate_map(map_id, np.random.default_rng(map_id))
        return tiles.astype(np.int64), height.astype(np.float16).astype(np.float64)  # as from the package's files
