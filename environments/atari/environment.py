"""Makes the games of the Arcade Learning Environment with the preprocessing that papers compare on."""

from __future__ import annotations

import difflib
import functools
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._opencv import import_opencv
from pufferlib.environments._packages import import_package
from pufferlib.environments.atari._lives import OneLife
from pufferlib.environments.atari._screens import Screens
from pufferlib.exceptions import ConfigError, UnknownEnvironment
from pufferlib.wrappers import EpisodeStats

DEFAULT = "Breakout"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Breakout", {}),
    ("Pong", {"grayscale": False, "frame_stack": 2, "screen_size": 42}),
    ("Seaquest", {"terminal_on_life_loss": True, "clip_rewards": True, "full_action_space": True}),
)
STICKY = 0.25  # Machado et al. 2018, section 5.3


def names() -> list[str]:
    """Lists the games whose ROM comes with ale-py and that one player can play."""
    _import_ale()
    return sorted(name[len("ALE/") : -len("-v5")] for name in gymnasium.registry if name.startswith("ALE/"))


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT,
    render_mode: str | None = None,
    *,
    noop_max: int = 30,
    frame_skip: int = 4,
    screen_size: int | tuple[int, int] = 84,
    grayscale: bool = True,
    frame_stack: int = 4,
    fire_reset: bool = True,
    terminal_on_life_loss: bool = False,
    clip_rewards: bool = False,
    repeat_action_probability: float | None = None,
    full_action_space: bool = False,
    max_episode_frames: int = 108_000,
    mode: int | None = None,
    difficulty: int | None = None,
) -> GymnasiumPufferEnv:
    """Makes one emulated game that reports its episodes.

    Episode statistics always count whole games and true scores, whatever `terminal_on_life_loss` and `clip_rewards`
    make of them for the learner.

    Args:
        name: one of `names()`; "ALE/Breakout-v5" and "BreakoutNoFrameskip-v4" are understood too.
        render_mode: None, "rgb_array" or "human".
        noop_max: a game starts with 1 to so many frames without an action, drawn at random. 0: none.
        frame_skip: frames that an action lasts; the observation shows the brighter pixel of the last two.
        screen_size: height and width of the observation in pixels, one number if they are the same; the console's own
            are (210, 160).
        grayscale: one plane a frame. False: three, red, green, blue.
        frame_stack: frames that an observation shows, the newest last.
        fire_reset: presses FIRE once at a game's start, in games with that button: some wait for it.
        terminal_on_life_loss: the loss of a life ends an episode; the next one goes on in the same game.
        clip_rewards: clips rewards to -1..1. False, because the trainer does it itself (`ppo.reward_clip`).
        repeat_action_probability: how likely a frame repeats the last frame's action in place of the chosen one.
            None: 0.25, or 0 for an id that ends in "-v4".
        full_action_space: all 18 actions, rather than those that the game knows.
        max_episode_frames: a game of so many frames is truncated.
        mode: the game's mode; None is its usual one. See Machado et al. 2018, section 5.4.
        difficulty: the console's difficulty switch; None is the usual one.

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: an option is out of its range.
        MissingDependency: ale-py or OpenCV isn't installed.
    """
    game, sticky = _parse(name)
    import_opencv("atari")
    if repeat_action_probability is None:
        repeat_action_probability = sticky
    size = (screen_size, screen_size) if isinstance(screen_size, int) else tuple(screen_size)
    _check("noop_max", noop_max, noop_max >= 0, "0 or more")
    _check("frame_skip", frame_skip, frame_skip >= 1, "1 or more")
    _check("screen_size", screen_size, len(size) == 2 and min(size) >= 1, "84, or (height, width) such as (210, 160)")
    _check("frame_stack", frame_stack, frame_stack >= 1, "1 or more")
    _check("repeat_action_probability", repeat_action_probability, 0 <= repeat_action_probability < 1, "0, or below 1")
    _check("max_episode_frames", max_episode_frames, max_episode_frames >= 1, "108000")
    if mode is not None or difficulty is not None:
        _check_flavour(game, mode, difficulty)
    env: gymnasium.Env[Any, Any] = gymnasium.make(
        f"ALE/{game}-v5",
        render_mode=render_mode,
        disable_env_checker=True,
        frameskip=1,
        repeat_action_probability=repeat_action_probability,
        full_action_space=full_action_space,
        max_num_frames_per_episode=max_episode_frames,
        mode=mode,
        difficulty=difficulty,
    )
    env = Screens(env, noop_max, frame_skip, size, grayscale, frame_stack, fire_reset)
    env = EpisodeStats(env)  # below what changes rewards and ends
    if terminal_on_life_loss:
        env = OneLife(env)
    if clip_rewards:
        env = gymnasium.wrappers.TransformReward(env, clip)
    return GymnasiumPufferEnv(env=env)


def clip(reward: float) -> float:
    """Clips a reward to -1..1."""
    return max(-1.0, min(1.0, reward))


def _import_ale() -> Any:
    """Imports ale-py, which registers its games, without the warning filter and the banner that come with it."""
    with warnings.catch_warnings():
        ale_py = import_package("ale_py", "atari")
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    return ale_py


def _parse(name: str) -> tuple[str, float]:
    """Finds the game that a name or an id means, and how likely actions stick in that id."""
    known, game, sticky = names(), name, STICKY
    if name.startswith("ALE/") and name.endswith("-v5"):
        game = name[len("ALE/") : -len("-v5")]
    elif name.endswith(("NoFrameskip-v4", "NoFrameskip-v0")):
        game = name[: -len("NoFrameskip-v4")]
        sticky = 0.0 if name.endswith("4") else STICKY
    if game in known:
        return game, sticky
    lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(game.replace("_", "").lower(), lower, n=3, cutoff=0.5)
    raise UnknownEnvironment(name, [lower[match] for match in near])


def _check(option: str, value: object, is_right: bool, remedy: str) -> None:
    """Refuses an option that is out of its range."""
    if not is_right:
        raise ConfigError(option, f"it can't be {value!r}.", f"Choose {remedy}.")


def _check_flavour(game: str, mode: int | None, difficulty: int | None) -> None:
    """Refuses a mode or difficulty that the game doesn't have."""
    with gymnasium.make(f"ALE/{game}-v5", disable_env_checker=True) as env:
        ale: Any = env.unwrapped.ale  # type: ignore[attr-defined]
        choices = (("mode", mode, ale.getAvailableModes()), ("difficulty", difficulty, ale.getAvailableDifficulties()))
    for option, value, available in choices:
        _check(option, value, value is None or value in available, f"one of {list(available)}")
