"""Checks of what `make` is given; each error names the nearest values that would work."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeVar

from pufferlib.exceptions import InvalidVectorOption

Autoreset = Literal["same_step", "next_step", "disabled"]
Infos = Literal["ends", "all"]
Creator = Callable[..., Any]
Choice = TypeVar("Choice", bound=str)

AUTORESETS: tuple[Autoreset, ...] = ("same_step", "next_step", "disabled")
INFOS: tuple[Infos, ...] = ("ends", "all")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one environment is made: what a worker process gets."""

    creator: Creator
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __call__(self) -> Any:
        """Makes the environment."""
        return self.creator(*self.args, **self.kwargs)


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Checked options that every backend has."""

    recipes: tuple[Recipe, ...]
    num_workers: int | None  # None: the backend chooses
    batch_size: int  # environments, not rows
    zero_copy: bool
    autoreset: Autoreset
    infos: Infos

    @property
    def num_envs(self) -> int:
        """How many environments the pool has."""
        return len(self.recipes)


def check_options(
    env_creators: Creator | Sequence[Creator],
    env_args: Sequence[Any] | None,
    env_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    num_envs: int | None,
    num_workers: int | None,
    batch_size: int | None,
    zero_copy: bool,
    autoreset: str | Enum,
    infos: str,
    workers_share_evenly: bool = True,
) -> PoolOptions:
    """Turns the arguments of `make` into options that fit each other.

    Raises:
        InvalidVectorOption: an option is wrong, or doesn't fit another one.
    """
    recipes = _check_recipes(env_creators, env_args, env_kwargs, num_envs)
    total = len(recipes)
    if not isinstance(zero_copy, bool):
        raise InvalidVectorOption("zero_copy", repr(zero_copy), "is not a bool.", "Pass True or False.")
    return PoolOptions(
        recipes=recipes,
        num_workers=_check_workers(num_workers, total, workers_share_evenly),
        batch_size=total if batch_size is None else _check_divisor("batch_size", batch_size, total),
        zero_copy=zero_copy,
        autoreset=_check_autoreset(autoreset),
        infos=check_choice("infos", infos, INFOS),
    )


def check_choice(option: str, value: Any, choices: tuple[Choice, ...]) -> Choice:
    """Gives back the choice that `value` names, or says which is nearest."""
    for choice in choices:
        if value == choice:
            return choice
    listed = ", ".join(repr(choice) for choice in choices)
    raise InvalidVectorOption(option, repr(value), f"is none of {listed}.", nearest(str(value), choices))


def check_names(names: Iterable[str], known: Sequence[str], backend: str) -> None:
    """Refuses option names that `make` and the backend don't know."""
    for name in names:
        if name not in known:
            raise InvalidVectorOption(name, "...", f"is not an option of {backend}.", nearest(name, known))


def nearest(name: str, known: Sequence[str]) -> str:
    """Words the choices of `known` that look like `name`, or all of them."""
    close = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"Choose one of: {', '.join(known)}."


def _check_autoreset(value: str | Enum) -> Autoreset:
    """Accepts our names and the members of `gymnasium.vector.AutoresetMode`."""
    name = value.name.lower() if isinstance(value, Enum) else value
    return check_choice("autoreset", name, AUTORESETS)


def check_count(option: str, value: Any) -> int:
    """Accepts whole numbers from 1 on, numpy's included."""
    try:
        count = operator.index(value)
    except TypeError:
        raise InvalidVectorOption(option, repr(value), "is not a whole number.", "Pass an int.") from None
    if isinstance(value, bool) or count < 1:
        raise InvalidVectorOption(option, repr(value), "is less than one or no number.", "The least is 1.")
    return count


def _check_workers(value: Any, num_envs: int, share_evenly: bool) -> int | None:
    """Accepts counts of workers: any, or those that give each of them the same number of environments."""
    if value is None:
        return None
    return _check_divisor("num_workers", value, num_envs) if share_evenly else check_count("num_workers", value)


def _check_divisor(option: str, value: Any, num_envs: int) -> int:
    """Accepts counts that split the environments into equal parts."""
    count = check_count(option, value)
    if num_envs % count == 0:
        return count
    divisors = [d for d in range(1, num_envs + 1) if num_envs % d == 0]
    below = max((d for d in divisors if d < count), default=None)
    above = min((d for d in divisors if d > count), default=None)
    close = " or ".join(str(d) for d in (below, above) if d is not None)
    problem = f"does not divide num_envs={num_envs}."
    raise InvalidVectorOption(option, str(count), problem, f"Nearest that do: {close}.")


def _check_recipes(
    env_creators: Creator | Sequence[Creator],
    env_args: Sequence[Any] | None,
    env_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    num_envs: int | None,
) -> tuple[Recipe, ...]:
    """Makes one recipe an environment from one creator for all, or a list with one each."""
    if callable(env_creators):
        total = 1 if num_envs is None else check_count("num_envs", num_envs)
        arguments = [_check_args(env_args)]
        if env_kwargs is None or isinstance(env_kwargs, Mapping):  # one recipe, however many environments
            return (Recipe(env_creators, arguments[0], _check_kwargs(env_kwargs or {})),) * total
        creators: list[Creator] = [env_creators] * total
        arguments *= total
    else:
        creators = _check_creators(env_creators)
        total = len(creators) if num_envs is None else check_count("num_envs", num_envs)
        if total != len(creators):
            problem = f"does not fit the list of {len(creators)} creators."
            raise InvalidVectorOption("num_envs", str(total), problem, f"Pass {len(creators)}, or leave it out.")
        listed = _check_length("env_args", env_args, total) if env_args else [()] * total
        arguments = [_check_args(args) for args in listed]
    if env_kwargs is None or isinstance(env_kwargs, Mapping):
        keywords: list[Mapping[str, Any]] = [env_kwargs or {}] * total
    else:
        keywords = _check_length("env_kwargs", env_kwargs, total)
    options = [_check_kwargs(kwargs) for kwargs in keywords]
    return tuple(Recipe(c, a, k) for c, a, k in zip(creators, arguments, options, strict=True))


def _check_kwargs(kwargs: Any) -> dict[str, Any]:
    """Accepts keyword arguments as a mapping; gives a copy."""
    if not isinstance(kwargs, Mapping) or not all(isinstance(name, str) for name in kwargs):
        remedy = "Pass a dict, or a list with one dict an environment."
        raise InvalidVectorOption("env_kwargs", repr(kwargs), "is not a dict of keyword arguments.", remedy)
    return dict(kwargs)


def _check_creators(env_creators: Any) -> list[Creator]:
    """Accepts a non-empty list or tuple of callables."""
    remedy = "Pass a class or function that makes an environment, or a list of them."
    if not isinstance(env_creators, Sequence) or isinstance(env_creators, str):
        raise InvalidVectorOption("env_creators", repr(env_creators), "can't be called.", remedy)
    if not env_creators:
        raise InvalidVectorOption("env_creators", "[]", "is empty.", remedy)
    for creator in env_creators:
        if not callable(creator):
            raise InvalidVectorOption("env_creators", f"[... {creator!r} ...]", "holds no callable there.", remedy)
    return list(env_creators)


def _check_args(args: Any) -> tuple[Any, ...]:
    """Accepts positional arguments as a list or tuple."""
    if args is None:
        return ()
    if not isinstance(args, Sequence) or isinstance(args, str):
        remedy = "Pass a list or tuple; with a list of creators, one list or tuple each."
        raise InvalidVectorOption("env_args", repr(args), "is not a list of arguments.", remedy)
    return tuple(args)


def _check_length(option: str, values: Any, total: int) -> list[Any]:
    """Accepts a list with one entry an environment."""
    if not isinstance(values, Sequence) or len(values) != total:
        got = f"{len(values)} entries" if isinstance(values, Sequence) else repr(values)
        raise InvalidVectorOption(option, got, f"does not fit {total} environments.", f"Pass {total} entries.")
    return list(values)
