"""Makes Meta-World's tasks, one goal of a fixed set in every episode, drawn from the seed.

Meta-World's own `reset` ignores its seed, draws goals from NumPy's global generator, and leaves furniture where the
last episode's goal has put it. Its observation space is made before it knows that the goal is visible, and its first
observation isn't clipped to any space while all others are. Here a goal is drawn from the seed, the model starts as it
was loaded, the space is the one that observations are clipped to, and the first one is clipped too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._mujoco import OffScreenMujoco, sheltered
from pufferlib.environments._options import check_choice, check_int, check_name, fill_options
from pufferlib.environments._packages import find_package, import_package
from pufferlib.wrappers import EpisodeStats

DEFAULT = "reach-v3"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reach-v3", {"max_episode_steps": 60}),
    ("drawer-open-v3", {"goal_observable": False, "num_goals": None, "max_episode_steps": 60}),
    ("button-press-topdown-v3", {"terminate_on_success": True, "max_episode_steps": 60}),
)
LONGEST_EPISODE = 500  # Meta-World refuses to step on
OPTIONS: dict[str, Any] = {
    "num_goals": 50,
    "goal_seed": 0,
    "goal_observable": True,
    "terminate_on_success": False,
    "reward_function_version": "v2",
    "max_episode_steps": LONGEST_EPISODE,
    "camera_name": None,
    "width": 480,
    "height": 480,
}
_TASKS = """
assembly basketball bin-picking box-close button-press-topdown button-press-topdown-wall button-press
button-press-wall coffee-button coffee-pull coffee-push dial-turn disassemble door-close door-lock door-open
door-unlock drawer-close drawer-open faucet-close faucet-open hammer hand-insert handle-press-side handle-press
handle-pull-side handle-pull lever-pull peg-insert-side peg-unplug-side pick-out-of-hole pick-place
pick-place-wall plate-slide-back-side plate-slide-back plate-slide-side plate-slide push-back push push-wall
reach reach-wall shelf-place soccer stick-pull stick-push sweep-into sweep window-close window-open
""".split()
CAMERAS = ("corner", "corner2", "corner3", "corner4", "topview", "behindGripper", "gripperPOV")


def names() -> list[str]:
    """Lists the tasks of the benchmarks MT1 and MT50."""
    find_package("metaworld", "metaworld")  # importing it takes half a second
    return sorted(f"{task}-v3" for task in _TASKS)


def import_metaworld() -> Any:
    """Imports Meta-World; its import leaves variables and warning filters as they are."""
    with sheltered():
        return import_package("metaworld", "metaworld")


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    The last info of an episode has `success`: 1 if the task was done in any of its steps, else 0, which is the success
    rate of the Meta-World papers when averaged.

    Args:
        name: one of `names()`, for example "reach-v3".
        render_mode: None, "rgb_array", "depth_array" or "human"; only "human" needs a display.
        options: `num_goals` (goals that episodes choose from, 50 as in MT1; None: a new one each time), `goal_seed`
            (which 50, 0), `goal_observable` (True as in MT1; False as in ML1: the goal's three numbers are 0),
            `terminate_on_success` (False), `reward_function_version` ("v2", 0-10 a step; "v1"), `max_episode_steps`
            (500, which is also the most), `camera_name` (one of CAMERAS; None: a free camera), `width` and `height`
            (of frames, 480 pixels each).

    Raises:
        UnknownEnvironment: there is no such name.
        ConfigError: there is no such option, or it can't have that value.
    """
    check_name(name, names())
    check_choice("render_mode", render_mode, (None, "rgb_array", "depth_array", "human"))
    chosen = fill_options(name, options, OPTIONS)
    steps, version = chosen.pop("max_episode_steps"), chosen.pop("reward_function_version")
    check_int("max_episode_steps", steps, 1, LONGEST_EPISODE)
    check_choice("reward_function_version", version, ("v1", "v2"))
    camera = {key: chosen.pop(key) for key in ("camera_name", "width", "height")}
    check_choice("camera_name", camera["camera_name"], (None, *CAMERAS))
    if chosen["num_goals"] is not None:
        check_int("num_goals", chosen["num_goals"], 1, 1_000_000)
    task = import_metaworld().ALL_V3_ENVIRONMENTS[name]
    env = SeededTask(task(render_mode=render_mode, reward_function_version=version, **camera), **chosen)
    if steps < LONGEST_EPISODE:
        env = gymnasium.wrappers.TimeLimit(env, steps)
    if render_mode in ("rgb_array", "depth_array"):
        env = OffScreenMujoco(env)
    return GymnasiumPufferEnv(env=SuccessStats(env))


class SeededTask(gymnasium.Env[Any, Any]):
    """A task whose episodes are what their seed says, and whose observations are in their space.

    Observations: (39,) float64: hand (3), gripper (1), up to two objects (14), the same a step ago (18), the goal (3).
    Actions: (4,) float32 in -1..1: the hand's move, and closing the gripper.
    """

    def __init__(
        self, task: Any, num_goals: int | None, goal_seed: int, goal_observable: bool, terminate_on_success: bool
    ) -> None:
        """Takes an instance of one of Meta-World's task classes; see `make` for the options."""
        self.task = task  # not a wrapper's `env`: its `seed` method is one that Gymnasium warns of
        self.metadata, self.render_mode = task.metadata, task.render_mode
        self._num_goals, self._goal_seed = num_goals, goal_seed
        self._terminate_on_success = terminate_on_success
        task._set_task_called = True  # what `set_task` would do, but for the goal
        self.action_space, self.observation_space = task.action_space, _see_goal(task, goal_observable)
        self._positions = task.model.body_pos.copy(), task.model.site_pos.copy()
        self._random = np.random.default_rng()

    @property
    def mujoco_renderer(self) -> Any:
        """What draws the frames."""
        return self.task.mujoco_renderer

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode with one of the goals; the seed says with which."""
        super().reset(seed=seed)
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._draw_goal()
        observation, info = self.task.reset()
        return np.clip(observation, self.observation_space.low, self.observation_space.high), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps the task."""
        observation, reward, terminated, truncated, info = self.task.step(action)
        if self._terminate_on_success and info["success"]:
            terminated = True
        return observation, float(reward), terminated, truncated, info

    def render(self) -> Any:
        """Renders a frame."""
        return self.task.render()

    def close(self) -> None:
        """Closes the task."""
        self.task.close()

    def _draw_goal(self) -> None:
        """Draws where goal and objects are, in a model that is as it was loaded, and freezes that for the reset.

        The task rejects what it draws until objects are far enough from the goal, so it has to draw itself.
        """
        import mujoco

        task = self.task
        task.model.body_pos[:], task.model.site_pos[:] = self._positions
        mujoco.mj_resetData(task.model, task.data)
        if self._num_goals is None:
            task.np_random = self._random
        else:
            task.np_random = np.random.default_rng([self._goal_seed, self._random.integers(self._num_goals)])
        task._freeze_rand_vec, task.seeded_rand_vec = False, True
        task.reset_model()
        task._freeze_rand_vec = True


def _see_goal(task: Any, is_observable: bool) -> spaces.Box:
    """Shows or hides the goal, and returns the space of what a task clips its observations to.

    A hidden goal is three zeros. Its space stays as wide as that of a visible one: checkers dislike a single value.
    """
    task._partially_observable = False
    task.__dict__.pop("sawyer_observation_space", None)  # cached for a goal that can't be seen
    space = task.sawyer_observation_space
    low, high = space.low.copy(), space.high.copy()
    if not is_observable:
        low[-3:], high[-3:] = np.minimum(low[-3:], 0), np.maximum(high[-3:], 0)
        task._partially_observable = True
        task.__dict__.pop("sawyer_observation_space", None)
    return spaces.Box(low, high, dtype=np.float64)


class SuccessStats(EpisodeStats):
    """Episode statistics, with whether the task was done at any time."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        """Wraps `env`, whose infos have `success`."""
        super().__init__(env)
        self._success = 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode."""
        self._success = 0.0
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Steps; the last info of an episode says whether any step was a success."""
        observation, reward, terminated, truncated, info = super().step(action)
        self._success = max(self._success, float(info["success"]))
        if terminated or truncated:
            info = {**info, "success": self._success}
        return observation, reward, terminated, truncated, info
