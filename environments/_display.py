"""Frames from pygame on machines without a display."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium


class OffScreen(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Renders through SDL's dummy driver where there is no display, and SDL would complain on stderr.

    The variable SDL_VIDEODRIVER is set while `render` runs, and only if nobody has set it.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self)  # so that env.spec can make it again
        gymnasium.Wrapper.__init__(self, env)

    def render(self) -> Any:
        """Renders a frame."""
        with dummy_video():
            return self.env.render()


@contextlib.contextmanager
def dummy_video() -> Iterator[None]:
    """Tells SDL for the time of a block to use no display, if this machine has none to use."""
    has_display = not sys.platform.startswith("linux") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if has_display or "SDL_VIDEODRIVER" in os.environ:
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        os.environ.pop("SDL_VIDEODRIVER", None)
