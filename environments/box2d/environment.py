"""Makes Gymnasium's Box2D games: a world that is new in every episode, and statistics that say how far one got."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._display import OffScreen
from pufferlib.environments._gymnasium import check_keywords, names_in
from pufferlib.environments._options import check_choice, check_int, check_name
from pufferlib.environments._packages import find_package, import_package
from pufferlib.wrappers import EpisodeStats

DEFAULT = "LunarLander-v3"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("LunarLander-v3", {}),
    ("LunarLanderContinuous-v3", {"enable_wind": True}),
    ("BipedalWalkerHardcore-v3", {}),
    ("CarRacing-v3", {"frame_stack": 2, "grayscale": True, "max_episode_steps": 100}),
)
FRAME_OPTIONS = ("frame_skip", "frame_stack", "grayscale")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def names() -> list[str]:
    """Lists the registered ids whose code is in Gymnasium's Box2D package."""
    find_package("Box2D", "box2d")
    return names_in("gymnasium.envs.box2d")


def import_box2d() -> Any:
    """Imports Box2D; SWIG, which its binding is made with, warns of its own classes, and crashes if that's an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="builtin type [Ss]wig", category=DeprecationWarning)
        return import_package("Box2D", "box2d")


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    The last info of an episode says how it went: `landed` (LunarLander, 0 or 1), `progress` (BipedalWalker and
    CarRacing, the part of the course that was covered, 0-1), `lap_finished` (CarRacing, 0 or 1).

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human".
        options: those of the game, for example LunarLander's `enable_wind`, `wind_power`, `gravity`, CarRacing's
            `continuous`, `domain_randomize`, `lap_complete_percent`; `max_episode_steps`; and for CarRacing's pixels
            `frame_skip` (steps that an action is repeated for, 1), `frame_stack` (last frames along the channels, 1)
            and `grayscale` (one channel a frame instead of three, False).

    Raises:
        UnknownEnvironment: there is no such name.
        ConfigError: there is no such option.
    """
    check_name(name, names())
    import_box2d()
    frames = {}
    if name.startswith("CarRacing"):
        frames = {option: options.pop(option) for option in FRAME_OPTIONS if option in options}
    check_keywords(name, options)
    env = gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, **options)
    if render_mode == "rgb_array":
        env = OffScreen(env)
    if frames:
        env = Frames(env, **frames)
    return GymnasiumPufferEnv(env=Box2DStats(env))


class Box2DStats(EpisodeStats):
    """Episode statistics, and a new world for every episode.

    Box2D keeps contacts and its allocator's order when bodies are destroyed, so that an episode in a used world differs
    from the same one in a new world. LunarLander makes a new one itself.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode in a new world."""
        inner: Any = self.env.unwrapped
        if not hasattr(inner, "lander"):
            import Box2D

            inner._destroy()
            inner.world = Box2D.b2World((0, 0)) if hasattr(inner, "road") else Box2D.b2World()
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps; the last info of an episode says how far it got."""
        observation, reward, terminated, truncated, info = super().step(action)
        if terminated or truncated:
            info = {**info, **_outcome(self.env.unwrapped, terminated, info)}
        return observation, reward, terminated, truncated, info


def _outcome(inner: Any, terminated: bool, info: dict[str, Any]) -> dict[str, float]:
    """Says how an episode that has just ended went."""
    if hasattr(inner, "lander"):
        return {"landed": float(terminated and not inner.lander.awake)}
    if hasattr(inner, "road"):
        progress = inner.tile_visited_count / len(inner.track)
        return {"progress": progress, "lap_finished": float(info.get("lap_finished", False))}
    from gymnasium.envs.box2d import bipedal_walker as walker

    start = walker.TERRAIN_STEP * walker.TERRAIN_STARTPAD / 2
    goal = walker.TERRAIN_STEP * (walker.TERRAIN_LENGTH - walker.TERRAIN_GRASS)
    return {"progress": float(np.clip((inner.hull.position.x - start) / (goal - start), 0, 1))}


class Frames(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Repeats actions, and stacks and pales what one sees.

    Observations: (height, width, channels * frame_stack) uint8, the newest frame last.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], frame_skip: int = 1, frame_stack: int = 1, grayscale: bool = False
    ) -> None:
        """Wraps an environment of colour frames; see `make` for the options."""
        check_int("frame_skip", frame_skip, 1, 100)
        check_int("frame_stack", frame_stack, 1, 100)
        check_choice("grayscale", grayscale, (True, False))
        gymnasium.utils.RecordConstructorArgs.__init__(
            self, frame_skip=frame_skip, frame_stack=frame_stack, grayscale=grayscale
        )
        gymnasium.Wrapper.__init__(self, env)
        assert env.observation_space.shape is not None
        height, width, channels = env.observation_space.shape
        self._num_channels = 1 if grayscale else channels
        self._frame_skip, self._frame_stack, self._grayscale = frame_skip, frame_stack, grayscale
        self.observation_space = spaces.Box(0, 255, (height, width, self._num_channels * frame_stack), np.uint8)
        self._frames = np.zeros(self.observation_space.shape, np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode; its first frame stands for those before it."""
        frame, info = self.env.reset(seed=seed, options=options)
        self._frames = np.concatenate([self._pale(frame)] * self._frame_stack, 2)
        return self._frames, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Takes the action `frame_skip` times, or until the episode ends; the rewards add up."""
        total = 0.0
        for _ in range(self._frame_skip):
            frame, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        self._frames = np.concatenate([self._frames[..., self._num_channels :], self._pale(frame)], 2)
        return self._frames, total, terminated, truncated, info

    def _pale(self, frame: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Turns (height, width, 3) into (height, width, 1), if that was asked for."""
        return (frame @ _LUMA).round().astype(np.uint8)[..., None] if self._grayscale else frame
