"""Which adapters a run of the tests goes deep on: those that PUFFERLIB_TEST_ADAPTERS names, or the everyday ones."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = "PUFFERLIB_TEST_ADAPTERS"
FOLDERS = sorted(path.parent.name for path in ROOT.glob("environments/*/environment.py"))


def folders() -> list[str]:
    """Lists the adapters whose files are looked at: all, or only the chosen ones where the variable chooses."""
    return chosen() if os.environ.get(VARIABLE) else FOLDERS


def everyday() -> list[str]:
    """Lists the adapters that are installed and tested every day, as pyproject.toml names them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["tool"]["pufferlib"]["everyday"])


def chosen() -> list[str]:
    """Lists the adapters whose packages must be there: a chosen adapter without its package fails.

    Raises:
        ValueError: the variable names an adapter that doesn't exist.
    """
    words = os.environ.get(VARIABLE, "").replace(" ", "")
    names = words.split(",") if words else everyday()
    for name in names:
        if name not in FOLDERS:
            raise ValueError(f"{VARIABLE}={words}: there is no adapter {name!r}. There are {', '.join(FOLDERS)}.")
    return names
