"""Recipes: what adapters need is data in their folders, and everything that installs reads the same data."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import recipes as for_scripts
from pufferlib.environments import _packages
from pufferlib.environments._recipes import RecipeError, read_recipe, read_recipes

ROOT = Path(__file__).resolve().parents[2]
RECIPES = read_recipes(ROOT / "environments")


@pytest.fixture
def folder(tmp_path):
    """An adapter's folder: two clean packages, one with stale pins, one that plain pip can't install."""
    folder = tmp_path / "old_maze"
    folder.mkdir()
    (folder / "requirements.txt").write_text(
        "# what it needs\nmaze==1.0  # the game\nMaze_Art>=2\n\nold.walls==3 ; python_version < '3.12'\n"
        "bricks[red]==4\n"
    )
    (folder / "recipe.toml").write_text(
        'python = ">=3.11,<3.13"\n[maze]  # pins numpy<1\nno_deps = true\n'
        "[old-walls]\nextra = false\nno_deps = true\nignore_requires_python = true\nno_build_isolation = true\n"
    )
    (folder / "apt.txt").write_text(
        "# for the game\nlibmaze1 | libmaze1t64  # run: the game links to it\n\ng++  # build: old.walls is C++\n"
    )
    return folder


def test_recipe__holds_what_the_three_files_say(folder):
    """Lines, names in pip's normal form, flags, apt packages with their other names, bounds for Python."""
    recipe = read_recipe(folder)

    assert [item.name for item in recipe.requirements] == ["maze", "maze-art", "old-walls", "bricks"]
    assert [item.line for item in recipe.requirements][:2] == ["maze==1.0", "Maze_Art>=2"]
    assert [item.is_clean for item in recipe.requirements] == [False, True, False, True]
    assert recipe.requirements[2].no_build_isolation and recipe.requirements[2].ignore_requires_python
    assert [(item.names, item.kind) for item in recipe.apt] == [
        (("libmaze1", "libmaze1t64"), "run"),
        (("g++",), "build"),
    ]
    assert recipe.apt[0].why == "the game links to it"


def test_recipe__extra_leaves_out_what_plain_pip_cannot_install(folder):
    """`extra = false` keeps a requirement out of the extra, and the recipe isn't plain."""
    recipe = read_recipe(folder)

    assert recipe.extra == ["maze==1.0", "Maze_Art>=2", "bricks[red]==4"]
    assert not recipe.is_plain


@pytest.mark.parametrize(
    ("bounds", "fitting"),
    [("==3.11.*", [11]), ("<3.13", [11, 12]), (">=3.12", [12, 13]), (">=3.11,<3.13", [11, 12]), (">3.11", [12, 13])],
)
def test_recipe__python_bounds(folder, bounds, fitting):
    """The bounds mean what they mean for pip."""
    (folder / "recipe.toml").write_text(f'python = "{bounds}"\n')

    assert [minor for minor in (11, 12, 13) if read_recipe(folder).fits((3, minor))] == fitting


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("recipe.toml", "[nle]\nno_deps = true\n", r"\[nle\] is no requirement of old_maze"),
        ("recipe.toml", "[maze]\nno_dep = true\n", "maze: no_dep = True; the flags are no_deps,"),
        ("recipe.toml", "[maze]\nno_deps = 'yes'\n", "maze: no_deps = 'yes'; the flags are"),
        ("recipe.toml", "maze = true\n", "maze: maze = True; the flags are"),
        ("recipe.toml", "[maze\n", "recipe.toml: "),
        ("recipe.toml", 'python = "3.11"\n', "python = '3.11' isn't like"),
        ("recipe.toml", "python = 3.11\n", "python = 3.11 isn't like"),
        ("apt.txt", "libmaze1\n", "'libmaze1' isn't like 'package  # build|run|render: why'"),
        ("apt.txt", "libmaze1  # because: of it\n", "isn't like"),
        ("requirements.txt", "--find-links here\n", "'--find-links here' is no requirement"),
    ],
)
def test_recipe__slips_are_errors(folder, file, text, message):
    """What isn't part of the format is refused, with the file's name, and not passed over."""
    (folder / file).write_text(text)

    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(folder)

    assert str(caught.value).startswith(str(folder / file))


def test_recipe__every_folder_has_one():
    """The recipes of this repository can all be read, and scripts read the same as the library."""
    read = for_scripts.read_recipes(ROOT / "environments")

    assert set(RECIPES) == {path.parent.name for path in ROOT.glob("environments/*/environment.py")}
    assert {name: recipe.extra for name, recipe in read.items()} == {n: recipe.extra for n, recipe in RECIPES.items()}


def test_recipe__a_package_is_treated_alike_in_all_folders():
    """Adapters that need the same package give it the same flags, and versions that can be had together."""
    seen = {}
    for recipe in RECIPES.values():
        for item in recipe.requirements:
            flags = (item.no_deps, item.ignore_requires_python, item.no_build_isolation, item.extra)
            other = seen.setdefault(item.name, (flags, recipe.adapter))
            assert other[0] == flags, f"{item.name} in {recipe.adapter} and {other[1]}"


def test_recipe__constraints_agree():
    """The bounds for all adapters together allow what the project's own constraints pin."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.M))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    lines = [line.split("#")[0].strip() for line in (ROOT / "environments/constraints.txt").read_text().splitlines()]
    bounds = [Requirement(line) for line in lines if line]

    assert {bound.name for bound in bounds} >= {"setuptools", "numpy", "gymnasium", "mujoco"}
    for bound in bounds:
        assert bound.specifier.contains(pins.get(canonicalize_name(bound.name), str(bound.specifier).strip("=")))


def test_missing__names_the_command_that_is_enough(folder, monkeypatch):
    """Where the extra isn't all of the recipe, `puffer install` is the remedy; else the extra, as ever."""
    monkeypatch.setattr(_packages, "__file__", str(folder.parent / "_packages.py"))
    assert _packages.missing("maze", "old_maze").remedy == "puffer install old_maze"
    (folder / "recipe.toml").unlink()
    assert _packages.missing("maze", "old_maze").remedy == "pip install 'pufferlib[old-maze]'"
    assert _packages.missing("maze", "elsewhere").remedy == "pip install 'pufferlib[elsewhere]'"


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_extras__are_the_recipes(name):
    """Every adapter's extra in the installed package is its recipe's, without what plain pip can't install."""
    lines = importlib.metadata.requires("pufferlib")
    extra = name.replace("_", "-")
    installed = [line for line in lines if re.search(rf"extra == ['\"]{extra}['\"]", line)]

    def plain(line):
        requirement = Requirement(line)
        requirement.marker = None
        return str(requirement)

    assert sorted(map(plain, installed)) == sorted(map(plain, RECIPES[name].extra))
