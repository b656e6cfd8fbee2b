"""Makes the tasks of the NetHack Learning Environment."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._packages import import_package
from pufferlib.environments.nethack._game import make_game
from pufferlib.environments.nethack._options import check_options, find_spec, parameters_of

DEFAULT = "NetHackScore-v0"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("NetHackScore-v0", {}),
    ("NetHackChallenge-v0", {}),
    ("NetHackStaircase-v0", {"observation_keys": "glyphs,blstats,message,colors,inv_glyphs,inv_strs,tty_colors"}),
    ("NetHackScout-v0", {"max_episode_steps": 40, "character": "val-hum-neu-fem"}),
)


def names() -> list[str]:
    """Lists all tasks of the installed NLE, the plain game without a task included."""
    import_package("nle", "nethack")
    return sorted(name for name, spec in gymnasium.registry.items() if str(spec.entry_point).startswith("nle.env"))


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated game that reports its episodes.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" (the map in tiles, (336, 1264, 3) uint8), "ansi" (the terminal, a string with
            colours) or "human" (prints it).
        options: of NLE, checked:
            observation_keys: names, or one string with commas between them. Default: "glyphs,blstats,message".
            character: role, race, gender and alignment, such as "mon-hum-neu-mal" (the default); "@": drawn anew
                in every episode (the default of NetHackChallenge).
            actions: keys of NetHack, or one of "all" (121), "useful" (86), "task" (23, the tasks' default) and
                "moves" (8). NetHackChallenge has all, always.
            max_episode_steps: steps after which an episode is cut: 5,000, NetHackChallenge 1,000,000.
            penalty_mode: "constant" (default), "exp", "square", "linear" or "always"; penalty_step: reward of steps
                in which no game time passes, -0.01; penalty_time: reward per turn, 0. Not for NetHack-v0.
            allow_all_yn_questions, allow_all_modes: hand all questions, and all menus and prompts, to the agent.
            no_progress_timeout: steps without a turn that end NetHackChallenge, 10,000 (it counts each step twice).
            fix_moon_phase: a seed fixes moon phase and time of day too, where NLE takes them from the clock. True.
            spawn_monsters, wizard, options (NetHack's own, a sequence), save_ttyrec_every, savedir: as in NLE.

    Raises:
        UnknownEnvironment: there is no such task; the error names the nearest.
        ConfigError: there is no such option, or it has a wrong value; the error says what would be right.
    """
    import_package("nle", "nethack")
    spec = find_spec(name, names())
    allowed = parameters_of(spec)
    if name.startswith("NetHackChallenge"):
        allowed -= {"actions", "wizard"}  # it sets both itself
    return make_game(spec, render_mode, {"fix_moon_phase": True, **check_options(name, options, allowed)})
