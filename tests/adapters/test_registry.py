"""The registry finds environments by name and says what is near when there is none."""

from __future__ import annotations

import importlib.metadata
import pickle
import sys
import types

import pytest

from pufferlib import environments
from pufferlib.environments import _registry
from pufferlib.exceptions import MissingDependency, UnknownEnvironment


@pytest.fixture
def plugin(monkeypatch):
    """Another package's adapter, "aardvark", which lists CartPole-v1 and one environment of its own."""
    module = types.ModuleType("aardvark_adapter")
    module.DEFAULT = "Ants-v0"
    module.names = lambda: ["Ants-v0", "CartPole-v1"]
    module.env_creator = lambda name=module.DEFAULT: dict
    point = importlib.metadata.EntryPoint("aardvark", "aardvark_adapter", environments.ENTRY_POINT_GROUP)
    monkeypatch.setitem(sys.modules, "aardvark_adapter", module)
    monkeypatch.setattr(_registry, "entry_points", lambda group: [point])
    return module


@pytest.fixture
def without_minigrid(monkeypatch):
    """An installation that lacks the package minigrid."""
    monkeypatch.setitem(sys.modules, "minigrid", None)


def test_names__are_the_folders():
    """Every folder with an adapter is listed, sorted; private modules aren't."""
    names = environments.names()

    assert names == sorted(names)
    assert {"butterfly", "classic_control", "minigrid"} <= set(names)
    assert not [name for name in names if name.startswith("_")]


def test_names__include_entry_points(plugin):
    """Adapters of other packages stand beside the folders."""
    assert environments.names()[0] == "aardvark"
    assert environments.load("aardvark") is plugin


def test_load__unknown_adapter_names_the_nearest():
    """A misspelt adapter is answered with the right one."""
    with pytest.raises(UnknownEnvironment, match="Did you mean minigrid"):
        environments.load("mingrid")


@pytest.mark.parametrize(
    ("spec", "adapter_name", "name"),
    [
        ("CartPole-v1", "classic_control", "CartPole-v1"),
        ("classic_control", "classic_control", "CartPole-v1"),
        ("classic_control/Pendulum-v1", "classic_control", "Pendulum-v1"),
    ],
)
def test_resolve__takes_adapter_or_environment_or_both(spec, adapter_name, name):
    """All three ways to say an environment lead to the adapter's module and its own name for it."""
    module, found = environments.resolve(spec)

    assert (module.__name__, found) == (f"pufferlib.environments.{adapter_name}", name)


def test_resolve__bare_name_goes_to_the_first_adapter(plugin):
    """Of two adapters that list a name, the alphabetically first has it."""
    assert environments.resolve("CartPole-v1") == (plugin, "CartPole-v1")
    assert environments.resolve("classic_control/CartPole-v1")[0] is not plugin


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [
        ("cartpole-v1", "CartPole-v1"),
        ("classic_control/CartPol-v1", "classic_control/CartPole-v1"),
        ("Pendulum", "Pendulum-v1"),
        ("clasic_control", "classic_control"),
    ],
)
def test_resolve__unknown_name_is_answered_with_near_ones(spec, nearest):
    """The error lists names that exist and look like what was asked for, in the same form."""
    with pytest.raises(UnknownEnvironment) as caught:
        environments.resolve(spec)

    assert nearest in caught.value.nearest
    assert repr(spec) in str(caught.value)


def test_resolve__nonsense_has_no_near_name():
    """Where nothing is near, the error only says how to list all names."""
    with pytest.raises(UnknownEnvironment, match="`puffer envs` lists all") as caught:
        environments.resolve("?!")

    assert caught.value.nearest == ()


@pytest.mark.parametrize("spec", ["MiniGrid-Empty-5x5-v0", "minigrid/MiniGrid-Empty-5x5-v0"])
def test_resolve__missing_package_gives_the_command(without_minigrid, spec):
    """A known adapter whose package isn't there says how to install it."""
    with pytest.raises(MissingDependency, match=r"pip install 'pufferlib\[minigrid\]'"):
        environments.resolve(spec)


def test_resolve__adapters_without_their_package_are_passed_over(without_minigrid):
    """A missing package doesn't hide the environments of other adapters."""
    assert environments.resolve("Pendulum-v1")[1] == "Pendulum-v1"


@pytest.mark.parametrize(
    ("spec", "full"),
    [
        ("Pendulum-v1", "classic_control/Pendulum-v1"),
        ("classic_control", "classic_control/CartPole-v1"),
        ("aardvark/Ants-v0", "aardvark/Ants-v0"),
        ("CartPole-v1", "aardvark/CartPole-v1"),
    ],
)
def test_full_name__says_the_adapter_too(plugin, spec, full):
    """The adapter's own name stands in front, even where its module is called something else."""
    assert environments.full_name(spec) == full
    assert environments.resolve(full) == environments.resolve(spec)


def test_resolve__another_packages_broken_adapter_hides_nothing(monkeypatch):
    """An entry point that can't be imported fails only when it is asked for."""
    point = importlib.metadata.EntryPoint("aardvark", "no_such_module_anywhere", environments.ENTRY_POINT_GROUP)
    monkeypatch.setattr(_registry, "entry_points", lambda group: [point])

    assert environments.resolve("Pendulum-v1")[1] == "Pendulum-v1"
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        environments.resolve("aardvark")


def test_make_creator__is_picklable_and_takes_more_options():
    """The creator survives pickling, so that a worker can call it."""
    creator = pickle.loads(pickle.dumps(environments.make_creator("Pendulum-v1", g=3.0)))

    with creator(max_episode_steps=7) as env:
        assert env.env.unwrapped.g == 3.0
        assert env.env.spec.max_episode_steps == 7


def test_make_creator__checks_the_name_at_once():
    """A misspelt environment fails in the driver, not in a worker."""
    with pytest.raises(UnknownEnvironment, match="CartPole-v1"):
        environments.make_creator("CartPole-v9")
