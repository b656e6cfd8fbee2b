"""Makes the native environments of `pufferlib.ocean`: they are emulated and report their episodes already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pufferlib.ocean

DEFAULT = "squared"
# All environments have tests of their own in tests/ocean; these stand for the kinds of spaces and agents.
_KINDS = ("squared", "continuous", "multiagent", "snake", "spaces")
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = tuple(
    (name, {}) for name in _KINDS if name in pufferlib.ocean.names()
)


def names() -> list[str]:
    """Lists the environments of this build."""
    return list(pufferlib.ocean.names())


def env_creator(name: str = DEFAULT) -> Callable[..., pufferlib.ocean.NativeEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return pufferlib.ocean.env_creator(name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> pufferlib.ocean.NativeEnv:
    """Makes one emulated environment that reports its episodes.

    Args:
        name: one of `names()`.
        render_mode: None or "rgb_array".
        options: of the environment's config.
    """
    return pufferlib.ocean.make(name, render_mode=render_mode, **options)
