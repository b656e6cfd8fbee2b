"""Finds native environments by name: each is a C file and a Python module of this folder."""

from __future__ import annotations

import difflib
import functools
import importlib
from pathlib import Path
from typing import Any

import gymnasium

from pufferlib._native import core
from pufferlib.exceptions import EmulationError, UnknownEnvironment
from pufferlib.ocean._environment import NativeEnv

_PACKAGE = "pufferlib.ocean"


@functools.cache
def names() -> tuple[str, ...]:
    """Lists the environments of this build, sorted."""
    return tuple(sorted(core.env_table()))


@functools.cache
def load(name: str) -> type[NativeEnv]:
    """Imports the class of an environment.

    Raises:
        UnknownEnvironment: there is none of this name.
        EmulationError: one of its two files is missing, or wasn't compiled.
    """
    path = Path(__file__).with_name(f"{name}.py")
    has_python = name.isidentifier() and not name.startswith("_") and path.is_file()
    if name in names() and not has_python:
        raise EmulationError(name, f"there is no {path}.", "Write it: docs/new_environment.md shows how.")
    if has_python and name not in names():
        raise EmulationError(name, f"{name}.c wasn't compiled in.", f"Write it beside {path}, and run: make install")
    if name not in names():
        raise UnknownEnvironment(name, difflib.get_close_matches(name, names(), n=3, cutoff=0.5))
    module = importlib.import_module(f"{_PACKAGE}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, NativeEnv) and getattr(value, "name", None) == name:
            return value
    raise EmulationError(name, f"{path} has no NativeEnv of this name.", f'Write name = "{name}" into its class.')


def make(name: str, render_mode: str | None = None, **options: Any) -> NativeEnv:
    """Makes one copy of an environment, emulated.

    Args:
        name: one of `names()`.
        render_mode: None or "rgb_array".
        options: of its config.

    Raises:
        UnknownEnvironment: there is none of this name.
        ConfigError: an option is unknown, or has a wrong value.
    """
    return load(name)(render_mode=render_mode, **options)


def env_creator(name: str) -> functools.partial[NativeEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`.

    Raises:
        UnknownEnvironment: there is none of this name.
    """
    load(name)
    return functools.partial(make, name)


def parallel_env(name: str, render_mode: str | None = None, **options: Any) -> Any:
    """Makes a PettingZoo Parallel environment with the original spaces, as the data sheet shows them.

    Raises:
        UnknownEnvironment: there is none of this name.
        ConfigError: an option is unknown, or has a wrong value.
        EmulationError: with these options it has one agent.
    """
    env = load(name)(render_mode=render_mode, flat=False, **options)
    if env.num_slots == 1:
        raise EmulationError(name, "it has one agent.", f'Use gymnasium.make("puffer/{name}-v0").')
    return env


def gymnasium_env(name: str, render_mode: str | None = None, **options: Any) -> Any:
    """Makes a Gymnasium environment with the original spaces: the entry point of `gymnasium.make("puffer/NAME-v0")`.

    Raises:
        UnknownEnvironment: there is none of this name.
        ConfigError: an option is unknown, or has a wrong value.
        EmulationError: with these options it has several agents.
    """
    env = load(name)(render_mode=render_mode, flat=False, **options)
    if env.num_slots > 1:
        problem = f"it has {env.num_slots} agents, Gymnasium's have one."
        raise EmulationError(name, problem, f'Use pufferlib.ocean.parallel_env("{name}").')
    return env


def register() -> None:
    """Tells Gymnasium of all environments, as "puffer/NAME-v0". Does nothing the second time."""
    for name in names():
        gym_id = f"puffer/{name}-v0"
        if gym_id not in gymnasium.registry:
            gymnasium.register(
                gym_id,
                entry_point="pufferlib.ocean._registry:gymnasium_env",
                vector_entry_point="pufferlib.vector._gymnasium:make_native",
                kwargs={"name": name},
                order_enforce=False,
                disable_env_checker=True,
            )
