"""Makes Gymnasium's MuJoCo robots, and draws them without a display."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._gymnasium import check_keywords, names_in
from pufferlib.environments._mujoco import OffScreenMujoco, sheltered
from pufferlib.environments._options import check_name
from pufferlib.environments._packages import find_package, import_package
from pufferlib.wrappers import EpisodeStats

DEFAULT = "HalfCheetah-v5"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("HalfCheetah-v5", {}),
    ("Hopper-v5", {"exclude_current_positions_from_observation": False}),
    ("Humanoid-v5", {}),
    ("InvertedPendulum-v5", {"max_episode_steps": 20}),
)
_OLDEST_VERSION = 4  # v2 and v3 need mujoco-py, which no current Python builds; Gymnasium has removed their code
_NOT_FOR_MUJOCO_3 = ("Pusher-v4",)  # its model relies on a bug of MuJoCo 2; Gymnasium refuses it
_SET_BY_THE_ROBOT = ("model_path", "observation_space")


def names() -> list[str]:
    """Lists the registered robots that run with the installed MuJoCo: v4 and v5."""
    find_package("mujoco", "mujoco")  # importing it takes a third of a second
    is_old = int(importlib.metadata.version("mujoco").partition(".")[0]) < 3
    return [
        name
        for name in names_in("gymnasium.envs.mujoco")
        if int(name.rpartition("-v")[2]) >= _OLDEST_VERSION and (is_old or name not in _NOT_FOR_MUJOCO_3)
    ]


def import_mujoco() -> Any:
    """Imports MuJoCo; its import leaves variables and warning filters as they are."""
    with sheltered():
        return import_package("mujoco", "mujoco")


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    Robots that move along report `distance` in the last info of an episode: metres along x since its start.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array", "depth_array" or "human"; only "human" needs a display.
        options: those of the robot, for example `frame_skip` (simulation steps of an action), `ctrl_cost_weight`,
            `forward_reward_weight`, `terminate_when_unhealthy`, `exclude_current_positions_from_observation`,
            `reset_noise_scale`, `xml_file`; of the camera: `width` and `height` (pixels, 480), `camera_id`,
            `camera_name`; and `max_episode_steps`.

    Raises:
        UnknownEnvironment: there is no such name.
        ConfigError: there is no such option.
    """
    check_name(name, names())
    import_mujoco()
    check_keywords(name, options, hidden=_SET_BY_THE_ROBOT)
    env = gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, **options)
    if render_mode in ("rgb_array", "depth_array"):
        env = OffScreenMujoco(env)
    return GymnasiumPufferEnv(env=RobotStats(env))


class RobotStats(EpisodeStats):
    """Episode statistics, with the distance of robots that say where they are."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Wraps `env`, whose innermost environment has MuJoCo's `data`."""
        super().__init__(env)
        self._start = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode, and remembers where."""
        observation, info = super().reset(seed=seed, options=options)
        self._start = float(self.env.unwrapped.data.qpos[0])  # type: ignore[attr-defined]
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps; the last info of an episode has the distance, if the robot's infos say where it is."""
        observation, reward, terminated, truncated, info = super().step(action)
        if (terminated or truncated) and "x_position" in info:
            info = {**info, "distance": float(info["x_position"]) - self._start}
        return observation, reward, terminated, truncated, info
