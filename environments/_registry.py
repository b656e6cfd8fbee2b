"""Finds adapters and environments by name, without importing any before it is asked for."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pufferlib.exceptions import UnknownEnvironment

ENTRY_POINT_GROUP = "pufferlib.environments"
_PACKAGE = "pufferlib.environments"


def names() -> list[str]:
    """Lists all adapters, sorted: the folders of this package and the entry points of other packages."""
    return sorted({*_folders(), *_plugins()})


def load(adapter: str) -> ModuleType:
    """Imports one adapter; that imports neither torch nor the package that it adapts.

    Args:
        adapter: one of `names()`. A folder of this package goes before an entry point of the same name.

    Returns:
        The adapter's module, as the docstring of `pufferlib.environments` describes it.

    Raises:
        UnknownEnvironment: there is no such adapter.
    """
    if adapter in _folders():
        return importlib.import_module(f"{_PACKAGE}.{adapter}")
    plugins = _plugins()
    if adapter in plugins:
        module = plugins[adapter].load()
        assert isinstance(module, ModuleType), f"The entry point {plugins[adapter]!r} must name a module."
        return module
    raise UnknownEnvironment(adapter, _nearest(adapter, names()))


def resolve(spec: str) -> tuple[ModuleType, str]:
    """Finds the adapter and the environment that a user's words mean.

    Args:
        spec: an adapter's name ("minigrid": its default environment), an adapter and an environment
            ("minigrid/MiniGrid-Empty-5x5-v0"), or an environment alone ("CartPole-v1": the alphabetically first
            installed adapter that lists it).

    Returns:
        The adapter's module and the environment's name in it.

    Raises:
        UnknownEnvironment: nothing has this name; the error holds the nearest names that exist.
        MissingDependency: the adapter is known, but the package that it adapts isn't installed.
    """
    _, module, name = _find(spec)
    return module, name


def full_name(spec: str) -> str:
    """Writes what a user's words mean as "adapter/environment", which `resolve` understands everywhere.

    Raises:
        UnknownEnvironment, MissingDependency: as `resolve`.
    """
    adapter, _, name = _find(spec)
    return f"{adapter}/{name}"


def make_creator(spec: str, **options: Any) -> Callable[..., Any]:
    """Makes the callable that `pufferlib.vector.make` takes.

    Args:
        spec: what `resolve` understands.
        options: handed to the adapter's `make`, for example `render_mode="rgb_array"`.

    Returns:
        A picklable callable; it takes more options and returns an emulated environment.
    """
    module, name = resolve(spec)
    creator: Callable[..., Any] = module.env_creator(name)
    return functools.partial(creator, **options)


def _find(spec: str) -> tuple[str, ModuleType, str]:
    """Finds the adapter's name, its module and the environment's name; see `resolve`."""
    adapters = names()
    if spec in adapters:
        module = load(spec)
        return spec, module, str(module.DEFAULT)
    prefix, _, name = spec.partition("/")
    if prefix in adapters:
        module = load(prefix)
        known = module.names()
        if name in known:
            return prefix, module, name
        raise UnknownEnvironment(spec, [f"{prefix}/{near}" for near in _nearest(name, known)])
    return _find_bare(spec, adapters)


def _find_bare(name: str, adapters: Iterable[str]) -> tuple[str, ModuleType, str]:
    """Looks for an environment in every adapter that can be imported."""
    everything: list[str] = list(adapters)
    meant: ImportError | None = None
    for adapter in adapters:
        try:
            module = load(adapter)
            known = module.names()
        except ImportError as error:  # MissingDependency, or another package's broken adapter
            # "MiniGrid-Empty-5x5-v0" is surely meant for the adapter "minigrid", installed or not.
            if name.lower().startswith(adapter.replace("_", "")):
                meant = error
            continue
        if name in known:
            return adapter, module, name
        everything += known
    if meant is not None:
        raise meant
    raise UnknownEnvironment(name, _nearest(name, everything))


def _folders() -> list[str]:
    """Lists the adapters of this package."""
    return [item.name for item in pkgutil.iter_modules([str(Path(__file__).parent)]) if item.ispkg]


def _plugins() -> dict[str, EntryPoint]:
    """Finds the adapters of other packages."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    """Picks up to three names that look like `name`, whatever their case."""
    originals: dict[str, str] = {}
    for candidate in known:
        originals.setdefault(candidate.lower(), candidate)
    return [originals[match] for match in difflib.get_close_matches(name.lower(), originals, n=3, cutoff=0.5)]
