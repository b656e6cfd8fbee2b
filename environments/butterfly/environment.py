"""Makes PettingZoo's Butterfly games, each with what it needs to be seen, seeded and emulated."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pufferlib.environments._packages import import_package, missing

if TYPE_CHECKING:
    from pufferlib.emulation import PettingZooPufferEnv

DEFAULT = "knights_archers_zombies_v11"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("knights_archers_zombies_v11", {"max_cycles": 300}),
    ("knights_archers_zombies_v11", {"obs_method": "vector-sequence", "num_knights": 1, "max_cycles": 200}),
    ("cooperative_pong_v6", {"max_cycles": 100}),
    ("pistonball_v6", {"n_pistons": 5, "max_cycles": 40}),
    ("pistonball_v6", {"n_pistons": 5, "max_cycles": 40, "continuous": False}),
)
_NAMESPACE = "butterfly/"
_SEEN_THROUGH_THE_RENDERER = ("cooperative_pong", "pistonball")


def names() -> list[str]:
    """Lists the games, by the names of their modules; the registry writes "-v6" where they say "_v6"."""
    pettingzoo = import_package("pettingzoo", "butterfly")
    games = [name.removeprefix(_NAMESPACE) for name in pettingzoo.parallel_registry if name.startswith(_NAMESPACE)]
    return sorted("_v".join(game.rsplit("-v", 1)) for game in games)


def env_creator(name: str = DEFAULT) -> Callable[..., PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> PettingZooPufferEnv:
    """Makes one emulated environment that reports its episodes, for every agent.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human". None and "rgb_array" need no display and set no SDL variable.
        options: handed to the game, for example `obs_method="image"` or `n_pistons`.
    """
    pettingzoo = import_package("pettingzoo", "butterfly")
    from pettingzoo.env_registry.exceptions import FailedToImport

    from pufferlib.emulation import PettingZooPufferEnv
    from pufferlib.environments.butterfly._games import Knights
    from pufferlib.wrappers import MultiagentEpisodeStats

    # Two games draw nothing into their own observations unless they are also asked for frames.
    if render_mode is None and name.startswith(_SEEN_THROUGH_THE_RENDERER):
        render_mode = "rgb_array"
    writes_bytecode = sys.dont_write_bytecode
    try:
        env = pettingzoo.make("parallel", _NAMESPACE + name, render_mode=render_mode, **options)
    except FailedToImport as error:
        cause = error.__cause__
        raise missing((isinstance(cause, ImportError) and cause.name) or "pygame", "butterfly") from error
    finally:
        # The knights' module turns bytecode off for the whole process when it is imported.
        sys.dont_write_bytecode = writes_bytecode
    if name.startswith("knights_archers_zombies"):
        env = Knights(env)
    return PettingZooPufferEnv(env=MultiagentEpisodeStats(env))
