"""Makes the games of MAgent2: as they are where all agents have the same spaces, padded to common ones where not."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pufferlib.environments._packages import import_package

if TYPE_CHECKING:
    from pufferlib.emulation import PettingZooPufferEnv

DEFAULT = "battle_v4"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("battle_v4", {"map_size": 16, "max_cycles": 60}),
    ("battle_v4", {"map_size": 12, "max_cycles": 60, "minimap_mode": True, "extra_features": True}),
    ("adversarial_pursuit_v4", {"map_size": 12, "max_cycles": 60}),
    ("combined_arms_v6", {"map_size": 16, "max_cycles": 60}),
    ("tiger_deer_v4", {"map_size": 12, "max_cycles": 60}),
)
# The constructor's seed would be overwritten by `reset`; "size" is what one game calls the size of its map inside.
_NOT_OPTIONS = ("render_mode", "seed", "size")


def names() -> list[str]:
    """Lists the games, by the names of their modules."""
    with quiet_threads():
        games = import_package("magent2.environments", "magent")
    modules = (item.name for item in pkgutil.iter_modules(games.__path__))
    return sorted(name for name in modules if re.search(r"_v\d+$", name))


def env_creator(name: str = DEFAULT) -> Callable[..., PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> PettingZooPufferEnv:
    """Makes one emulated environment that reports its episodes, for every agent.

    Where agents have different spaces, observations are padded with zeros around and get one channel for every kind of
    agent ("melee", "ranged", ...), and actions that an agent doesn't have count as doing nothing; see `CommonSpaces`.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human". The first two need no display.
        options: handed to the game: `map_size` (tiles along a side, which also sets the number of agents; gather_v5
            has none), `max_cycles` (steps of an episode), `minimap_mode` and `extra_features` (more channels), and the
            game's own rewards, for example `attack_penalty`.

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: the game has no such option.
    """
    import_package("pettingzoo", "magent")
    from pufferlib.emulation import PettingZooPufferEnv
    from pufferlib.environments._multiagent import CommonSpaces, have_common_spaces, parameters_of
    from pufferlib.environments._options import check_name, fill_options
    from pufferlib.environments.magent._games import IDLE_ACTIONS, Battle
    from pufferlib.wrappers import MultiagentEpisodeStats

    check_name(name, names())
    folder = name.rpartition("_")[0]
    game = importlib.import_module(f"magent2.environments.{folder}.{folder}")
    known = parameters_of(game.parallel_env, game.get_config)
    fill_options(name, options, {option: None for option in known if option not in _NOT_OPTIONS})
    stats = MultiagentEpisodeStats(Battle(game.parallel_env(render_mode=render_mode, **options)))
    if have_common_spaces(stats):
        return PettingZooPufferEnv(env=stats)
    return PettingZooPufferEnv(env=CommonSpaces(stats, kind_of, IDLE_ACTIONS))


def kind_of(agent: str) -> str:
    """Returns the kind of an agent: its name without number and colour ("redmelee_3" is "melee")."""
    return agent.rpartition("_")[0].removeprefix("red").removeprefix("blue")


@contextlib.contextmanager
def quiet_threads() -> Iterator[None]:
    """Lets MAgent2's engine load with one thread and without the variable that it sets for the whole process.

    It would take half of all cores in every process, and workers would crowd each other out. Who sets OMP_NUM_THREADS
    gets that many.
    """
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        os.environ.pop("OMP_NUM_THREADS", None)
