"""Gives `environments/_recipes.py` to what runs before anything is installed: setup.py and scripts/."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).resolve().parent.parent / "environments" / "_recipes.py"
_SPEC = importlib.util.spec_from_file_location("_pufferlib_recipes", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _MODULE  # dataclasses look their module up
_SPEC.loader.exec_module(_MODULE)

Recipe = _MODULE.Recipe
read_recipes = _MODULE.read_recipes

__all__ = ["Recipe", "read_recipes"]
