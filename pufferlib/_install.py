"""`puffer install`: carries out the recipes of adapters with pip, in the environment of this interpreter.

Order: what apt must have, checked first; all packages whose metadata is right, in one resolve; those without their
stated dependencies; those that are built against what is installed by then. Indexes and wheel folders are pip's own
configuration.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pufferlib.environments
from pufferlib.environments._recipes import AptPackage, Recipe, Requirement, read_recipes
from pufferlib.exceptions import InstallError, UnknownEnvironment

FOLDER = Path(pufferlib.environments.__file__).parent
CONSTRAINTS = FOLDER / "constraints.txt"
BUILD_TOOLS = ("setuptools", "wheel", "cython", "numpy")  # for packages that are built without isolation
APT = ("apt-get", "install", "--no-install-recommends")


@dataclass(frozen=True)
class Step:
    """One call of pip."""

    what: str
    command: tuple[str, ...]


def install(
    names: Sequence[str],
    dry_run: bool = False,
    apt: bool = False,
    check_apt: bool = True,
    constraints: Sequence[str] = (),
) -> None:
    """Installs what adapters need, and says what it does.

    Args:
        names: adapters, or "all".
        dry_run: only print the commands.
        apt: also install missing Debian packages, as root or with sudo.
        check_apt: look for missing Debian packages at all.
        constraints: more files for pip's `--constraint`.

    Raises:
        UnknownEnvironment: there is no such adapter.
        InstallError: a package has no files for this Python, a Debian package is missing, or pip is missing or failed.
    """
    recipes = find(names)
    check_python(recipes, sys.version_info[:2])
    if importlib.util.find_spec("pip") is None:
        raise InstallError(", ".join(names), "this Python has no pip.", f"Run: {sys.executable} -m ensurepip")
    commands = plan(recipes, [str(CONSTRAINTS), *constraints])
    if check_apt:
        provide_apt(recipes, dry_run, apt)
    for number, step in enumerate(commands, 1):
        if dry_run:
            print(shlex.join(step.command))
            continue
        print(f"[{number}/{len(commands)}] {step.what}", flush=True)
        if subprocess.run(step.command, check=False).returncode:
            raise InstallError(", ".join(names), "pip failed, see above.", f"Again: {shlex.join(step.command)}")
    if not dry_run:
        report(recipes)


def find(names: Sequence[str]) -> list[Recipe]:
    """Reads the recipes of adapters, each once, sorted.

    Raises:
        UnknownEnvironment: there is no such adapter; the nearest names are given.
    """
    recipes = read_recipes(FOLDER)
    for name in names:
        if name not in (*recipes, "all"):
            word = name.lower().replace("-", "_").partition("/")[0]
            raise UnknownEnvironment(name, difflib.get_close_matches(word, recipes, n=3, cutoff=0.5))
    return [recipe for name, recipe in recipes.items() if name in names or "all" in names]


def check_python(recipes: Iterable[Recipe], python: tuple[int, int]) -> None:
    """Refuses, before anything is installed, what has no files for this Python.

    Raises:
        InstallError: an adapter's recipe excludes it.
    """
    unfit = [recipe for recipe in recipes if not recipe.fits(python)]
    if unfit:
        raise InstallError(
            ", ".join(recipe.adapter for recipe in unfit),
            f"there are no packages for Python {python[0]}.{python[1]}.",
            f"Use Python {unfit[0].python}, or leave {'it' if len(unfit) == 1 else 'them'} out.",
        )


def plan(recipes: Iterable[Recipe], constraints: Sequence[str]) -> list[Step]:
    """Lists the calls of pip, in their order."""
    wanted = {requirement.line: requirement for recipe in recipes for requirement in recipe.requirements}
    groups: dict[tuple[bool, bool, bool], list[Requirement]] = {}
    for requirement in wanted.values():
        key = requirement.no_build_isolation, requirement.no_deps, requirement.ignore_requires_python
        groups.setdefault(key, []).append(requirement)
    clean = [requirement.line for requirement in groups.pop((False, False, False), [])]
    if any(isolated_not for isolated_not, _, _ in groups):
        clean += [tool for tool in BUILD_TOOLS if tool not in {requirement.name for requirement in wanted.values()}]
    flags = ("--no-build-isolation", "--no-deps", "--ignore-requires-python")
    steps = [_pip(clean, (), constraints)] if clean else []
    for key in sorted(groups):
        options = [flag for flag, is_set in zip(flags, key, strict=True) if is_set]
        steps.append(_pip([requirement.line for requirement in groups[key]], options, constraints))
    return steps


def _pip(lines: Sequence[str], options: Sequence[str], constraints: Sequence[str]) -> Step:
    """Makes one call of pip; it is quiet where nobody watches."""
    quiet = () if sys.stdout.isatty() else ("-qq",)
    bounds = [word for path in constraints for word in ("--constraint", path)]
    command = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *quiet, *options, *bounds, *lines)
    packages = f"{len(lines)} packages" if len(lines) > 3 else ", ".join(lines)
    return Step(" ".join(["pip install", *options, packages]), command)


def provide_apt(recipes: Iterable[Recipe], dry_run: bool, apt: bool) -> None:
    """Looks for missing Debian packages, and installs them or says how.

    Raises:
        InstallError: one that isn't only for rendering is missing and may not be installed here, or apt failed.
    """
    wanted = {package.names: package for recipe in recipes for package in recipe.apt}
    if not wanted:
        return
    if shutil.which("dpkg-query") is None:
        listed = "\n".join(f"  {package.names[0]:<24} {package.why}" for package in wanted.values())
        print(f"There is no dpkg here, so see for yourself that this system has what Debian calls:\n{listed}")
        return
    missing = find_missing(wanted.values())
    if not missing:
        return
    command = [*APT, *dict.fromkeys(package.names[0] for package in missing)]
    if os.geteuid() != 0:
        command.insert(0, "sudo")
    if dry_run:
        print(shlex.join(command))
    elif apt:
        run_apt(command)
    elif all(package.kind == "render" for package in missing):
        print(f"Rendering needs more: {shlex.join(command)}", file=sys.stderr)
    else:
        reasons = "; ".join(f"{package.names[0]} ({package.why})" for package in missing)
        adapters = ", ".join(recipe.adapter for recipe in recipes if set(recipe.apt) & set(missing))
        remedy = f"Run: {shlex.join(command)} (or puffer install --apt; --no-apt if you have them from elsewhere)"
        raise InstallError(adapters, f"the system lacks {reasons}.", remedy)


def find_missing(packages: Iterable[AptPackage]) -> list[AptPackage]:
    """Lists the Debian packages that dpkg doesn't know as installed under any of their names."""
    packages = list(packages)
    names = [name for package in packages for name in package.names]
    line = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Abbrev}\\n", *names]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    words = [line.split() for line in done.stdout.splitlines()]
    there = {word[0] for word in words if len(word) > 1 and word[1].startswith("ii")}
    return [package for package in packages if there.isdisjoint(package.names)]


def run_apt(command: Sequence[str]) -> None:
    """Runs apt-get without questions; if it fails, once more with fresh package lists.

    Raises:
        InstallError: it failed again.
    """
    sudo = ["sudo", "-n"] if command[0] == "sudo" else []
    arguments = list(command[1:] if sudo else command)
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    line = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", *arguments[:2], "--yes", *quiet, *arguments[2:]]
    print(shlex.join(command), flush=True)
    output = None if sys.stdout.isatty() else subprocess.DEVNULL
    if subprocess.run(line, stdout=output, stderr=output, check=False).returncode:
        subprocess.run([*sudo, "apt-get", *quiet, "update"], check=False)
        if subprocess.run(line, stdout=output, check=False).returncode:
            raise InstallError("apt", "apt-get failed, see above.", f"Run: {shlex.join(command)}")


def report(recipes: Sequence[Recipe]) -> None:
    """Says what is there now, and what to do next."""
    importlib.invalidate_caches()
    for recipe in recipes:
        versions = [f"{item.name} {_version(item.name)}" for item in recipe.requirements]
        print(f"{recipe.adapter:<16} {', '.join(versions)}")
    wrong = sorted({item.name for recipe in recipes for item in recipe.requirements if item.no_deps})
    if wrong:
        print(f"What pip may say of the needs of {', '.join(wrong)} is no problem: their metadata is wrong.")
    command = "train" if importlib.util.find_spec("torch") else "envs"
    print(f"Next: puffer {command} {recipes[0].adapter}")


def _version(name: str) -> str:
    """Gives a package's installed version; a requirement may be for another Python only."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not needed here)"
