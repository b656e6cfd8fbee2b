"""Refuses names and options that an adapter doesn't know, and says which ones are near."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pufferlib.exceptions import ConfigError, UnknownEnvironment


def check_name(name: str, known: Collection[str]) -> None:
    """Raises UnknownEnvironment, with the nearest names that exist, where a name isn't known."""
    if name not in known:
        raise UnknownEnvironment(name, nearest(name, known))


def fill_options(name: str, options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Puts options over their defaults.

    Args:
        name: the environment's, for the message.
        options: what the user gave.
        defaults: every option that there is. Where the default is a bool, so must the option be.

    Raises:
        ConfigError: there is no such option, or it isn't a bool.
    """
    for option, value in options.items():
        if option not in defaults:
            near = nearest(option, defaults) or list(defaults)
            remedy = f"Did you mean {', '.join(near)}?" if near else "It has none at all."
            raise ConfigError(option, f"{name} has no such option.", remedy)
        if isinstance(defaults[option], bool):
            check_choice(option, value, (True, False))
    return {**defaults, **options}


def check_choice(option: str, value: Any, choices: Iterable[Any]) -> None:
    """Raises ConfigError, with the values that there are, where an option has none of them."""
    choices = list(choices)
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        near = nearest(str(value), [str(choice) for choice in choices]) or [str(choice) for choice in choices]
        raise ConfigError(option, f"it can't be {value!r}.", f"Choose {' or '.join(near)}.")


def check_int(option: str, value: Any, low: int, high: int) -> None:
    """Raises ConfigError where an option isn't an int from `low` to `high`, both included."""
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(option, f"it can't be {value!r}.", f"Choose a whole number from {low} to {high}.")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Picks up to three names that look like `name`, whatever their case."""
    originals = {candidate.lower(): candidate for candidate in known}
    return [originals[match] for match in difflib.get_close_matches(name.lower(), originals, n=3, cutoff=0.5)]
