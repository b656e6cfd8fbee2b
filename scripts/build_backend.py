"""The PEP 517 build backend: setuptools, plus a C compiler from PyPI on machines that have none.

`pip install` asks the hooks below what a build needs. They add the package `ziglang` (a C compiler in a wheel, about
100 MB) only where no working compiler is found, so that machines with one download nothing.
"""

from __future__ import annotations

from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from c_compiler import find_system_compiler

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ZIG = "ziglang>=0.13"


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Lists what a wheel needs besides `build-system.requires`: `ziglang` where there is no C compiler."""
    return build_meta.get_requires_for_build_wheel(config_settings) + _compiler_requirement()


def get_requires_for_build_editable(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Lists what an editable install needs besides `build-system.requires`, as for a wheel."""
    return build_meta.get_requires_for_build_editable(config_settings) + _compiler_requirement()


def _compiler_requirement() -> list[str]:
    return [] if find_system_compiler() else [ZIG]
