"""Checks what users ask of NLE and MiniHack, so that a slip is answered with what would be right.

NLE itself takes many wrong values in silence: an unknown role becomes another one, an unknown penalty fails in the
first step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator

from pufferlib.environments._options import check_name, nearest
from pufferlib.exceptions import ConfigError

PENALTY_MODES = ("constant", "exp", "square", "linear", "always")
ROLES = ("arc", "bar", "cav", "hea", "kni", "mon", "pri", "rog", "ran", "sam", "tou", "val", "wiz")
CHARACTER_PARTS = (*ROLES, "hum", "elf", "dwa", "gno", "orc", "mal", "fem", "law", "neu", "cha")
RENDER_MODES = ("ansi", "human", "rgb_array")


def find_spec(name: str, known: Sequence[str]) -> EnvSpec:
    """Finds a registered environment.

    Raises:
        UnknownEnvironment: it isn't one of `known`.
    """
    check_name(name, known)
    return gymnasium.registry[name]


def parameters_of(spec: EnvSpec) -> set[str]:
    """Names the options that an environment's class, or a class that it derives from, takes."""
    names: set[str] = set()
    for cls in load_env_creator(str(spec.entry_point)).__mro__:  # type: ignore[attr-defined]
        if "__init__" not in vars(cls):
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        names |= {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return names - {"self", "args", "render_mode"} - set(spec.kwargs)


def check_options(name: str, options: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """Checks options and brings them into NLE's form.

    Raises:
        ConfigError: there is no such option for this environment, or it has a wrong value.
    """
    allowed = sorted(allowed)
    checked = {}
    for option, value in options.items():
        if option not in allowed:
            raise ConfigError(option, f"{name} has no such option.", _suggest(option, allowed))
        checked[option] = CHECKS.get(option, _anything)(option, value)
    return checked


def check_keys(value: Any, known: Iterable[str]) -> tuple[str, ...]:
    """Takes observation keys as a sequence, or as one string with commas.

    Raises:
        ConfigError: there are none, one is twice there, or one doesn't exist.
    """
    known = list(known)
    keys = tuple(key.strip() for key in value.split(",")) if isinstance(value, str) else tuple(value)
    for key in keys:
        if key not in known:
            raise ConfigError("observation_keys", f"there is no observation {key!r}.", _suggest(str(key), known))
    if not keys or len(set(keys)) < len(keys):
        raise ConfigError("observation_keys", f"it is {value!r}.", "Name at least one key, and each once.")
    return keys


def check_render_mode(render_mode: str | None) -> str | None:
    """Refuses a render mode that doesn't exist."""
    if render_mode is not None and render_mode not in RENDER_MODES:
        raise ConfigError(
            "render_mode", f"it is {render_mode!r}.", f"Choose one of {', '.join(RENDER_MODES)}, or None."
        )
    return render_mode


def _suggest(word: str, known: Sequence[str]) -> str:
    near = nearest(word, known)
    return f"Did you mean {', '.join(near)}?" if near else f"There are {', '.join(known)}."


def _check_character(option: str, value: Any) -> str:
    parts = str(value).lower().split("-")
    for part in parts if value != "@" else ():
        if part[:3] not in CHARACTER_PARTS:
            near = nearest(part[:3], CHARACTER_PARTS)
            hint = f"Did you mean {', '.join(near)}? " if near else ""
            remedy = f'{hint}Write it like "mon-hum-neu-mal", or "@" for any. Roles are {", ".join(ROLES)}.'
            raise ConfigError(option, f"{part!r} in {value!r} is no role, race, gender or alignment.", remedy)
    return str(value)


def _check_actions(option: str, value: Any) -> tuple[Any, ...]:
    from nle import nethack
    from nle.env.tasks import TASK_ACTIONS

    sets = {
        "all": nethack.ACTIONS,
        "useful": nethack.USEFUL_ACTIONS,
        "task": TASK_ACTIONS,
        "moves": tuple(nethack.CompassDirection),
    }
    if isinstance(value, str):
        if value not in sets:
            raise ConfigError(option, f"it is {value!r}.", f"Choose one of {', '.join(sets)}, or list the keys.")
        return sets[value]
    keys = tuple(value)
    for key in keys:
        if not isinstance(key, int) or key not in nethack.ACTIONS:
            raise ConfigError(option, f"{key!r} is no key of NetHack.", "Take them from nle.nethack.ACTIONS.")
    if not keys:
        raise ConfigError(option, "it is empty.", "List at least one key.")
    return keys


def _check_count(option: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(option, f"it is {value!r}.", "Give a whole number, 1 or more.")
    return value


def _check_number(option: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ConfigError(option, f"it is {value!r}.", "Give a number.")
    return float(value)


def _check_switch(option: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(option, f"it is {value!r}.", "Give True or False.")
    return value


def _check_penalty_mode(option: str, value: Any) -> str:
    if value not in PENALTY_MODES:
        raise ConfigError(option, f"it is {value!r}.", f"Choose one of {', '.join(PENALTY_MODES)}.")
    return str(value)


def _check_nle_keys(option: str, value: Any) -> tuple[str, ...]:
    from nle.nethack import OBSERVATION_DESC

    return check_keys(value, OBSERVATION_DESC)


def _anything(option: str, value: Any) -> Any:
    return value


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "observation_keys": _check_nle_keys,
    "character": _check_character,
    "actions": _check_actions,
    "penalty_mode": _check_penalty_mode,
    **dict.fromkeys(("max_episode_steps", "no_progress_timeout"), _check_count),
    **dict.fromkeys(("penalty_step", "penalty_time"), _check_number),
    **dict.fromkeys(
        ("allow_all_yn_questions", "allow_all_modes", "spawn_monsters", "wizard", "fix_moon_phase"), _check_switch
    ),
}
