"""Frames from MuJoCo on machines without a display, for the adapters of everything that runs on it.

MuJoCo draws through GLFW, EGL or OSMesa. Which one is read from the variable MUJOCO_GL when a context is made, and the
default, GLFW, needs a display. Here a backend that needs none is chosen where nobody has chosen one and no display is
there; the variables are set only while the context is made.

An OpenGL context belongs to a thread, one at a time. MuJoCo's and Gymnasium's code makes its context current once and
then trusts that nobody else draws. Here each is made current before it is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np

from pufferlib.exceptions import MissingDependency

_LIBRARIES = {"egl": ("libEGL.so.1",), "osmesa": ("libOSMesa.so.8", "libOSMesa.so.6")}
_CHANGED_BY_IMPORTS = ("MUJOCO_GL", "PYOPENGL_PLATFORM")


def needs_backend() -> bool:
    """Says whether a backend has to be chosen: nobody has set MUJOCO_GL, and there is no display."""
    has_choice = any(name in os.environ for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"))
    return sys.platform.startswith("linux") and not has_choice


@functools.lru_cache
def find_backend() -> str:
    """Finds the value of MUJOCO_GL that draws without a display on this machine.

    Raises:
        MissingDependency: it has neither the library for EGL nor the one for OSMesa.
    """
    platform = os.environ.get("PYOPENGL_PLATFORM", "").lower()  # PyOpenGL's own variable must not say otherwise
    for backend in [platform] if platform in _LIBRARIES else _LIBRARIES:
        for library in _LIBRARIES[backend]:
            with contextlib.suppress(OSError):
                ctypes.CDLL(library)
                return backend
    raise _no_driver()


@contextlib.contextmanager
def choosing_backend() -> Iterator[None]:
    """Chooses a backend, where one has to be chosen, for the time in which a context is made.

    Raises:
        MissingDependency: the machine lacks the library or the driver that draws without a display.
    """
    import_triton()
    if not needs_backend():
        with sheltered():
            yield
        return
    with sheltered(MUJOCO_GL=find_backend()):
        try:
            yield
        except ImportError as error:  # MuJoCo's way to say that EGL has no device
            raise _no_driver() from error


def import_triton() -> None:
    """Imports triton, if PyTorch has brought it, before a context is made.

    Triton and Mesa's software driver each have an LLVM, and once Mesa's is there triton's calls end in it. So a process
    that has drawn dies when PyTorch imports triton, as it does for the first optimizer. The other way round is fine.
    Takes 0.2 s, once.
    """
    with sheltered(), contextlib.suppress(ImportError):
        importlib.import_module("triton")


@contextlib.contextmanager
def opengl_for_mujoco() -> Iterator[None]:
    """Lets PyOpenGL choose what MuJoCo draws through, if a block is the first in the process to import it.

    It chooses once: without this, robots couldn't draw after another package had imported it.
    """
    backend = os.environ.get("MUJOCO_GL", "")
    if needs_backend():
        with contextlib.suppress(MissingDependency):  # then nothing can draw anyway
            backend = find_backend()
    if backend not in _LIBRARIES or "PYOPENGL_PLATFORM" in os.environ:
        yield
        return
    with sheltered(PYOPENGL_PLATFORM=backend):
        yield


def _no_driver() -> MissingDependency:
    packages = "libegl1 libgl1-mesa-dri"
    return MissingDependency("Drawing MuJoCo without a display", packages, f"apt-get install {packages}")


@contextlib.contextmanager
def sheltered(**variables: str) -> Iterator[None]:
    """Sets environment variables for the time of a block, and undoes what imports inside it change around them.

    MuJoCo's imports set variables, SciPy's, which they need, put warning filters before everyone else's, and the first
    message to absl, whatever its level, gives Python's logging a handler.
    """
    before = {name: os.environ.get(name) for name in {*_CHANGED_BY_IMPORTS, *variables}}
    handlers = logging.root.handlers[:]
    os.environ.update(variables)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        logging.root.handlers[:] = handlers
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class OffScreenMujoco(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Renders an environment of Gymnasium's MuJoCo class without a display, whatever else draws in this thread."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Wraps `env`, whose innermost environment has a `mujoco_renderer`."""
        gymnasium.utils.RecordConstructorArgs.__init__(self)  # so that env.spec can make it again
        gymnasium.Wrapper.__init__(self, env)
        self._is_closed = False

    def render(self) -> Any:
        """Renders a frame; the array is the caller's."""
        renderer = self.env.unwrapped.mujoco_renderer  # type: ignore[attr-defined]
        if renderer.viewer is not None:
            renderer.viewer.make_context_current()
            return np.ascontiguousarray(self.env.render())
        with choosing_backend():
            return np.ascontiguousarray(self.env.render())

    def close(self) -> None:
        """Closes the environment and frees what it has drawn with, in its own context."""
        if self._is_closed:
            return
        self._is_closed = True
        # What is freed later, with the garbage, would be freed in whatever context is current then.
        for viewer in self.env.unwrapped.mujoco_renderer._viewers.values():  # type: ignore[attr-defined]
            viewer.make_context_current()
            viewer.con.free()
        self.env.close()
