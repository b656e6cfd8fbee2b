"""What adapters of Gymnasium's own environments share."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._display import OffScreen
from pufferlib.environments._options import nearest
from pufferlib.exceptions import ConfigError
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


def check_keywords(name: str, options: Iterable[str], hidden: Collection[str] = ()) -> None:
    """Raises ConfigError, with the nearest ones, where `gymnasium.make` doesn't take an option for an environment.

    Args:
        name: an id of Gymnasium's registry; its class is imported.
        options: what the user gave.
        hidden: parameters of the class that aren't the user's.
    """
    entry_point = gymnasium.spec(name).entry_point
    assert entry_point is not None
    known = {"max_episode_steps"}
    for cls in load_env_creator(entry_point).__mro__:  # type: ignore[attr-defined]  # a class, in Gymnasium's own
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        known.update(item.name for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY))
        if not any(item.kind is item.VAR_KEYWORD for item in parameters):
            break
    known -= {"self", "render_mode", *hidden}
    for option in options:
        if option not in known:
            near = nearest(option, known) or sorted(known)
            raise ConfigError(option, f"{name} has no such option.", f"Did you mean {', '.join(near)}?")
