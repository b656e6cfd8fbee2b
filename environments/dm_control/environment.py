"""Makes the tasks of DeepMind's control suite, as Gymnasium environments.

The suite speaks dm_env: a step has a type, a reward, a discount and a dict of arrays. A last step with discount 0 is a
terminal here, every other last step a truncation: the suite's time limits leave the discount at 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._mujoco import sheltered
from pufferlib.environments._options import check_choice, check_int, check_name, fill_options
from pufferlib.environments._packages import find_package
from pufferlib.environments.dm_control._suite import import_suite, prepare_renderer
from pufferlib.exceptions import ConfigError
from pufferlib.wrappers import EpisodeStats

DEFAULT = "cheetah-run"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cheetah-run", {}),
    ("hopper-hop", {"frame_skip": 4, "time_limit": 2.0}),
    ("point_mass-easy", {"from_pixels": True, "frame_skip": 4, "shadows": False, "time_limit": 2.0}),
)
OPTIONS: dict[str, Any] = {
    "from_pixels": False,
    "height": 84,
    "width": 84,
    "frame_stack": 3,
    "shadows": True,
    "camera_id": 0,
    "frame_skip": 1,
    "time_limit": None,
}
FRAME_SIZE = (240, 320)  # height, width of what `render` draws
_TASKS = {
    "acrobot": "swingup swingup_sparse",
    "ball_in_cup": "catch",
    "cartpole": "balance balance_sparse swingup swingup_sparse three_poles two_poles",
    "cheetah": "run",
    "dog": "fetch run stand trot walk",
    "finger": "spin turn_easy turn_hard",
    "fish": "swim upright",
    "hopper": "hop stand",
    "humanoid": "run run_pure_state stand walk",
    "humanoid_CMU": "run stand walk",
    "lqr": "lqr_2_1 lqr_6_2",
    "manipulator": "bring_ball bring_peg insert_ball insert_peg",
    "pendulum": "swingup",
    "point_mass": "easy hard",
    "quadruped": "escape fetch run walk",
    "reacher": "easy hard",
    "stacker": "stack_2 stack_4",
    "swimmer": "swimmer15 swimmer6",
    "walker": "run stand walk",
}
LARGEST_CONTROL = 1e6  # the suite writes MuJoCo's largest number where an actuator has no limit


def names() -> list[str]:
    """Lists all tasks as "domain-task"."""
    find_package("dm_control", "dm_control")  # importing it takes a second
    return sorted(f"{domain}-{task}" for domain, tasks in _TASKS.items() for task in tasks.split())


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    Args:
        name: one of `names()`, for example "cheetah-run".
        render_mode: None or "rgb_array"; frames are (240, 320, 3) and need no display.
        options: `from_pixels` (observe frames instead of the state, False), their `height` and `width` (84 each),
            `frame_stack` (last frames along the channels, 3) and `shadows` (True; False draws without shadows and
            reflections, three times as fast where there is no GPU); `camera_id` (of observed and rendered frames, 0; -1
            is the free camera; quadruped is usually watched with 2); `frame_skip` (control steps that an action is
            repeated for, 1; their rewards add up); `time_limit` (simulated seconds; None: the task's own, mostly 20).

    Raises:
        UnknownEnvironment: there is no such name.
        ConfigError: there is no such option, or it can't have that value.
    """
    check_name(name, names())
    check_choice("render_mode", render_mode, (None, "rgb_array"))
    chosen = fill_options(name, options, OPTIONS)
    for option in ("height", "width", "frame_stack", "frame_skip"):
        check_int(option, chosen[option], 1, 10_000)
    if chosen["time_limit"] is not None and not chosen["time_limit"] > 0:
        raise ConfigError("time_limit", f"it can't be {chosen['time_limit']!r}.", "Choose a number of seconds above 0.")
    domain, _, task = name.partition("-")
    return GymnasiumPufferEnv(env=EpisodeStats(ControlSuite(domain, task, render_mode, **chosen)))


class ControlSuite(gymnasium.Env[Any, NDArray[Any]]):
    """One task of the suite.

    Observations: Dict of the task's arrays, float64 and unbounded; or frames (height, width, 3 * frame_stack) uint8,
    the newest last. Actions: Box of float32, in -1..1 but for LQR, whose are unbounded.
    """

    def __init__(
        self,
        domain: str,
        task: str,
        render_mode: str | None = None,
        *,
        from_pixels: bool = False,
        height: int = 84,
        width: int = 84,
        frame_stack: int = 3,
        shadows: bool = True,
        camera_id: int | str = 0,
        frame_skip: int = 1,
        time_limit: float | None = None,
    ) -> None:
        """Loads the task; see `make` for the options."""
        self._name = (domain, task)
        self._task_kwargs = {} if time_limit is None else {"time_limit": time_limit}
        self._from_pixels, self._size, self._camera_id = from_pixels, (height, width), camera_id
        self._frame_stack, self._frame_skip = frame_stack, frame_skip
        self._flags = None if shadows else {"shadow": False, "reflection": False}
        self._env = self._load(np.random.RandomState())
        from dm_control.rl.control import PhysicsError

        self._physics_error = PhysicsError
        self._frames = np.zeros((height, width, 3 * frame_stack), np.uint8)
        self._last_observation: Any = None
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": self._frames_per_second()}
        self.action_space = _box_of(self._env.action_spec())
        self.observation_space = (
            spaces.Box(0, 255, self._frames.shape, np.uint8)
            if from_pixels
            else spaces.Dict({key: _box_of(spec) for key, spec in self._env.observation_spec().items()})
        )

    @property
    def physics(self) -> Any:
        """The suite's simulation, with its `model` and `data`."""
        return self._env.physics

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode; with a seed, all that is random in the task starts anew."""
        super().reset(seed=seed)
        if seed is not None:
            state = np.random.SeedSequence(seed).generate_state(4)
            if self._name[0] == "lqr":  # draws its springs when it is made
                self.close()
                self._env = self._load(np.random.RandomState(state))
            else:
                self._env.task.random.seed(state)
        if self.physics._contexts:
            self._make_current()  # a new terrain is sent to it
        self.physics.is_resetting = True
        step = self._env.reset()
        self.physics.is_resetting = False
        if self._from_pixels:
            self._frames = np.concatenate([self._draw(*self._size)] * self._frame_stack, 2)
        self._last_observation = self._observe(step)
        return self._last_observation, {}

    def step(self, action: NDArray[Any]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes the action `frame_skip` times, or until the episode ends.

        Where the simulation diverges, the episode is cut: the observation before stands again, and `diverged` is 1.
        """
        total = 0.0
        for _ in range(self._frame_skip):
            try:
                step = self._env.step(action)
            except self._physics_error:
                return self._last_observation, total, False, True, {"diverged": 1.0}
            total += float(step.reward)
            if step.last():
                break
        if self._from_pixels:
            self._frames = np.concatenate([self._frames[..., 3:], self._draw(*self._size)], 2)
        self._last_observation = self._observe(step)
        is_terminal = bool(step.last() and step.discount == 0)
        return self._last_observation, total, is_terminal, bool(step.last()) and not is_terminal, {}

    def render(self) -> Any:
        """Draws a frame, (240, 320, 3) uint8."""
        return self._draw(*FRAME_SIZE) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Frees what frames were drawn with."""
        if self.physics._contexts:
            self._make_current()
        self.physics.free()

    def _load(self, random: np.random.RandomState) -> Any:
        kwargs = {**self._task_kwargs, "random": random}
        return import_suite().load(*self._name, task_kwargs=kwargs)

    def _observe(self, step: Any) -> Any:
        """Copies what the suite returned: some of its arrays are views of the simulation."""
        if self._from_pixels:
            return self._frames
        return {
            key: np.array(step.observation[key], dtype=space.dtype) for key, space in self.observation_space.items()
        }

    def _draw(self, height: int, width: int) -> NDArray[np.uint8]:
        self._make_current()
        frame: NDArray[np.uint8] = self.physics.render(
            height, width, camera_id=self._camera_id, render_flag_overrides=self._flags
        )
        return frame

    def _make_current(self) -> None:
        """Makes the context of this simulation current; the suite doesn't notice what else draws in this thread."""
        if not self.physics._contexts:
            prepare_renderer()
            with sheltered():
                _ = self.physics.contexts  # reading it makes them
        context = self.physics.contexts.gl
        with context._render_executor.execution_context() as executor:
            executor.call(context._platform_make_current)

    def _frames_per_second(self) -> int:
        return max(1, round(1 / (self._env.control_timestep() * self._frame_skip)))


def _box_of(spec: Any) -> spaces.Box:
    """Turns an array's specification into a Box; what MuJoCo calls unlimited is infinite."""
    is_action = hasattr(spec, "minimum")
    if not is_action:
        return spaces.Box(-np.inf, np.inf, spec.shape, spec.dtype)
    low = np.broadcast_to(np.where(spec.minimum < -LARGEST_CONTROL, -np.inf, spec.minimum), spec.shape)
    high = np.broadcast_to(np.where(spec.maximum > LARGEST_CONTROL, np.inf, spec.maximum), spec.shape)
    return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
