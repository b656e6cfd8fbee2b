"""Makes ViZDoom's scenarios and levels."""

from __future__ import annotations

import difflib
import functools
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._opencv import import_opencv
from pufferlib.environments._packages import import_package
from pufferlib.environments.vizdoom._doom import Doom
from pufferlib.exceptions import ConfigError, UnknownEnvironment
from pufferlib.wrappers import EpisodeStats

DEFAULT = "VizdoomBasic-v1"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("VizdoomBasic-v1", {}),
    ("VizdoomDeathmatch-v1", {"grayscale": True, "screen_height": 48}),
    ("VizdoomBasicNotifications-MultiBinary-v1", {"frame_skip": 1}),
    ("VizdoomFreedoom2MAP01-S3-v0", {"labels_buffer_enabled": True, "depth_buffer_enabled": True}),
)
USUAL_SKILL = 3  # "Hurt me plenty"
_LEVEL = re.compile(r"Vizdoom(Free)?[Dd]oom[12]?(E\dM\d|MAP\d\d)-S[1-5]-v0")


def names() -> list[str]:
    """Lists ViZDoom's scenarios, and the levels of Freedoom on their usual skill.

    `make` takes the ids of the other skills too, and those of Doom's own levels where their WAD is.
    """
    known = _ids()
    scenarios = [name for name in known if not _LEVEL.fullmatch(name)]
    levels = [name for name in known if _LEVEL.fullmatch(name) and f"-S{USUAL_SKILL}-" in name]
    return sorted(scenarios + [name for name in levels if _missing_wad(name) is None])


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT,
    render_mode: str | None = None,
    *,
    frame_skip: int = 4,
    screen_height: int | None = 60,
    screen_resolution: str = "RES_160X120",
    grayscale: bool = False,
    max_buttons_pressed: int | None = None,
    **settings: Any,
) -> GymnasiumPufferEnv:
    """Makes one emulated scenario that reports its episodes; its engine starts with the first reset.

    Args:
        name: one of `names()`, or the id of a level on another skill.
        render_mode: None, "rgb_array" or "human".
        frame_skip: frames of 1/35 s that an action lasts.
        screen_height: of the pictures that are observed, in pixels; their width follows. None: as drawn.
        screen_resolution: of the pictures as they are drawn; "RES_320X240", ViZDoom's own, takes thrice as long.
        grayscale: one channel. False: red, green, blue.
        max_buttons_pressed: so many buttons may be held at once, as one Discrete. 0: any, as a MultiBinary. None: 1, or
            0 in ids that say "MultiBinary" and in levels.
        settings: keys of the engine's configuration, for example `depth_buffer_enabled=True`,
            `labels_buffer_enabled=True`, `doom_skill=5`, `episode_timeout=1000`.

    Raises:
        UnknownEnvironment: there is no such id.
        ConfigError: an option is wrong, or a level's WAD, which is the user's, isn't there.
        MissingDependency: ViZDoom or OpenCV isn't installed.
    """
    known = _ids()
    if name not in known:
        lower = {candidate.lower(): candidate for candidate in known}
        near = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.5)
        raise UnknownEnvironment(name, [lower[match] for match in near])
    wad = _missing_wad(name)
    if wad is not None:
        raise ConfigError(
            name, f"its levels are in {wad.name}, which only those who have the game have.", f"Copy it to {wad.parent}."
        )
    import_opencv("vizdoom")
    if frame_skip < 1:
        raise ConfigError("frame_skip", f"it can't be {frame_skip!r}.", "Choose 1 or more.")
    if screen_height is not None and screen_height < 1:
        raise ConfigError(
            "screen_height", f"it can't be {screen_height!r}.", "Choose 60, or None for the size that is drawn."
        )
    settings["screen_resolution"] = screen_resolution
    for setting, value in settings.items():
        _check_setting(setting, value)
    if max_buttons_pressed is not None:
        settings["max_buttons_pressed"] = max_buttons_pressed
    settings = {"screen_format": "GRAY8" if grayscale else "RGB24", **settings}
    env = gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, frame_skip=frame_skip, **settings)
    return GymnasiumPufferEnv(env=EpisodeStats(Doom(env, screen_height)))


def _ids() -> list[str]:
    """Lists all ids that ViZDoom registers, without the warning filters that come with importing it."""
    with warnings.catch_warnings():
        import_package("vizdoom.gymnasium_wrapper", "vizdoom")
    return [name for name, spec in gymnasium.registry.items() if str(spec.entry_point).startswith("vizdoom.")]


def _missing_wad(name: str) -> Path | None:
    """Finds the file that a level is in, if it should be there and isn't; Freedoom's come with ViZDoom."""
    import vizdoom

    config = str(gymnasium.spec(name).kwargs["scenario_config_file"])
    wad = Path(vizdoom.root_path) / f"{Path(config).stem}.wad"
    return None if not _LEVEL.fullmatch(name) or wad.exists() else wad


def _check_setting(setting: str, value: Any) -> None:
    """Refuses a setting that the engine would only write a warning about; that warning is still to be seen."""
    import vizdoom

    known = [name[len("set_") :] for name in dir(vizdoom.DoomGame) if name.startswith("set_")]
    if setting not in known:
        near = difflib.get_close_matches(setting, known, n=3, cutoff=0.5)
        hint = f"Did you mean {', '.join(near)}?" if near else "See ViZDoom's documentation of its configuration."
        raise ConfigError(setting, "the engine has no such setting.", hint)
    if not vizdoom.DoomGame().set_config({setting: value}):
        raise ConfigError(setting, f"it can't be {value!r}.", "See ViZDoom's documentation of its configuration.")
