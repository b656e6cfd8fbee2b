"""Makes Gymnasium's classic control environments; nothing about them needs to change."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._gymnasium import make_registered, names_in

DEFAULT = "CartPole-v1"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CartPole-v1", {}),
    ("Pendulum-v1", {}),
    ("Acrobot-v1", {}),
)


def names() -> list[str]:
    """Lists the registered ids whose code is in Gymnasium's classic control package."""
    return names_in("gymnasium.envs.classic_control")


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
    return make_registered(name, render_mode, **options)
