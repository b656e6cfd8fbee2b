"""A highway-env environment with a configuration, fixed spaces and frames that need no display."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import Iterator
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

_TRACK = {"length": (100, 200), "no_lanes": (2, 7)}  # racetrack-oval: from, up to without


class Driving(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Configures an environment and tidies what it returns.

    - Spaces stay the same objects; highway-env makes new ones in every `reset`, which loses the seed of the old.
    - The info of `reset` doesn't hold the rewards of a random action that nobody took.
    - The last step's info also holds `crashed`, `mean_speed` (m/s) and, where there is a goal, `is_success`.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], config: dict[str, Any] | None = None, render_mode: str | None = None
    ) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, config=config, render_mode=render_mode)
        gymnasium.Wrapper.__init__(self, env)
        self.inner: Any = env.unwrapped
        config = dict(config or {})
        self._drawn = {key: limits for key, limits in _TRACK.items() if config.get(key) == 0}
        configure(self.inner, config | {key: low for key, (low, _) in self._drawn.items()}, render_mode)
        self.observation_space, self.action_space = self.inner.observation_space, self.inner.action_space
        self._speeds: list[float] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Builds the road and its traffic again."""
        self._speeds = []
        self._draw_track(seed)
        with visible():
            observation, info = self.env.reset(seed=seed, options=options)
        return observation, {key: value for key, value in info.items() if key not in ("action", "rewards")}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Drives for one period of the policy."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._speeds.append(float(self.inner.vehicle.speed))
        if terminated or truncated:
            info["crashed"] = float(any(vehicle.crashed for vehicle in self.inner.controlled_vehicles))
            info["mean_speed"] = sum(self._speeds) / len(self._speeds)
            if "is_success" in info:
                info["is_success"] = float(np.mean(info["is_success"]))
        return observation, float(reward), bool(terminated), bool(truncated), info

    def render(self) -> Any:
        """Draws the road around the vehicle."""
        return draw(self.inner)

    def close(self) -> None:
        """Closes this environment; pygame stays for the others."""
        close_quietly(self.inner)
        self.env.close()

    def _draw_track(self, seed: int | None) -> None:
        """Draws what racetrack-oval's configuration has as 0, from random numbers that have a seed."""
        if self._drawn:
            rng = self.inner.np_random if seed is None else np.random.default_rng(seed)
            self.inner.config.update({key: int(rng.integers(*limits)) for key, limits in self._drawn.items()})


def configure(env: Any, config: dict[str, Any] | None, render_mode: str | None) -> None:
    """Gives an environment its configuration and render mode, and the spaces that follow from them.

    It isn't done when the environment is made, because not every constructor takes both.
    """
    env.configure(copy.deepcopy(config))
    env.render_mode = None  # "human" would open a window now
    env.config["offscreen_rendering"] = render_mode != "human"
    with visible():
        env.reset()
    env.render_mode = render_mode


def draw(env: Any) -> Any:
    """Draws the road as it is now; without a window nothing else is ever drawn, the frames between steps neither."""
    with visible():
        frame = env.render()
    env.enable_auto_render = env.render_mode == "human"
    return frame


def close_quietly(env: Any) -> None:
    """Forgets a viewer that has no window; closing it would quit pygame for the whole process."""
    if env.config["offscreen_rendering"]:
        env.viewer = None


@contextlib.contextmanager
def visible() -> Iterator[None]:
    """Lets pictures be drawn without a display, for the time of a block.

    highway-env draws nothing where SDL_VIDEODRIVER is "dummy", and without a driver SDL complains on stderr. Its driver
    "offscreen" does neither.
    """
    driver = os.environ.get("SDL_VIDEODRIVER")
    has_display = not sys.platform.startswith("linux") or "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if driver != "dummy" and (driver is not None or has_display):
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "offscreen"
    try:
        yield
    finally:
        os.environ.pop("SDL_VIDEODRIVER", None)
        if driver is not None:
            os.environ["SDL_VIDEODRIVER"] = driver
