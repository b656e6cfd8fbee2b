"""Makes the games of MPE2: as they are where all agents have the same spaces, padded to common ones where not."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pufferlib.environments._packages import import_package

if TYPE_CHECKING:
    from pufferlib.emulation import PettingZooPufferEnv

DEFAULT = "simple_spread_v3"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("simple_spread_v3", {"max_cycles": 25}),
    ("simple_speaker_listener_v4", {"max_cycles": 25}),
    ("simple_tag_v3", {"max_cycles": 25, "continuous_actions": True}),
    ("simple_world_comm_v3", {"max_cycles": 25}),
    ("simple_reference_v3", {"max_cycles": 25, "continuous_actions": True}),
)


def names() -> list[str]:
    """Lists the games, by the names of their modules."""
    mpe2 = import_package("mpe2", "mpe")
    modules = (item.name for item in pkgutil.iter_modules(mpe2.__path__))
    return sorted(name for name in modules if re.search(r"_v\d+$", name))


def env_creator(name: str = DEFAULT) -> Callable[..., PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> PettingZooPufferEnv:
    """Makes one emulated environment that reports its episodes, for every agent.

    Where agents have different spaces, observations are padded with zeros and get one entry for every kind of agent
    ("adversary", "speaker", ...), and actions that an agent doesn't have count as 0; see `CommonSpaces`.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human". The first two need no display.
        options: handed to the game: `max_cycles` (steps of an episode, 25), `continuous_actions` (False),
            `local_ratio` (share of an agent's own reward in a mix with the team's, 0-1; simple_spread and
            simple_reference), `N` or `num_good`, `num_adversaries`, ... (agents; the game's own names).

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: the game has no such option.
    """
    import_package("pettingzoo", "mpe")
    from pufferlib.emulation import PettingZooPufferEnv
    from pufferlib.environments._multiagent import CommonSpaces, have_common_spaces, parameters_of
    from pufferlib.environments._options import check_name, fill_options
    from pufferlib.environments.mpe._games import FinalNumbers
    from pufferlib.wrappers import MultiagentEpisodeStats

    check_name(name, names())
    module = importlib.import_module(f"mpe2.{name}")
    fill_options(name, options, dict.fromkeys(parameters_of(module.raw_env.__init__)))
    env = FinalNumbers(module.parallel_env(render_mode=render_mode, **options))
    stats = MultiagentEpisodeStats(env)
    if have_common_spaces(stats):
        return PettingZooPufferEnv(env=stats)
    return PettingZooPufferEnv(env=CommonSpaces(stats, kind_of))


def kind_of(agent: str) -> str:
    """Returns the kind of an agent: its name without the number ("adversary_2" is an "adversary")."""
    return agent.rpartition("_")[0]
