"""Every adapter has all of its files, and they say what they must."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pufferlib.environments

FOLDER = Path(pufferlib.environments.__file__).parent
HEADINGS = ("## Environments", "## Spaces", "## Speed", "## Licence", "## Quirks")


def test_adapter__has_all_files(adapter):
    """An adapter is code, a policy, its requirements, a data sheet, training options and a test."""
    expected = {"__init__.py", "environment.py", "policy.py", "requirements.txt", "README.md", "config.toml"}

    assert expected | {f"test_{adapter}.py"} <= {path.name for path in (FOLDER / adapter).iterdir()}


def test_adapter__data_sheet_has_all_parts(adapter):
    """The data sheet has one heading for every question that it answers."""
    text = (FOLDER / adapter / "README.md").read_text()

    assert [heading for heading in HEADINGS if heading not in text.splitlines()] == []


def test_adapter__requirements_are_requirements(adapter):
    """Every line is a requirement that pip understands; the extra of this name is read from it."""
    requirements = pytest.importorskip("packaging.requirements")
    lines = (FOLDER / adapter / "requirements.txt").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]

    assert lines
    assert all(requirements.Requirement(line).specifier for line in lines)


def test_adapter__config_names_only_listed_environments(adapter, module):
    """The tables [env."NAME"] of the training options belong to environments that exist."""
    config = tomllib.loads((FOLDER / adapter / "config.toml").read_text())

    assert set(config.get("env", {})) <= set(module.names())


def test_adapter__config_holds_only_options_that_exist(adapter, module):
    """Training reads the file, for every environment that it names, without an error."""
    configs = pytest.importorskip("pufferlib.training.config")
    path = FOLDER / adapter / "config.toml"

    for name in {None, module.DEFAULT, *tomllib.loads(path.read_text()).get("env", {})}:
        assert configs.load(path, env_name=name) != configs.TrainConfig()


def test_adapter__exports_what_the_registry_documents(adapter, module):
    """The public names are those of the registry's contract, sorted."""
    assert module.__all__ == ["DEFAULT", "SAMPLES", "Policy", "env_creator", "make", "names"]
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.DEFAULT in module.names()
    assert {name for name, _ in module.SAMPLES} <= set(module.names())


def test_adapter__import_is_light_and_silent(adapter):
    """Importing an adapter prints nothing and imports neither torch nor a game."""
    code = (
        "import os, sys, pufferlib.environments as environments\n"
        "before = dict(os.environ)\n"
        f"environments.load({adapter!r})\n"
        "heavy = {'torch', 'pygame', 'pettingzoo', 'minigrid'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "changed = set(os.environ.items()) ^ set(before.items())\n"
        "assert {name for name, _ in changed} <= {'PYGAME_HIDE_SUPPORT_PROMPT'}, changed  # Gymnasium's own\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_adapter__unknown_attribute_is_an_attribute_error(adapter):
    """The lazy policy doesn't hide spelling mistakes."""
    with pytest.raises(AttributeError, match="Polcy"):
        _ = pufferlib.environments.load(adapter).Polcy
