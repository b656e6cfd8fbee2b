"""What an adapter needs from pip and apt, read from its folder: the one source of extras and `puffer install`.

    requirements.txt    every pip package, a requirement a line
    recipe.toml         top level `python = "==3.11.*"`: the Pythons that its packages have files for
                        a table for each package whose own metadata is wrong, with any of the flags
                        no_deps, ignore_requires_python, no_build_isolation (all false), extra (true)
    apt.txt             Debian packages, one a line: `name [| other name]  # build|run|render: why`

Only the standard library is imported here: `setup.py` reads recipes where nothing is installed yet.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLAGS = ("no_deps", "ignore_requires_python", "no_build_isolation", "extra")
KINDS = ("build", "run", "render")
_APT_LINE = re.compile(rf"(?P<names>[^#]+?)\s*#\s*(?P<kind>{'|'.join(KINDS)}):\s*(?P<why>\S.*)")
_BOUND = re.compile(r"(?P<sign>==|>=|<=|<|>)(?P<major>\d+)\.(?P<minor>\d+)(?P<star>\.\*)?")


class RecipeError(ValueError):
    """A recipe that can't be understood; the message names the file."""


@dataclass(frozen=True)
class Requirement:
    """One line of a requirements.txt, with the flags that pip must be given for it."""

    line: str  # as pip takes it
    name: str  # in pip's normal form
    no_deps: bool = False
    ignore_requires_python: bool = False
    no_build_isolation: bool = False
    extra: bool = True  # part of the extra; False: plain pip can't install it at all

    @property
    def is_clean(self) -> bool:
        """Whether its own metadata is right, so that it can take part in pip's one resolve."""
        return not (self.no_deps or self.ignore_requires_python or self.no_build_isolation)


@dataclass(frozen=True)
class AptPackage:
    """One line of an apt.txt."""

    names: tuple[str, ...]  # any of them will do; the first is the one to install
    kind: str  # needed to "build" a package, to "run" the environment, or to "render" it
    why: str


@dataclass(frozen=True)
class Recipe:
    """How one adapter's packages are installed."""

    adapter: str
    requirements: tuple[Requirement, ...]
    apt: tuple[AptPackage, ...] = ()
    python: str = ""  # bounds, such as "==3.11.*" or ">=3.11,<3.13"; empty: any that pufferlib itself takes

    @property
    def extra(self) -> list[str]:
        """The lines of the pip extra of the adapter's name."""
        return [requirement.line for requirement in self.requirements if requirement.extra]

    @property
    def is_plain(self) -> bool:
        """Whether the extra alone is the whole recipe."""
        return all(requirement.extra and requirement.is_clean for requirement in self.requirements)

    def fits(self, python: tuple[int, int]) -> bool:
        """Whether the packages have files for a Python, given as (major, minor)."""
        return all(_holds(bound, python) for bound in _bounds(self.python))


def read_recipe(folder: Path) -> Recipe:
    """Reads the recipe of an adapter's folder.

    Raises:
        RecipeError: a file says something that isn't part of the format.
    """
    requirements = {normalize(line): line for line in _read_lines(folder / "requirements.txt")}
    python, tables = _read_tables(folder / "recipe.toml")
    unknown = [name for name in tables if normalize(name) not in requirements]
    if unknown:
        raise RecipeError(f"{folder / 'recipe.toml'}: [{unknown[0]}] is no requirement of {folder.name}.")
    flags = {normalize(name): table for name, table in tables.items()}
    return Recipe(
        folder.name,
        tuple(Requirement(line, name, **flags.get(name, {})) for name, line in requirements.items()),
        tuple(_read_apt(folder / "apt.txt")),
        python,
    )


def read_recipes(root: Path) -> dict[str, Recipe]:
    """Reads the recipes of all adapters below a folder: {name: recipe}, sorted."""
    return {path.parent.name: read_recipe(path.parent) for path in sorted(root.glob("*/requirements.txt"))}


def normalize(requirement: str) -> str:
    """Takes the name out of a requirement, in the form in which pip compares names."""
    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def _read_lines(path: Path) -> list[str]:
    """Reads a requirements.txt without its comments; options of pip don't belong there."""
    lines = [re.split(r"(?:^|\s)#", line)[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    for line in filter(None, lines):
        if not normalize(line):
            raise RecipeError(f"{path}: {line!r} is no requirement.")
    return [line for line in lines if line]


def _read_tables(path: Path) -> tuple[str, dict[str, dict[str, bool]]]:
    """Reads a recipe.toml, checked: the bounds for Python, and the flags of each package."""
    if not path.is_file():
        return "", {}
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: {error}") from error
    python = tables.pop("python", "")
    try:
        _bounds(python)
    except (AttributeError, ValueError) as error:
        raise RecipeError(f'{path}: python = {python!r} isn\'t like "==3.11.*" or ">=3.11,<3.13".') from error
    for name, table in tables.items():
        for flag, value in table.items() if isinstance(table, dict) else [(name, table)]:
            if flag not in FLAGS or not isinstance(value, bool) or not isinstance(table, dict):
                raise RecipeError(
                    f"{path}: {name}: {flag} = {value!r}; the flags are {', '.join(FLAGS)}, true or false."
                )
    return python, tables


def _read_apt(path: Path) -> list[AptPackage]:
    """Reads an apt.txt, if there is one."""
    packages = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _APT_LINE.fullmatch(line.strip())
        if match is None:
            raise RecipeError(f"{path}: {line!r} isn't like 'package  # {'|'.join(KINDS)}: why'.")
        names = tuple(name.strip() for name in match["names"].split("|"))
        packages.append(AptPackage(names, match["kind"], match["why"]))
    return packages


def _bounds(python: str) -> list[re.Match[str]]:
    """Splits bounds like ">=3.11,<3.13"."""
    bounds = [_BOUND.fullmatch(bound.strip()) for bound in python.split(",") if bound.strip()]
    if None in bounds:
        raise ValueError(python)
    return [bound for bound in bounds if bound is not None]


def _holds(bound: re.Match[str], python: tuple[int, int]) -> bool:
    """Says whether (major, minor) lies inside one bound."""
    limit = int(bound["major"]), int(bound["minor"])
    results = {
        "==": python == limit,
        ">=": python >= limit,
        "<=": python <= limit,
        "<": python < limit,
        ">": python > limit,
    }
    return results[bound["sign"]]
