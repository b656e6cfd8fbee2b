"""Imports OpenCV for adapters, without what its import does to the process."""

from __future__ import annotations

import os
from types import ModuleType

from pufferlib.environments._packages import import_package


def import_opencv(adapter: str) -> ModuleType:
    """Imports `cv2`, and takes back what it writes into LD_LIBRARY_PATH, which child processes would inherit.

    Args:
        adapter: the adapter's folder, for the error.

    Raises:
        MissingDependency: it isn't installed.
    """
    before = os.environ.get("LD_LIBRARY_PATH")
    try:
        return import_package("cv2", adapter)
    finally:
        if before is None:
            os.environ.pop("LD_LIBRARY_PATH", None)
        else:
            os.environ["LD_LIBRARY_PATH"] = before
