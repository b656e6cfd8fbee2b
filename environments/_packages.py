"""Imports the packages that adapters adapt, and says how to get one that isn't there."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

from pufferlib.environments._recipes import read_recipe
from pufferlib.environments._variables import same_variables
from pufferlib.exceptions import MissingDependency


def import_package(package: str, adapter: str) -> ModuleType:
    """Imports a third-party package for an adapter.

    What it does to the environment variables and to Python's warning filters meanwhile is taken back.

    Args:
        package: the module to import.
        adapter: the adapter's folder, which is also the name of its extra.

    Returns:
        The module.

    Raises:
        MissingDependency: the package, or one that it needs itself, isn't installed.
    """
    try:
        with same_variables(), warnings.catch_warnings():
            return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise missing(error.name or package, adapter) from error


def find_package(package: str, adapter: str) -> Path:
    """Finds the folder of a third-party package without importing it, for adapters that only list what is in it.

    Raises:
        MissingDependency: the package isn't installed.
    """
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # sys.modules has None in its place
        spec = None
    if spec is None or spec.origin is None:
        raise missing(package, adapter)
    return Path(spec.origin).parent


def missing(package: str, adapter: str) -> MissingDependency:
    """Builds the error for a package that isn't installed, with the command that installs it."""
    folder = Path(__file__).parent / adapter
    if (folder / "requirements.txt").is_file() and not read_recipe(folder).is_plain:
        return MissingDependency(adapter, package, f"puffer install {adapter}")
    extra = adapter.replace("_", "-")  # pip before 23.3 doesn't find extras by names with an underscore
    return MissingDependency(adapter, package, f"pip install 'pufferlib[{extra}]'")
