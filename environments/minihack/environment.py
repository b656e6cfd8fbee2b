"""Makes MiniHack's tasks: small worlds described in NetHack's level language, each for one skill."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments import _legacy
from pufferlib.environments._packages import import_package
from pufferlib.environments.minihack._build import build_minihack
from pufferlib.environments.nethack._game import make_game
from pufferlib.environments.nethack._options import check_keys, check_options, find_spec, parameters_of
from pufferlib.exceptions import ConfigError, MissingDependency

DEFAULT = "MiniHack-Room-Random-5x5-v0"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("MiniHack-Room-Random-5x5-v0", {}),
    ("MiniHack-MultiRoom-N2-Locked-v0", {}),
    ("MiniHack-KeyRoom-S5-v0", {"observation_keys": "glyphs,blstats,message,inv_glyphs,inv_strs,inv_letters"}),
    ("MiniHack-River-v0", {"observation_keys": "glyphs,blstats,chars_crop,colors_crop,pixel_crop,tty_colors"}),
)


def names() -> list[str]:
    """Lists all tasks of MiniHack; the three of Boxoban only where their levels have been downloaded."""
    _import_minihack()
    return [name for name in _registered() if not _lacks_levels(name)]


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated task that reports its episodes.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" (the map in tiles, (336, 1264, 3) uint8), "ansi" (the terminal, a string with
            colours) or "human" (prints it).
        options: of MiniHack and NLE, checked:
            observation_keys: names, or one string with commas between them. Default: "glyphs,blstats,message". NLE's
                keys, their windows around the agent (glyphs_crop, chars_crop, colors_crop, specials_crop,
                tty_chars_crop, tty_colors_crop, screen_descriptions_crop), and tiles: pixel, pixel_crop.
            obs_crop_h, obs_crop_w: height and width of the windows, odd numbers, 9; obs_crop_pad: what stands beyond
                the map, 0.
            reward_win: at the goal, 1; reward_lose: at death and when time is up, 0.
            penalty_mode, penalty_step, penalty_time: for steps in which no game time passes; as in NLE.
            max_episode_steps: steps after which an episode is cut; each task has its own.
            character, actions, autopickup, pet, spawn_monsters, allow_all_yn_questions, allow_all_modes: each task
                has its own; see MiniHack.
            seeds: draws each level from this list of integers. Not for levels that Minigrid draws.
            fix_moon_phase: a seed fixes moon phase and time of day too, where NLE takes them from the clock. True.
            des_file: the level of a `*-Custom-*` task, as text or as a path that ends in ".des"; without one, a
                room with stairs. reward_manager: its rewards.
            include_see_actions, include_alignment_blstats, use_wiki, wizard, options: as in MiniHack.

    Raises:
        UnknownEnvironment: there is no such task; the error names the nearest.
        ConfigError: there is no such option, or it has a wrong value; the error says what would be right.
        MissingDependency: the task's levels must be downloaded first.
    """
    _import_minihack()
    spec = find_spec(name, _registered())
    levels = _lacks_levels(name)
    if levels:
        # MiniHack's own download script needs pkg_resources and wget.
        remedy = f"git clone https://github.com/google-deepmind/boxoban-levels {levels}"
        raise MissingDependency(name, "boxoban-levels", remedy)
    allowed = parameters_of(spec)
    if "Custom" not in name:
        allowed -= {"des_file", "reward_manager"}
    if str(spec.entry_point).startswith("minihack.envs.minigrid"):
        import_package("minigrid", "minihack")
        allowed -= {"seeds"}  # its level is drawn before MiniHack takes the seed
    keys = options.pop("observation_keys", None)
    checked = {"fix_moon_phase": True, **check_options(name, options, allowed)}
    if keys is not None:
        checked["observation_keys"] = check_keys(keys, _known_keys())
    _check_sizes(checked)
    return make_game(spec, render_mode, checked, build_minihack)


def _import_minihack() -> None:
    """Imports MiniHack, and with it NLE."""
    with _legacy.pkg_resources():
        import_package("minihack", "minihack")


def _registered() -> list[str]:
    """Lists all ids whose code is in MiniHack."""
    specs = gymnasium.registry.items()
    return sorted(name for name, spec in specs if name.startswith("MiniHack-") and _is_minihacks(spec))


def _is_minihacks(spec: EnvSpec) -> bool:
    return str(spec.entry_point).startswith("minihack.")


def _lacks_levels(name: str) -> Path | None:
    """Finds where the levels of a Boxoban task would be, if they aren't there."""
    if not name.startswith("MiniHack-Boxoban"):
        return None
    levels = Path(importlib.import_module("minihack.envs.boxohack").LEVELS_PATH)
    return None if levels.is_dir() else levels


def _known_keys() -> list[str]:
    from minihack.base import MINIHACK_SPACE_FUNCS
    from nle.nethack import OBSERVATION_DESC

    hidden = {"internal", "program_state", "misc"}  # MiniHack doesn't ask NLE for them
    return [*(key for key in OBSERVATION_DESC if key not in hidden), *MINIHACK_SPACE_FUNCS, "pixel"]


def _check_sizes(options: dict[str, Any]) -> None:
    for option in ("obs_crop_h", "obs_crop_w"):
        side = options.get(option, 9)
        if isinstance(side, bool) or not isinstance(side, int) or side < 1 or side % 2 == 0:
            raise ConfigError(option, f"it is {side!r}.", "Give an odd number: the agent stands in the middle.")
