"""Imports DeepMind's control suite: without a display, without a trace in the process, and on NumPy 2.4."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from pufferlib.environments._mujoco import choosing_backend, find_backend, import_triton, needs_backend, sheltered
from pufferlib.environments._packages import import_package


def import_suite() -> Any:
    """Imports the control suite, without looking for a way to draw yet.

    The suite chooses its renderer when it is imported, and on a machine with a display, or where MUJOCO_GL is set, it
    still does. Elsewhere `prepare_renderer` chooses one when the first frame is drawn.
    """
    if "dm_control.suite" in sys.modules:
        return _repair(sys.modules["dm_control.suite"])
    with sheltered():
        import_package("mujoco", "dm_control")  # before MUJOCO_GL is "off", which would cripple it
    with sheltered(**({"MUJOCO_GL": "off"} if needs_backend() else {})):
        return _repair(import_package("dm_control.suite", "dm_control"))


def prepare_renderer() -> None:
    """Gives the suite a renderer that needs no display, if it has none and nobody has turned it off."""
    from dm_control import _render

    import_triton()
    if _render.BACKEND not in _render.constants.NO_RENDERER or not needs_backend():
        return
    backend = find_backend()
    with choosing_backend():
        if backend == "egl":
            from dm_control._render.pyopengl.egl_renderer import EGLContext as Context
        else:
            from dm_control._render.pyopengl.osmesa_renderer import OSMesaContext as Context
    _render.Renderer, _render.BACKEND = Context, backend


def _repair(suite: Any) -> Any:
    """Replaces two methods of the quadruped's simulation that don't do what they should."""
    physics = suite.quadruped.Physics
    if not hasattr(np, "in1d"):  # removed in NumPy 2.4
        physics._get_sensor_names = _sensor_names
    physics.contexts = property(_contexts)
    return suite


def _sensor_names(physics: Any, *types: int) -> list[str]:
    """Names the sensors of some types; asked for in every step."""
    cache: dict[tuple[int, ...], list[str]] = physics._sensor_types_to_names
    if types not in cache:
        ids = np.flatnonzero(np.isin(physics.model.sensor_type, types))
        cache[types] = [physics.model.id2name(index, "sensor") for index in ids]
    return cache[types]


def _contexts(physics: Any) -> Any:
    """Gives the rendering contexts, but none to a reset that only wants to know whether there are any.

    The suite's own property makes them, so that every reset of quadruped-escape needs a way to draw. What is made later
    is made from the terrain that is there then.
    """
    from dm_control import mujoco

    if not physics._contexts and getattr(physics, "is_resetting", False):
        return None
    return mujoco.Physics.contexts.fget(physics)
