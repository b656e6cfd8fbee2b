"""The stand-ins for `gym` and `pkg_resources` are there for a block only, and leave nothing behind."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from types import ModuleType

import gymnasium
import pytest

from pufferlib.environments import _legacy as legacy


def gym_modules() -> dict[str, ModuleType]:
    """Everything of a package `gym` that is imported now."""
    return {name: module for name, module in sys.modules.items() if name == "gym" or name.startswith("gym.")}


@pytest.fixture
def old_package(tmp_path, monkeypatch):
    """A package as people wrote them in 2020."""
    code = (
        "import gym\n"
        "import gym.spaces\n"
        "from gym.envs.registration import register\n"
        "from gym.utils import seeding\n"
        "class Env(gym.Env):\n"
        "    action_space = gym.spaces.Discrete(2)\n"
        "register(id='Of2020-v0', entry_point=Env)\n"
    )
    (tmp_path / "package_of_2020.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield "package_of_2020"
    sys.modules.pop("package_of_2020", None)


def test_gym_alias__old_environments_become_gymnasiums(old_package):
    """A class made from `gym.Env` in the block is a `gymnasium.Env`, and its spaces are Gymnasium's."""
    with legacy.gym_alias():
        module = importlib.import_module(old_package)

    assert issubclass(module.Env, gymnasium.Env)
    assert isinstance(module.Env.action_space, gymnasium.spaces.Discrete)
    assert module.register is gymnasium.register
    assert module.seeding is gymnasium.utils.seeding


def test_gym_alias__leaves_nothing_behind(old_package):
    """After the block there is no `gym`, no id of the package, and Gymnasium knows itself by its own name."""
    before, finders, registered = gym_modules(), list(sys.meta_path), set(gymnasium.registry)
    with legacy.gym_alias():
        importlib.import_module(old_package)
        assert {"gym", "gym.spaces", "gym.envs.registration"} <= set(gym_modules())

    assert gym_modules() == before
    assert sys.meta_path == finders
    assert set(gymnasium.registry) == registered
    assert gymnasium.spaces.__spec__.name == gymnasium.spaces.__name__ == "gymnasium.spaces"
    assert gymnasium.spaces is sys.modules["gymnasium.spaces"]


def test_gym_alias__gives_a_real_gym_back(monkeypatch):
    """A `gym` that was imported before is hidden in the block and back after it, after an error too."""
    real, spaces = ModuleType("gym"), ModuleType("gym.spaces")
    monkeypatch.setitem(sys.modules, "gym", real)
    monkeypatch.setitem(sys.modules, "gym.spaces", spaces)
    with pytest.raises(KeyError), legacy.gym_alias():
        assert importlib.import_module("gym.spaces") is gymnasium.spaces
        raise KeyError

    assert gym_modules() == {"gym": real, "gym.spaces": spaces}


def test_gym_alias__blocks_nest():
    """The end of an inner block doesn't end the outer one."""
    before = gym_modules()
    with legacy.gym_alias():
        with legacy.gym_alias():
            assert importlib.import_module("gym") is gymnasium
        assert importlib.import_module("gym") is gymnasium

    assert gym_modules() == before


def test_gym_alias__names_a_module_that_gymnasium_lacks():
    """What only gym had is a ModuleNotFoundError of that name, not a second copy of something."""
    with legacy.gym_alias(), pytest.raises(ModuleNotFoundError, match=r"gym\.wrappers\.monitoring") as raised:
        importlib.import_module("gym.wrappers.monitoring")

    assert raised.value.name == "gym.wrappers.monitoring"


@pytest.mark.parametrize("stand_in", [legacy.gym_alias, legacy.pkg_resources])
def test_stand_ins__let_one_thread_in_at_a_time(stand_in):
    """A second thread waits until the first has left its block."""
    waiting, order = threading.Event(), []

    def second() -> None:
        waiting.set()
        with stand_in():
            order.append("second")

    thread = threading.Thread(target=second)
    with stand_in():
        thread.start()
        waiting.wait()
        thread.join(0.05)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


@pytest.fixture
def without_pkg_resources(monkeypatch):
    """Forgets a real one that another test may have imported."""
    monkeypatch.delitem(sys.modules, "pkg_resources", raising=False)


def test_pkg_resources__finds_files_of_packages(without_pkg_resources):
    """The stand-in finds files without importing their package, warns of nothing, and goes."""
    with legacy.pkg_resources():
        module = importlib.import_module("pkg_resources")
        assert Path(module.resource_filename("gymnasium", "py.typed")).parent == Path(gymnasium.__file__).parent
        assert module.resource_exists("gymnasium.envs", "__init__.py")
        assert not module.resource_exists("gymnasium", "nothing")
        assert module.resource_string("gymnasium", "__init__.py") == Path(gymnasium.__file__).read_bytes()
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            module.resource_filename("no_such_package", "x")

    assert "pkg_resources" not in sys.modules


def test_pkg_resources__uses_one_that_is_there(monkeypatch):
    """Where the real one is imported already, it stays, in the block and after it."""
    real = ModuleType("pkg_resources")
    monkeypatch.setitem(sys.modules, "pkg_resources", real)
    with legacy.pkg_resources():
        assert importlib.import_module("pkg_resources") is real

    assert sys.modules["pkg_resources"] is real


def test_pkg_resources__goes_after_an_error(without_pkg_resources):
    """An import that fails in the block doesn't leave the stand-in there."""
    with pytest.raises(KeyError), legacy.pkg_resources():
        raise KeyError

    assert "pkg_resources" not in sys.modules
