"""Every adapter has all of its files, and they say what they must. Needs none of the adapted packages."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pufferlib.environments
from pufferlib.environments._recipes import read_recipe

FOLDER = Path(pufferlib.environments.__file__).parent
HEADINGS = ("## Environments", "## Spaces", "## Speed", "## Licence", "## Quirks")
PUBLIC = {"DEFAULT", "SAMPLES", "Policy", "env_creator", "make", "names"}
DEVIATIONS = {"seed", "reuse_seed", "multiprocessing", "render", "space", "checkers"}


def test_adapter__has_all_files(folder):
    """An adapter is code, a policy, its requirements, a data sheet, training options and a test."""
    expected = {"__init__.py", "environment.py", "policy.py", "requirements.txt", "README.md", "config.toml"}

    assert expected | {f"test_{folder}.py"} <= {path.name for path in (FOLDER / folder).iterdir()}


def test_adapter__data_sheet_has_all_parts(folder):
    """The data sheet has one heading for every question that it answers."""
    text = (FOLDER / folder / "README.md").read_text()

    assert [heading for heading in HEADINGS if heading not in text.splitlines()] == []


def test_adapter__recipe_can_be_read(folder):
    """Every line is a requirement that pip understands, with a version, and the flags belong to requirements."""
    requirements = pytest.importorskip("packaging.requirements")
    recipe = read_recipe(FOLDER / folder)

    assert recipe.requirements
    assert all(requirements.Requirement(requirement.line).specifier for requirement in recipe.requirements)


def test_adapter__config_holds_only_options_that_exist(folder, module):
    """Training reads the file, for every environment that it names, without an error."""
    configs = pytest.importorskip("pufferlib.training.config")
    path = FOLDER / folder / "config.toml"

    for name in {None, module.DEFAULT, *tomllib.loads(path.read_text()).get("env", {})}:
        assert configs.load(path, env_name=name) != configs.TrainConfig()


def test_adapter__exports_what_the_registry_documents(folder, module):
    """The public names are those of the registry's contract; deviations are listed only where there are some."""
    optional = {name for name in ("DEVIATIONS", "NEEDS_FILES") if hasattr(module, name)}

    assert set(module.__all__) == PUBLIC | optional
    assert set(module.__all__) - {"Policy"} <= set(vars(module))
    assert 1 <= len(module.SAMPLES) <= 5


def test_adapter__deviations_are_known_and_pinned_down(folder, module):
    """What the shared suite leaves out has a reason, and a test of the adapter's own that shows that it is so."""
    tests = (FOLDER / folder / f"test_{folder}.py").read_text()

    for key, reason in getattr(module, "DEVIATIONS", {}).items():
        assert key in DEVIATIONS
        assert len(reason.split()) >= 3, f"{key}: say why"
        assert re.search(rf"^def test_deviation__{key}", tests, re.M), f"no test_deviation__{key}..."


def test_adapter__import_is_light_and_silent(folder):
    """Importing an adapter prints nothing, and imports no package but those that pufferlib itself needs."""
    code = (
        "import os, sys, gymnasium, pufferlib.environments, pufferlib.emulation, pufferlib.wrappers\n"
        "def packages(): return {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "environ, imported = dict(os.environ), packages()\n"
        f"pufferlib.environments.load({folder!r})\n"
        "assert packages() == imported, packages() - imported\n"
        "assert dict(os.environ) == environ\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_adapter__unknown_attribute_is_an_attribute_error(folder, module):
    """The lazy policy doesn't hide spelling mistakes."""
    with pytest.raises(AttributeError, match="Polcy"):
        _ = module.Polcy
