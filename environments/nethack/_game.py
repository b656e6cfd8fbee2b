"""One game of NLE or MiniHack as a well-behaved Gymnasium environment: seeds, ends, statistics, frames."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments.nethack._options import RENDER_MODES, check_render_mode
from pufferlib.wrappers import EpisodeStats

DEFAULT_KEYS = ("glyphs", "blstats", "message")
TTY_KEYS = ("tty_chars", "tty_colors", "tty_cursor")

# Places in blstats, the numbers of NetHack's status lines.
SCORE, DEPTH, GOLD, EXPERIENCE_LEVEL, TURNS = 9, 12, 13, 18, 20
# What NetHack's how_done() means, from its hack.h.
ENDS = (
    "died",
    "choked",
    "was poisoned",
    "starved",
    "drowned",
    "burned",
    "dissolved",
    "was crushed",
    "turned to stone",
    "turned to slime",
    "was genocided",
    "panicked",
    "was tricked",
    "quit",
    "escaped",
    "ascended",
)
_ABORTED = -1  # NLE's StepStatus where an episode is cut
_SUCCESSFUL = 2  # and where a task is done


def make_game(
    spec: EnvSpec, render_mode: str | None, options: Mapping[str, Any], build: Callable[..., Any] | None = None
) -> GymnasiumPufferEnv:
    """Makes the emulated game of a registered class.

    Args:
        spec: says which class.
        render_mode: None or one of `RENDER_MODES`.
        options: of the class. Those named like Gymnasium's own (max_episode_steps) reach it too.
        build: makes the game from the class and its options, with the observations `observation_keys`.
    """
    options = {"observation_keys": DEFAULT_KEYS, **spec.kwargs, **options}
    creator = functools.partial(build or build_nle, str(spec.entry_point))
    own = EnvSpec(spec.id, creator, order_enforce=False, disable_env_checker=True, kwargs=options)
    env = gymnasium.make(own, render_mode=check_render_mode(render_mode))
    return GymnasiumPufferEnv(env=EpisodeStats(Game(env, options["observation_keys"])))


def build_nle(entry_point: str, *, observation_keys: tuple[str, ...], render_mode: str | None, **options: Any) -> Any:
    """Makes one of NLE's environments; with a render mode that shows the terminal it has the terminal's keys too."""
    hidden = TTY_KEYS if render_mode in ("ansi", "human") else ()
    keys = (*observation_keys, *(key for key in hidden if key not in observation_keys))
    cls = extended(load_env_creator(entry_point), KeepsLast)
    with warnings.catch_warnings():
        # NLE logs that "internal" isn't meant for agents, by a method that Python has deprecated.
        warnings.filterwarnings("ignore", message="The 'warn' method is deprecated", category=DeprecationWarning)
        env = cls(observation_keys=keys, render_mode=None, **options)
    env.render_mode = render_mode
    return env


def extended(cls: Any, *mixins: type) -> Any:
    """Derives a class of the same name whose methods are looked up in `mixins` first."""
    return type(cls.__name__, (*mixins, cls), {})


class KeepsLast:
    """Mixed into a class of NLE: keeps what was seen before NLE quits a game that isn't over.

    Quitting overwrites the observation, which NLE returns as the episode's last, with NetHack's farewell.
    """

    last_seen: tuple[dict[str, Any], np.ndarray] | None = None  # observation and blstats, copied

    def _quit_game(self, observation: Any, done: bool) -> None:
        game: Any = self
        seen = {key: np.array(value) for key, value in game._get_observation(observation).items()}
        self.last_seen = seen, observation[game._blstats_index].copy()
        with warnings.catch_warnings():
            # A prompt may be open that NLE can't leave. The next reset ends the game anyway.
            warnings.filterwarnings("ignore", message="Warning: smooth quitting of game failed")
            super()._quit_game(observation, done)  # type: ignore[misc]


class Game(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Puts right what NLE does in its own way; see the data sheet.

    Observations: a Dict of those keys that were asked for. They alias NLE's buffers until the next step, but for the
    last of an episode; emulation copies them.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], keys: tuple[str, ...]) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, keys=keys)  # so that env.spec can make it again
        gymnasium.Wrapper.__init__(self, env)
        space = env.observation_space
        assert isinstance(space, gymnasium.spaces.Dict)
        self._selects = set(space) != set(keys)
        self._keys = keys
        self.observation_space = gymnasium.spaces.Dict({key: space[key] for key in keys})
        self.metadata = {"render_modes": list(RENDER_MODES), "render_fps": 10}
        self._inner: Any = env.unwrapped
        self._rng: np.random.Generator | None = None  # of the seeds of episodes; None: NLE draws them itself
        self._depth = 0
        self._status: Any = None  # blstats of the last step in which the game went on
        self._frame: np.ndarray | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts a game. A seed fixes this one and all that follow; without any, NetHack draws its own."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        if self._rng is not None:
            self.seed_game(self._rng)
        # NLE looks for this key in any options but None.
        options = None if options is None or "wizkit_items" not in options else options
        observation, _ = self.env.reset(seed=seed, options=options)
        self._inner.last_seen = None
        self._status = self._inner.last_observation[self._inner._blstats_index].copy()
        self._depth = int(self._status[DEPTH])
        return {key: observation[key] for key in self._keys}, {}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Takes a step; the info is empty but for the last of an episode."""
        observation, reward, done, _, info = self.env.step(action)
        inner = self._inner
        was_quit = inner.last_seen is not None
        if was_quit:
            observation, self._status = inner.last_seen
        elif not done:
            self._status = inner.last_observation[inner._blstats_index].copy()
        if self._status[DEPTH] > self._depth:
            self._depth = int(self._status[DEPTH])
        if self._selects:
            observation = {key: observation[key] for key in self._keys}
        if not done:
            return observation, reward, False, False, {}
        end_status = int(info["end_status"])
        truncated = was_quit and end_status == _ABORTED
        return observation, reward, not truncated, truncated, self._describe_end(was_quit, end_status)

    def seed_game(self, rng: np.random.Generator) -> None:
        """Fixes all random numbers of the next game, in NetHackChallenge too, whose own methods refuse."""
        core, disp, level = (int(number) for number in rng.integers(2**62, size=3))
        nethack = self._inner.nethack
        self._inner.level_seed = level % 2**31  # for MiniHack's levels that aren't drawn by NetHack
        type(nethack).set_initial_seeds(nethack, core, disp, reseed=False)

    def render(self) -> Any:
        """Shows the map in tiles, or the terminal; see `make`."""
        if self.render_mode == "rgb_array":
            return self._draw()
        if self.render_mode is None:
            return None
        inner = self._inner
        text = show_terminal(*(inner.last_observation[inner._observation_keys.index(key)] for key in TTY_KEYS))
        if self.render_mode == "ansi":
            return text
        print(text)
        return None

    def get_wrapper_attr(self, name: str) -> Any:
        """Looks up an attribute, but for NLE's `seed`: Gymnasium's environments take seeds in `reset`."""
        if name == "seed":
            raise AttributeError(name)
        return super().get_wrapper_attr(name)

    def _draw(self) -> np.ndarray:
        if self._frame is None:
            from nle.nethack import TILE_RENDER_SHAPE

            self._inner.nethack.setup_tiles()
            self._frame = np.zeros(TILE_RENDER_SHAPE, np.uint8)
        self._inner.nethack.draw_frame(self._frame)
        return self._frame.copy()

    def _describe_end(self, was_quit: bool, end_status: int) -> dict[str, Any]:
        """Says how a game went: numbers, and the end in a word."""
        status = self._status
        if was_quit:
            end = {_ABORTED: "time limit", _SUCCESSFUL: "success"}.get(end_status, "task failed")
        else:
            end = ENDS[self._inner.nethack.how_done()]
        return {
            "score": int(status[SCORE]),
            "depth": self._depth,
            "experience_level": int(status[EXPERIENCE_LEVEL]),
            "gold": int(status[GOLD]),
            "turns": int(status[TURNS]),
            "success": end in ("success", "ascended"),
            "died": not was_quit and end not in ("quit", "escaped", "ascended"),
            "end": end,
        }


def show_terminal(characters: np.ndarray, colors: np.ndarray, cursor: np.ndarray) -> str:
    """Writes the terminal as lines with ANSI colours, the cursor's place underlined.

    Args:
        characters: (24, 80) uint8, of code page 437.
        colors: (24, 80), 0-7, 8 more for bright ones.
        cursor: its row and column.
    """
    styles = [[f"{color >> 3 & 1};3{color & 7}" for color in row] for row in colors.tolist()]
    styles[cursor[0]][cursor[1]] += ";4"
    lines = []
    for row, text in zip(styles, characters, strict=True):
        pairs = zip(row, bytes(text).decode("cp437"), strict=True)
        runs = itertools.groupby(pairs, key=lambda pair: pair[0])
        lines.append("".join(f"\033[{style}m{''.join(letter for _, letter in run)}" for style, run in runs))
    return "\033[0m\n".join(lines) + "\033[0m"
