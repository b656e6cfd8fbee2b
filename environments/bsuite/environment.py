"""Makes bsuite's experiments, which are dm_env environments, as Gymnasium environments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._options import check_name, fill_options
from pufferlib.environments._packages import import_package
from pufferlib.exceptions import ConfigError
from pufferlib.wrappers import EpisodeStats

DEFAULT = "catch/0"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("catch/0", {}),
    ("bandit_noise/3", {}),
    ("cartpole_swingup/0", {}),
    ("deep_sea_stochastic/0", {}),
    ("memory_size/4", {}),
)
_DIGITS = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
NEEDS_FILES = {
    f"{experiment}/{setting}": "MNIST's digits, where bsuite looks for them"
    for experiment in ("mnist", "mnist_noise", "mnist_scale")
    for setting in range(20)
}
_FRAME_SIZE = 256  # pixels along the longer side of a frame, about


def names() -> list[str]:
    """Lists all of bsuite's ids, such as "catch/0"."""
    return sorted(import_package("bsuite.sweep", "bsuite").SWEEP)


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    The info of an episode's last step also holds what bsuite computes its scores from (`total_regret`, `raw_return`,
    `best_episode`, ...), as sums since the last `reset` with a seed. Nothing is written to files.

    Args:
        name: one of `names()`.
        render_mode: None or "rgb_array", which draws the observation.
        options: of the experiment, in place of the id's own setting, for example `size` for "deep_sea/0".

    Raises:
        UnknownEnvironment: there is no such id.
        ConfigError: the experiment has no such option, or the digits of an id of MNIST aren't there.
    """
    sweep = import_package("bsuite.sweep", "bsuite")
    check_name(name, sweep.SWEEP)
    parameters = inspect.signature(_experiment(name)).parameters.values()
    fill_options(name, options, {parameter.name: parameter.default for parameter in parameters})
    if name in NEEDS_FILES and (missing := _missing_digits()):
        problem = f"it needs {', '.join(path.name for path in missing)} in {missing[0].parent}."
        raise ConfigError(
            name, problem, "This downloads them: python -c 'from bsuite.utils import datasets; datasets.load_mnist()'"
        )
    return GymnasiumPufferEnv(env=EpisodeStats(Experiment(name, options, render_mode)))


class Experiment(gymnasium.Env[NDArray[np.float32], int]):
    """A bsuite experiment with Gymnasium's API.

    Observations and rewards are the experiment's own. An end with discount 0 is a terminal, one with another discount a
    truncation. `reset(seed=...)` starts the experiment again, sums included, with random numbers of that seed; what
    belongs to the id, like the meaning of the actions in "deep_sea/0", stays.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(self, name: str, options: dict[str, Any], render_mode: str | None = None) -> None:
        sweep = import_package("bsuite.sweep", "bsuite")
        self.render_mode = render_mode
        self._load = functools.partial(_experiment(name), **{**sweep.SETTINGS[name], **options})
        self._env = self._load()
        spec = self._env.observation_spec()
        # Only the specs of catch have bounds.
        low, high = getattr(spec, "minimum", -np.inf), getattr(spec, "maximum", np.inf)
        self.observation_space = gymnasium.spaces.Box(float(low), float(high), spec.shape, spec.dtype.type)
        self.action_space = gymnasium.spaces.Discrete(self._env.action_spec().num_values)
        self._observation = np.zeros(spec.shape, spec.dtype)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts an episode; with a seed, the whole experiment."""
        super().reset(seed=seed)
        if seed is not None:
            self._env = self._load()
            for random_state in random_states(self._env):
                random_state.seed(int(self.np_random.integers(2**32)))
        self._observation = self._env.reset().observation
        return self._observation, {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Takes a step; the last one of an episode has the experiment's sums in its info."""
        timestep = self._env.step(int(action))
        self._observation = timestep.observation
        ends = timestep.last()
        is_terminal = ends and timestep.discount == 0
        info = {key: float(value) for key, value in self._env.bsuite_info().items()} if ends else {}
        return self._observation, float(timestep.reward), is_terminal, ends and not is_terminal, info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the last observation, (height, width, 3); None without a render mode."""
        return draw(self._observation) if self.render_mode == "rgb_array" else None


def random_states(env: Any) -> list[np.random.RandomState]:
    """Finds the random numbers of an experiment, and of those that it wraps."""
    found = []
    while env is not None:
        parts = vars(env)
        found += [parts["_rng"]] if "_rng" in parts else []
        env = parts.get("_env")
    return found


def draw(observation: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draws a table of numbers as tiles: black is 0, green the largest size, red that of negative ones."""
    table = np.atleast_2d(observation)
    strength = np.abs(table) / max(1.0, float(np.abs(table).max()))
    tiles = np.zeros((*table.shape, 3), np.uint8)
    tiles[..., 0] = np.where(table < 0, 255 * strength, 0)
    tiles[..., 1] = np.where(table > 0, 255 * strength, 0)
    side = max(3, _FRAME_SIZE // max(table.shape))
    frame = tiles.repeat(side, 0).repeat(side, 1)
    frame[::side], frame[:, ::side] = 64, 64  # lines between the tiles
    return frame


def _experiment(name: str) -> Callable[..., Any]:
    """Finds the function that loads the experiment of an id."""
    loaders: dict[str, Callable[..., Any]] = import_package("bsuite.bsuite", "bsuite").EXPERIMENT_NAME_TO_ENVIRONMENT
    return loaders[name.partition("/")[0]]


def _missing_digits() -> list[Path]:
    """Lists the files of MNIST that aren't where bsuite looks for them."""
    datasets = import_package("bsuite.utils.datasets", "bsuite")
    folder = Path(inspect.signature(datasets.load_mnist).parameters["directory"].default)
    return [folder / name for name in _DIGITS if not (folder / name).is_file()]
