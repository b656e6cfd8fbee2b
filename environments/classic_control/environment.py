"""Makes Gymnasium's classic control environments; only their frames need a wrapper of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._display import OffScreen
from pufferlib.wrappers import EpisodeStats

DEFAULT = "CartPole-v1"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CartPole-v1", {}),
    ("Pendulum-v1", {}),
    ("Acrobot-v1", {}),
)
_MODULE = "gymnasium.envs.classic_control"


def names() -> list[str]:
    """Lists the registered ids whose code is in Gymnasium's classic control package."""
    return sorted(name for name, spec in gymnasium.registry.items() if str(spec.entry_point).startswith(_MODULE))


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human".
        options: handed to `gymnasium.make`, for example `max_episode_steps`.
    """
    # The passive checker costs as much as a step of CartPole, and the test suite runs the full one.
    env = gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, **options)
    if render_mode == "rgb_array":
        env = OffScreen(env)
    return GymnasiumPufferEnv(env=EpisodeStats(env))
