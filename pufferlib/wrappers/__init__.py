"""Wrappers to put around an environment before it is emulated.

`EpisodeStats` and `GymToGymnasium` need only Gymnasium. The others are PettingZoo environments, and import PettingZoo
when they are first looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pufferlib.wrappers._episode_stats import EpisodeStats
from pufferlib.wrappers._gym import GymToGymnasium

if TYPE_CHECKING:
    from pufferlib.wrappers._aec import AECToParallel, aec_to_parallel
    from pufferlib.wrappers._multiagent import MeanOverAgents, MultiagentEpisodeStats
    from pufferlib.wrappers._old_pettingzoo import PettingZooTruncatedWrapper

__all__ = [
    "AECToParallel",
    "EpisodeStats",
    "GymToGymnasium",
    "MeanOverAgents",
    "MultiagentEpisodeStats",
    "PettingZooTruncatedWrapper",
    "aec_to_parallel",
]

_LAZY = {
    "AECToParallel": "_aec",
    "aec_to_parallel": "_aec",
    "MeanOverAgents": "_multiagent",
    "MultiagentEpisodeStats": "_multiagent",
    "PettingZooTruncatedWrapper": "_old_pettingzoo",
}


def __getattr__(name: str) -> Any:
    """Imports a PettingZoo wrapper on first use."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from pufferlib.exceptions import MissingDependency

    try:
        module = import_module(f"{__name__}.{_LAZY[name]}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pettingzoo":
            raise
        raise MissingDependency(f"pufferlib.wrappers.{name}", "pettingzoo", "pip install pettingzoo") from error
    value = getattr(module, name)
    globals()[name] = value  # the next look-up is a plain one
    return value


def __dir__() -> list[str]:
    """Lists the lazy names too."""
    return sorted({*globals(), *__all__})
