"""Neural MMO as a clean Parallel environment. Imports nmmo, so only `make` imports this file."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import nmmo
import numpy as np
from nmmo.core.action import Action
from nmmo.core.observation import BasicObs, Observation
from nmmo.datastore.numpy_datastore import NumpyTable
from nmmo.entity.entity import EntityState
from nmmo.lib import event_code, material
from nmmo.lib.event_log import EventAttr, EventState
from numpy.typing import NDArray

Agents = dict[int, Any]  # one value an agent
_ENTITY = EntityState.State.attr_name_to_col
_ACTION_SETTINGS = ("PROVIDE_NOOP_ACTION_TARGET", "PRICE_N_OBS", "COMMUNICATION_NUM_TOKENS")
_TOOLED = (material.Ore, material.Tree, material.Crystal)  # their drops are built once for a process
_COUNTED = {
    "ate": event_code.EventCode.EAT_FOOD,
    "drank": event_code.EventCode.DRINK_WATER,
    "hits": event_code.EventCode.SCORE_HIT,
    "harvested": event_code.EventCode.HARVEST_ITEM,
    "equipped": event_code.EventCode.EQUIP_ITEM,
    "consumed": event_code.EventCode.CONSUME_ITEM,
    "listed": event_code.EventCode.LIST_ITEM,
    "bought": event_code.EventCode.BUY_ITEM,
}
_COLORS = {
    "void": (20, 20, 24),
    "water": (52, 108, 190),
    "grass": (86, 148, 62),
    "scrub": (150, 158, 92),
    "foilage": (30, 98, 40),
    "stone": (120, 120, 124),
    "slag": (92, 74, 66),
    "ore": (190, 122, 66),
    "stump": (118, 88, 52),
    "tree": (20, 66, 30),
    "fragment": (140, 116, 160),
    "crystal": (196, 92, 220),
    "weeds": (116, 140, 84),
    "herb": (230, 206, 84),
    "ocean": (30, 60, 130),
    "fish": (120, 190, 230),
}
_PIXELS = 8  # a side of a tile in a frame


class Table(NumpyTable):  # type: ignore[misc]
    """Keeps what is too large for 16 bits at the largest number; NumPy 2 raises an error there."""

    def update(self, row_id: int, col: int, value: Any) -> None:
        """Writes a value."""
        try:
            self._data[row_id, col] = value
        except OverflowError:
            limits = np.iinfo(self._data.dtype)
            self._data[row_id, col] = min(max(value, limits.min), limits.max)


class Few(BasicObs):  # type: ignore[misc]
    """Keeps the first things of a list that is longer than the observation; the package fails on it."""

    def update(self, values: NDArray[np.int16]) -> None:
        """Takes the things that there are, (N, F)."""
        super().update(values[: self.obs_dim])


class Near(BasicObs):  # type: ignore[misc]
    """Keeps the nearest entities, and so the agent itself, where more are in sight than the observation holds."""

    agent_id: int

    def update(self, values: NDArray[np.int16]) -> None:
        """Takes the entities that there are, (N, F)."""
        if len(values) > self.obs_dim:
            places = values[:, [_ENTITY["row"], _ENTITY["col"]]].astype(np.int64)
            is_own = values[:, self.id_col] == self.agent_id
            distances = np.abs(places - places[is_own]).max(1) - is_own  # the agent goes before others on its tile
            values = values[np.sort(np.argsort(distances, kind="stable")[: self.obs_dim])]
        super().update(values)


class World(nmmo.Env):  # type: ignore[misc]
    """Neural MMO with fresh episodes, infos that hold numbers, and frames.

    Observations are views of the game's own arrays until the next step; emulation copies them.
    """

    def __init__(self, config: Any, make_tasks: Callable[[], list[Any]], render_mode: str | None) -> None:
        """Makes the world.

        Args:
            config: from `make_config`.
            make_tasks: gives every agent its task for an episode.
            render_mode: None or "rgb_array".
        """
        super().__init__(config)
        self.metadata = {"render_modes": ["rgb_array"], "name": "neural_mmo", "render_fps": 5}
        self.render_mode = render_mode
        self._make_tasks = make_tasks
        self._action_key = [getattr(config, name, None) for name in _ACTION_SETTINGS], config.enabled_systems
        Action.hooked_for = self._action_key  # by the package, a moment ago
        self._drops = [None] * len(_TOOLED)
        self._landscapes = config.MAP_GENERATOR(config)
        for table in self.realm.datastore._tables.values():
            table.__class__ = Table
        for agent, observation in self.obs.items():
            observation.entities.__class__, observation.entities.agent_id = Near, agent
            for part in (observation.market, observation.comm):
                if part is not None:
                    part.__class__ = Few
        self.realm.event_log.update = _do_nothing  # it would scan all events for a cache that nothing here reads

    @functools.cached_property
    def _obs_space(self) -> gymnasium.Space[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the bounds of "Task" aren't exact in float16
            return nmmo.Env._obs_space.func(self)

    def observation_space(self, agent: int) -> gymnasium.Space[Any]:
        """Returns the space that all agents share. The package's cache would keep every world for ever."""
        return self._obs_space

    def action_space(self, agent: int) -> gymnasium.Space[Any]:
        """Returns the space that all agents share."""
        return self._atn_space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Starts an episode that depends on the random numbers only, not on the episodes before."""
        self._take_turn(fresh=True)
        self.realm.map.pathfinding_cache.clear()  # paths on the last episode's map
        options = {"make_task_fn": self._make_tasks, **(options or {})}
        observations, _ = super().reset(None if seed is None else int(seed), options)
        self._drops = [tile.table for tile in _TOOLED]
        return observations, {agent: {} for agent in observations}

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Steps the world; only agents that end get infos, with what they have done."""
        self._take_turn()
        observations, rewards, terminations, truncations, infos = super().step(actions)
        ended = [agent for agent in terminations if terminations[agent] or truncations[agent]]
        infos = {agent: {} for agent in observations}
        if ended:
            events = EventState.Query.table(self.realm.datastore)
            infos.update({agent: self._summary(agent, events) for agent in ended})
        rewards = {agent: float(rewards.get(agent, 0)) for agent in observations}
        return observations, rewards, terminations, truncations, infos

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the land with the agents in white and NPCs in black, (height, width, 3) uint8."""
        if self.render_mode != "rgb_array":
            return None
        border = self.config.MAP_BORDER - 1
        tiles = np.array(
            [[tile.material_id.val for tile in row[border:-border]] for row in self.realm.map.tiles[border:-border]]
        )
        colors = np.array([_COLORS[tile.tex] for tile in sorted(material.All, key=lambda tile: tile.index)], np.uint8)
        frame = colors[tiles].repeat(_PIXELS, 0).repeat(_PIXELS, 1)
        for group, color in ((self.realm.npcs, 0), (self.realm.players, 255)):
            for entity in group.values():
                row, column = ((place - border) * _PIXELS for place in entity.pos)
                frame[row + 1 : row + _PIXELS - 1, column + 1 : column + _PIXELS - 1] = color
        return frame

    def close(self) -> None:
        """Lets go of what the package's caches hold."""
        Observation.entity.cache_clear()
        Observation.tile.cache_clear()

    def _take_turn(self, fresh: bool = False) -> None:
        """Sets what the package keeps for the whole process to what this world's config says."""
        for tile, drops in zip(_TOOLED, [None] * len(_TOOLED) if fresh else self._drops, strict=True):
            tile.table = drops
        if Action.__dict__.get("hooked_for") != self._action_key:
            Action.hook(self.config)
            Action.hooked_for = self._action_key

    def _load_map_file(self, map_id: int | None = None) -> dict[str, NDArray[Any]]:
        """Returns a landscape, by its number from 1 on or at random."""
        tiles, height = self._landscapes.load((map_id or int(self._np_random.integers(self.config.MAP_N)) + 1) - 1)
        return {"map": tiles.copy(), "fractal": height.copy()}

    def _summary(self, agent: int, events: NDArray[np.int16]) -> dict[str, float]:
        """Sums up what an agent has done in the episode."""
        player = self._dead_this_tick.get(agent) or self.realm.players[agent]
        own = events[events[:, EventAttr["ent_id"]] == agent][:, EventAttr["event"]]
        task = player.my_task
        return {
            "survived": float(agent not in self._dead_this_tick),
            "task_progress": float(task.progress),
            "task_completed": float(task.completed),
            "exploration": float(player.history.exploration),
            "kills": float(player.history.player_kills),
            "damage_dealt": float(player.history.damage_inflicted),
            "damage_taken": float(player.history.damage_received),
            "level": float(player.level),
            "gold": float(player.gold.val),
            **{name: float((own == code).sum()) for name, code in _COUNTED.items()},
        }


def _do_nothing() -> None:
    """Replaces a method."""
