"""Stand-ins for modules that old packages import and that nobody should have to install: `gym` and `pkg_resources`.

Both are there only for the time of a block, usually one import, and leave `sys.modules` as they found it. A lock lets
one thread at a time into these blocks; a thread that imports `gym` by itself meanwhile gets the stand-in.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import gymnasium

_LOCK = threading.RLock()


@contextlib.contextmanager
def gym_alias() -> Iterator[None]:
    """Lets `import gym`, and any `gym.x.y`, mean Gymnasium's module of that name.

    An old environment that is imported in the block becomes a subclass of `gymnasium.Env` with Gymnasium's spaces. Ids
    that it registers are taken back, as Gymnasium couldn't step what they make. A real `gym` isn't imported, and one
    that was imported before is back after the block. Blocks may be nested.

    Example:
        >>> with gym_alias():
        ...     import crafter
    """
    with _LOCK:
        saved = _take_out("gym")
        finder, registered = _GymFinder(), set(gymnasium.registry)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            _take_out("gym")
            sys.modules.update(saved)
            for name in set(gymnasium.registry) - registered:
                del gymnasium.registry[name]


@contextlib.contextmanager
def pkg_resources() -> Iterator[None]:
    """Lets `import pkg_resources` mean a module with `resource_filename` and its like.

    Setuptools has the real one only up to version 81, takes 0.2 s to import it, and warns that it will go. One that
    was imported before the block is used as it is.

    Example:
        >>> with pkg_resources():
        ...     import minihack
    """
    with _LOCK:
        if "pkg_resources" in sys.modules:
            yield
            return
        module = ModuleType("pkg_resources", "The few functions of pkg_resources that find files of a package.")
        vars(module).update(
            resource_filename=resource_filename,
            resource_exists=lambda package, name: Path(resource_filename(package, name)).exists(),
            resource_string=lambda package, name: Path(resource_filename(package, name)).read_bytes(),
        )
        sys.modules["pkg_resources"] = module
        try:
            yield
        finally:
            sys.modules.pop("pkg_resources", None)


def resource_filename(package: str, name: str) -> str:
    """Finds a file or folder of a package, without importing it.

    Args:
        package: the package's full name, as in an import.
        name: a path inside the package's folder; nothing has to be there.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r} that has files", name=package)
    return str(Path(spec.origin).parent / name)


class _GymFinder:
    """Finds Gymnasium's modules under the names of gym's; both an import finder and the loader."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answers for `gym` and all below it; says nothing where Gymnasium has no such module."""
        if name != "gym" and not name.startswith("gym."):
            return None
        try:
            importlib.import_module(_gymnasium_name(name))
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(f"No module named {name!r}, for {error}", name=name) from error
        return ModuleSpec(name, self, origin="gymnasium")  # type: ignore[arg-type]  # it is a loader

    def create_module(self, spec: ModuleSpec) -> None:
        """Lets the import system make an empty module."""

    def exec_module(self, module: ModuleType) -> None:
        """Puts Gymnasium's module in the empty one's place.

        Not from `create_module`: the import system would write the alias's spec into the module that it gets.
        """
        sys.modules[module.__name__] = importlib.import_module(_gymnasium_name(module.__name__))


def _gymnasium_name(name: str) -> str:
    """Says what a module of gym is called in Gymnasium."""
    return "gymnasium" + name.removeprefix("gym")


def _take_out(package: str) -> dict[str, ModuleType]:
    """Removes a package and all below it from `sys.modules` and returns what was there."""
    names = [name for name in list(sys.modules) if name == package or name.startswith(package + ".")]
    return {name: sys.modules.pop(name) for name in names}
