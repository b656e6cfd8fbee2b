"""Makes Neural MMO: its presets with any of its systems, maps that are never written to disk, and simple tasks."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pufferlib.environments._packages import import_package

if TYPE_CHECKING:
    from pufferlib.emulation import PettingZooPufferEnv

DEFAULT = "small"
SYSTEMS = (
    "terrain",
    "resource",
    "combat",
    "npc",
    "progression",
    "item",
    "equipment",
    "profession",
    "exchange",
    "communication",
)
_TINY: dict[str, Any] = {"num_agents": 8, "map_center": 16, "num_maps": 2, "horizon": 60, "PLAYER_N_OBS": 20}
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("small", _TINY),
    ("small", {**_TINY, "task": "eat_food", "systems": "terrain,resource,combat,npc"}),
)


def names() -> list[str]:
    """Lists the presets that a machine of today holds many of: "small" and "medium"."""
    _import_nmmo()
    return ["medium", "small"]


def env_creator(name: str = DEFAULT) -> Callable[..., PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT,
    render_mode: str | None = None,
    num_agents: int | None = None,
    map_center: int | None = None,
    num_maps: int = 16,
    horizon: int | None = None,
    systems: str | Sequence[str] = SYSTEMS,
    task: str = "survive",
    task_goal: int = 10,
    task_embedding_size: int = 1,
    **config: Any,
) -> PettingZooPufferEnv:
    """Makes one emulated environment that reports its episodes, for every agent.

    Args:
        name: "small" (64 agents, 32 x 32 tiles, 128 steps) or "medium" (128 agents, 128 x 128 tiles, 1,024 steps).
        render_mode: None or "rgb_array": the whole map, with agents white and NPCs black.
        num_agents: agents that start, 1 to four times `map_center`. None: the preset's.
        map_center: tiles along a side of the land. None: the preset's.
        num_maps: different landscapes; each episode takes one at random.
        horizon: steps after which an episode is cut off. None: the preset's.
        systems: the parts of the game that are switched on, from SYSTEMS; a string separates them by commas.
        task: "survive" (reward: the share of the horizon that has passed), "explore" (the share of the way to the
            map's center), or an event of the package, lower case: "eat_food", "score_hit", "harvest_item", ...
            (1 / `task_goal` for each, up to 1). Death costs 1 in any of them.
        task_goal: number of events that complete the task.
        task_embedding_size: entries of the observation "Task", which are zero for the tasks above. The package's own
            default is 4096.
        config: any attribute of the package's config by its own name, for example `PLAYER_N_OBS=32`. Unlike in the
            package, `MARKET_N_OBS` is three times the number of agents if it isn't given.

    Raises:
        UnknownEnvironment: there is no such preset.
        ConfigError: an option doesn't exist, or the package refuses the combination.
    """
    _import_nmmo()
    from pufferlib.emulation import PettingZooPufferEnv
    from pufferlib.environments._options import check_choice, check_int, check_name
    from pufferlib.environments.nmmo._config import make_config
    from pufferlib.environments.nmmo._tasks import TASKS, make_task_maker
    from pufferlib.environments.nmmo._world import World
    from pufferlib.wrappers import MultiagentEpisodeStats

    check_name(name, names())
    systems = systems.replace(" ", "").split(",") if isinstance(systems, str) else systems
    for system in systems:
        check_choice("systems", system, SYSTEMS)
    check_choice("task", task, TASKS)
    check_int("task_goal", task_goal, 1, 10**9)
    check_int("num_maps", num_maps, 1, 10**6)
    settings = {
        "PLAYER_N": num_agents,
        "MAP_CENTER": map_center,
        "MAP_N": num_maps,
        "HORIZON": horizon,
        "TASK_EMBED_DIM": task_embedding_size,
    }
    built = make_config(name, systems, {**settings, **config})
    world = World(built, make_task_maker(task, task_goal, built), render_mode)
    return PettingZooPufferEnv(env=MultiagentEpisodeStats(world))


def _import_nmmo() -> None:
    """Imports the package; SciPy, which it needs, adds two warning filters that are taken away again."""
    with warnings.catch_warnings():
        import_package("nmmo", "nmmo")
