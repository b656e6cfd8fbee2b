"""Looking an environment up says which half of it is missing: what who writes a new one sees first."""

from __future__ import annotations

import pytest

import pufferlib.ocean
from pufferlib.exceptions import EmulationError, UnknownEnvironment
from pufferlib.ocean import _registry

load = _registry.load.__wrapped__  # what was loaded before is remembered


def test_load__names_the_nearest():
    """A slip is answered with what was meant; a private module of the package is no environment."""
    with pytest.raises(UnknownEnvironment, match=r"no environment 'sqared'\. Did you mean squared"):
        pufferlib.ocean.load("sqared")
    with pytest.raises(UnknownEnvironment, match="no environment '_config'"):
        pufferlib.ocean.load("_config")


def test_load__says_when_it_was_not_compiled(monkeypatch):
    """The Python file is there, the extension is older than the C file: the remedy is to build."""
    monkeypatch.setattr(_registry, "names", lambda: ("bandit",))
    with pytest.raises(EmulationError, match=r"squared: squared\.c wasn't compiled in\..*make install"):
        load("squared")


def test_load__says_when_there_is_no_python_file(monkeypatch):
    """The C file was compiled in, but nothing says what Python must know."""
    monkeypatch.setattr(_registry, "names", lambda: ("nowhere",))
    with pytest.raises(EmulationError, match=r"there is no .*nowhere\.py\. .*docs/new_environment\.md"):
        load("nowhere")


def test_load__says_when_the_class_has_another_name(monkeypatch):
    """A class whose `name` isn't the file's isn't found; the error says what to write."""
    monkeypatch.setattr(pufferlib.ocean.load("squared"), "name", "sqared")
    with pytest.raises(EmulationError, match=r'no NativeEnv of this name\. Write name = "squared"'):
        load("squared")
