"""The options of a native environment: a frozen dataclass here, a plain struct in C."""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar, cast, get_type_hints

import numpy as np

from pufferlib.exceptions import ConfigError

Function = TypeVar("Function", bound=Callable[..., Any])
_INT32 = np.iinfo(np.int32)
_C_TYPES: dict[Any, str] = {int: "<i4", float: "<f8", bool: "<i4"}


@dataclass(frozen=True)
class NativeConfig:
    """Base of the options of an environment; fields in the order of the C struct `Config`.

    An `int` is an int32_t there, a `float` a double, a `bool` an int32_t that is 0 or 1. Every field has a default.
    """

    def __post_init__(self) -> None:
        """Checks the types and ranges that C relies on, then what the environment itself asks for."""
        for name, kind in _kinds(type(self)).items():
            object.__setattr__(self, name, _check(name, kind, getattr(self, name)))
        self.check()

    def check(self) -> None:
        """Refuses values that the environment can't have.

        Raises:
            ConfigError: an option is out of range.
        """

    def require(self, **ranges: tuple[float, float | None]) -> None:
        """Refuses options outside the ranges that they are given with: the least and the greatest; None has no end.

        Raises:
            ConfigError: an option is out of range.
        """
        for name, (least, greatest) in ranges.items():
            value = getattr(self, name)
            if value < least or (greatest is not None and value > greatest):
                possible = f"{least} or more" if greatest is None else f"{least} to {greatest}"
                raise ConfigError(name, f"it is {value}.", f"Choose {possible}.")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Makes a config out of keywords.

        Raises:
            ConfigError: an option is unknown, or has a wrong value.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                there = f"Its options: {', '.join(known)}."
                raise ConfigError(name, "there is no such option.", f"Did you mean {close[0]!r}?" if close else there)
        return cls(**options)

    def pack(self) -> bytes:
        """The C struct, as bytes."""
        dtype = struct_dtype(type(self))
        return np.array(tuple(getattr(self, name) for name in dtype.names or ()), dtype).tobytes()


def memoize(function: Function) -> Function:
    """Computes each result once; `functools.cache` with a type that takes classes as arguments."""
    return cast("Function", functools.cache(function))


@memoize
def struct_dtype(config: type[NativeConfig]) -> np.dtype[Any]:
    """The layout of the C struct, with natural alignment."""
    return np.dtype([(name, _C_TYPES[kind]) for name, kind in _kinds(config).items()], align=True)


@memoize
def _kinds(config: type[NativeConfig]) -> dict[str, type]:
    """The type of each field, in order."""
    hints = get_type_hints(config)
    kinds = {field.name: hints[field.name] for field in fields(config)}
    for name, kind in kinds.items():
        if kind not in _C_TYPES:
            raise TypeError(f"{config.__name__}.{name} is {kind}: C knows int, float and bool only.")
    return kinds


def _check(name: str, kind: type, value: Any) -> Any:
    """Gives a value of exactly this type that its C type holds."""
    if kind is bool:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        raise ConfigError(name, f"it is {value!r}, which isn't a bool.", "Pass True or False.")
    if kind is float:
        if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
            if math.isfinite(value):
                return float(value)
            raise ConfigError(name, f"it is {value!r}.", "Pass a finite number.")
        raise ConfigError(name, f"it is {value!r}, which is no number.", "Pass a float.")
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise ConfigError(name, f"it is {value!r}, which is no whole number.", "Pass an int.")
    if not _INT32.min <= value <= _INT32.max:
        raise ConfigError(name, f"it is {value}, which 32 bits don't hold.", f"The greatest is {_INT32.max}.")
    return int(value)
