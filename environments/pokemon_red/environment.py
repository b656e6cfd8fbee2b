"""Makes Pokemon Red, played on PyBoy: buttons in, pictures and numbers from the game's memory out."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._packages import find_package
from pufferlib.environments.pokemon_red import _test_rom
from pufferlib.environments.pokemon_red._rom import FILE_NAME, VARIABLE, read_rom
from pufferlib.exceptions import ConfigError, UnknownEnvironment

DEFAULT = "PokemonRed"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("TestRom", {"max_steps": 100}),
    (
        "TestRom",
        {"max_steps": 64, "frame_stack": 1, "idle_frames_max": 30, "buttons": "right,up,a,b,start,select,none"},
    ),
)
# Names that can't be made from the package alone, and what they need.
NEEDS_FILES = {"PokemonRed": f"the user's own ROM, as {FILE_NAME} or where {VARIABLE} says"}
BUTTONS = ("down", "left", "right", "up", "a", "b", "start")
_ALL_BUTTONS = (*BUTTONS, "select", "none")


def names() -> list[str]:
    """Lists the game, which needs the user's ROM, and a tiny free stand-in for tests, which needs nothing."""
    find_package("pyboy", "pokemon_red")
    return ["PokemonRed", "TestRom"]


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT,
    render_mode: str | None = None,
    *,
    rom_path: str | os.PathLike[str] | None = None,
    check_rom: bool = True,
    state_path: str | os.PathLike[str] | None = None,
    max_steps: int = 16_384,
    frame_skip: int = 24,
    press_frames: int = 8,
    frame_stack: int = 3,
    buttons: str | Sequence[str] = BUTTONS,
    idle_frames_max: int = 0,
    explore_reward: float = 0.01,
    level_reward: float = 0.5,
    badge_reward: float = 5.0,
    event_reward: float = 1.0,
    heal_reward: float = 1.0,
) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    Args:
        name: "PokemonRed", or "TestRom": a free program with the same numbers in its memory.
        render_mode: None or "rgb_array": the screen, (144, 160, 3).
        rom_path: the ROM. None: the variable PUFFERLIB_POKEMON_RED_ROM, then pufferlib/pokemon_red.gb in
            $XDG_DATA_HOME (~/.local/share).
        check_rom: refuses a ROM that isn't the English Pokemon Red.
        state_path: where episodes start: a file that PyBoy, `states.make_state` or the environment's `save_state`
            wrote. None: the console is switched on, and the game begins with its title and its introduction.
        max_steps: actions after which an episode is truncated; nothing else ends one.
        frame_skip: frames of 1/60 s for an action; a step on the map takes 16.
        press_frames: frames of these for which the button is down.
        frame_stack: pictures in an observation, the newest last.
        buttons: what the actions press, some of down, left, right, up, a, b, start, select, none; a string with commas
            will do.
        idle_frames_max: an episode starts after 0 to this many frames, drawn with its seed. The game's own dice depend
            on the time, so this gives every seed another game.
        explore_reward: for every tile (map, x, y) that the episode hasn't seen.
        level_reward: for every level that the party has in all above its highest so far.
        badge_reward: for every badge.
        event_reward: for every flag of the story that is set for the first time.
        heal_reward: for healing the whole party from nothing; less for a part.

    Raises:
        UnknownEnvironment: there is no such name.
        ConfigError: the ROM is missing or another one, or an option has a value that can't be.
    """
    from pufferlib.environments.pokemon_red._console import Console
    from pufferlib.environments.pokemon_red._game import PokemonRed, RewardWeights
    from pufferlib.wrappers import EpisodeStats

    if name not in (known := names()):
        raise UnknownEnvironment(name, difflib.get_close_matches(name, known, cutoff=0.3))
    if render_mode not in (None, "rgb_array"):
        raise ConfigError("render_mode", f"it can't be {render_mode!r}.", 'Choose None or "rgb_array".')
    _check_counts(max_steps=max_steps, frame_stack=frame_stack, press_frames=press_frames, frame_skip=frame_skip)
    if frame_skip <= press_frames:
        problem = f"it is {frame_skip}, and the button is down for {press_frames} of these frames."
        raise ConfigError("frame_skip", problem, "Choose more than press_frames, so that the game sees the release.")
    if idle_frames_max < 0:
        raise ConfigError("idle_frames_max", f"it is {idle_frames_max}.", "Choose 0 or more.")
    if name == "TestRom":
        if rom_path is not None:
            raise ConfigError("rom_path", "TestRom is made by the program itself.", "Leave it out, or use PokemonRed.")
        console = Console(_test_rom.build(), state_path, _test_rom.START_FRAMES)
    else:
        console = Console(read_rom(rom_path, check_rom), state_path)
    env = PokemonRed(
        console,
        render_mode=render_mode,
        max_steps=max_steps,
        frame_skip=frame_skip,
        press_frames=press_frames,
        frame_stack=frame_stack,
        buttons=_parse_buttons(buttons),
        idle_frames_max=idle_frames_max,
        weights=RewardWeights(explore_reward, level_reward, badge_reward, event_reward, heal_reward),
    )
    return GymnasiumPufferEnv(env=EpisodeStats(env))


def _check_counts(**options: int) -> None:
    for option, value in options.items():
        if value < 1:
            raise ConfigError(option, f"it is {value}.", "Choose 1 or more.")


def _parse_buttons(buttons: str | Sequence[str]) -> tuple[str, ...]:
    """Checks the names of buttons."""
    chosen = tuple(button.strip() for button in (buttons.split(",") if isinstance(buttons, str) else buttons))
    for button in chosen:
        if button not in _ALL_BUTTONS:
            near = difflib.get_close_matches(button, _ALL_BUTTONS, n=1, cutoff=0.3)
            remedy = f"Did you mean {near[0]}?" if near else f"Choose some of {', '.join(_ALL_BUTTONS)}."
            raise ConfigError("buttons", f"there is no button {button!r}.", remedy)
    if len(set(chosen)) != len(chosen):
        raise ConfigError("buttons", f"{', '.join(chosen)} names one twice.", "Name each once.")
    return chosen
