"""Makes MicroRTS games: maps by name, bots as opponents."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._packages import import_package
from pufferlib.environments.microrts import _java
from pufferlib.exceptions import ConfigError, UnknownEnvironment

DEFAULT = "basesWorkers8x8"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("basesWorkers8x8", {"max_steps": 300}),
    ("basesWorkers8x8", {"opponent": "randomBiasedAI,workerRushAI", "partial_obs": True, "max_steps": 200}),
    ("NoWhereToRun9x8", {"opponent": "randomAI", "max_steps": 100}),
    ("basesWorkers16x16A", {"max_steps": 150}),
)
REWARD_WEIGHT = (10.0, 1.0, 1.0, 0.2, 1.0, 4.0)


def names() -> list[str]:
    """Lists the maps that come with the package, by the names of their files."""
    import_package("jpype", "microrts")
    return sorted(_maps())


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT,
    render_mode: str | None = None,
    *,
    opponent: str | Sequence[str] = "coacAI",
    max_steps: int = 2000,
    reward_weight: str | Sequence[float] = REWARD_WEIGHT,
    partial_obs: bool = False,
) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    Args:
        name: one of `names()`, a map.
        render_mode: None or "rgb_array".
        opponent: the bot that plays the other side, one of `opponents()`; of several, as a sequence or in one string
            with commas, each game draws one.
        max_steps: cycles of the game after which it is truncated.
        reward_weight: six weights, as a sequence or in one string with commas. They are for a game won (or lost:
            negative), a resource harvested or brought home, a worker made, a building made, an attack that hits, and a
            combat unit made.
        partial_obs: hides what no unit of one's own sees, from both sides.

    Raises:
        UnknownEnvironment: there is no such map.
        ConfigError: an option has a value that can't be.
        MissingDependency: Java isn't installed.
    """
    from pufferlib.environments.microrts._game import MicroRTS
    from pufferlib.wrappers import EpisodeStats

    maps = _maps()
    if name not in maps:
        raise UnknownEnvironment(name, _nearest(name, maps))
    if render_mode not in (None, "rgb_array"):
        raise ConfigError("render_mode", f"it can't be {render_mode!r}.", 'Choose None or "rgb_array".')
    if max_steps < 1:
        raise ConfigError("max_steps", f"it is {max_steps}.", "Choose 1 or more.")
    env = MicroRTS(
        maps[name],
        _parse_opponents(opponent),
        render_mode=render_mode,
        max_steps=max_steps,
        reward_weight=_parse_weights(reward_weight),
        partial_obs=partial_obs,
    )
    return GymnasiumPufferEnv(env=EpisodeStats(env))


def opponents() -> list[str]:
    """Lists the bots that come with the package, by the names that the package gives them."""
    return sorted(_java.BOTS)


def _maps() -> dict[str, Path]:
    """Finds the maps: {name: file}. One is in an old format that the game itself can't read any more."""
    paths = (_java.package_folder() / "maps").rglob("*.xml")
    return {path.stem: path for path in paths if "<rts.units.Unit " in path.read_text(encoding="utf-8")}


def _parse_opponents(opponent: str | Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in (opponent.split(",") if isinstance(opponent, str) else opponent))
    for name in chosen or ("",):
        if name not in _java.BOTS:
            near = _nearest(name, _java.BOTS) or opponents()
            raise ConfigError("opponent", f"there is no bot {name!r}.", f"Did you mean {', '.join(near)}?")
    return chosen


def _parse_weights(weights: str | Sequence[float]) -> tuple[float, ...]:
    try:
        numbers = tuple(float(weight) for weight in (weights.split(",") if isinstance(weights, str) else weights))
    except ValueError:
        numbers = ()
    if len(numbers) != len(_java.REWARDS):
        remedy = f"Give {len(_java.REWARDS)} numbers: for {', '.join(_java.REWARDS.values())}."
        raise ConfigError("reward_weight", f"it can't be {weights!r}.", remedy)
    return numbers


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    """Picks up to three names that look like `name`, whatever their case."""
    originals = {candidate.lower(): candidate for candidate in known}
    return [originals[match] for match in difflib.get_close_matches(name.lower(), originals, n=3, cutoff=0.5)]
