"""Makes highway-env's environments: fixed spaces, own traffic, frames that need no display."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._gymnasium import names_in
from pufferlib.environments._options import check_name, fill_options
from pufferlib.environments._packages import import_package
from pufferlib.environments._variables import same_variables
from pufferlib.environments.highway._driving import Driving
from pufferlib.wrappers import EpisodeStats

if TYPE_CHECKING:
    from pufferlib.emulation import PettingZooPufferEnv

DEFAULT = "highway-fast-v0"
_QUICK = {"lanes_count": 2, "vehicles_count": 3, "duration": 8, "simulation_frequency": 4}
_PIXELS = {"type": "GrayscaleObservation", "observation_shape": (64, 32), "stack_size": 2, "weights": [0.3, 0.6, 0.1]}
_EMPTY = {"initial_vehicle_count": 1, "spawn_probability": 0}
_RAYS = {"type": "MultiAgentObservation", "observation_config": {"type": "LidarObservation", "cells": 8}}
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("highway-fast-v0", {"config": _QUICK}),
    ("highway-fast-v0", {"config": {**_QUICK, "observation": _PIXELS}}),
    ("lane-keeping-v0", {"max_episode_steps": 50}),
    (
        "intersection-multi-agent-v2",
        {"config": {**_EMPTY, "duration": 6, "simulation_frequency": 4, "observation": _RAYS}},
    ),
)
_TRAFFIC = "pufferlib.environments.highway._traffic.IntersectionTraffic"
_PREFIX = "highway_env."


def names() -> list[str]:
    """Lists all ids that highway-env registers."""
    _register()
    return names_in(_PREFIX)


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv | PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT, render_mode: str | None = None, config: dict[str, Any] | None = None, **options: Any
) -> GymnasiumPufferEnv | PettingZooPufferEnv:
    """Makes one emulated environment that reports its episodes.

    "intersection-multi-agent-v1" and "-v2" have one agent a vehicle, all others one agent. The info of an episode's
    last step also holds `crashed` (0 or 1), `mean_speed` (m/s) and, where there is a goal, `is_success` (0 or 1).

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human". None and "rgb_array" need no display.
        config: entries over the environment's own configuration, for example {"lanes_count": 3, "duration": 20} (s) or
            {"observation": {"type": "OccupancyGrid"}}. An entry that is a dict replaces the whole entry.
        options: handed to `gymnasium.make`, for example `max_episode_steps`.

    Raises:
        UnknownEnvironment: there is no such id.
        ConfigError: the environment's configuration has no such entry.
    """
    _register()
    check_name(name, names_in(_PREFIX))
    config = dict(config or {})
    if name.startswith("intersection"):
        config.setdefault("other_vehicles_type", _TRAFFIC)
        options["config"] = {"other_vehicles_type": config["other_vehicles_type"]}  # it resets itself when it is made
    env = gymnasium.make(name, disable_env_checker=True, **options)
    fill_options(name, config, env.unwrapped.config)
    if gymnasium.spec(name).additional_wrappers:  # rewards and ends of its own for every vehicle
        with same_variables():  # PettingZoo sets some, too
            from pufferlib.emulation import PettingZooPufferEnv
            from pufferlib.environments.highway._vehicles import Vehicles
            from pufferlib.wrappers import MultiagentEpisodeStats

        return PettingZooPufferEnv(env=MultiagentEpisodeStats(Vehicles(env.unwrapped, config, render_mode)))
    return GymnasiumPufferEnv(env=EpisodeStats(Driving(env, config, render_mode)))


def _register() -> None:
    """Imports highway-env, which registers its ids, and takes back the variable that it sets."""
    with same_variables():
        import_package("highway_env", "highway")
