"""What adapters of Gymnasium's own environments share."""

from __future__ import annotations

from typing import Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._display import OffScreen
from pufferlib.wrappers import EpisodeStats


def names_in(package: str) -> list[str]:
    """Lists the registered ids whose code is in a package."""
    return sorted(name for name, spec in gymnasium.registry.items() if str(spec.entry_point).startswith(package))


def make_registered(name: str, render_mode: str | None, **options: Any) -> GymnasiumPufferEnv:
    """Makes a registered environment, emulated, with episode statistics, and with frames that need no display.

    Args:
        name: an id of Gymnasium's registry.
        render_mode: None, "rgb_array" or "human".
        options: handed to `gymnasium.make`, for example `max_episode_steps`.
    """
    # The passive checker costs as much as a step of CartPole, and the test suite runs the full one.
    env = gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, **options)
    if render_mode == "rgb_array":
        env = OffScreen(env)
    return GymnasiumPufferEnv(env=EpisodeStats(env))
