"""Makes Gymnasium's toy text environments; nothing about them needs to change."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._gymnasium import make_registered, names_in

DEFAULT = "FrozenLake-v1"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Blackjack-v1", {}),
    ("CliffWalking-v1", {"max_episode_steps": 100}),
    ("FrozenLake-v1", {}),
    ("Taxi-v4", {}),
)


def names() -> list[str]:
    """Lists the registered ids whose code is in Gymnasium's toy text package."""
    return names_in("gymnasium.envs.toy_text")


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
