"""Makes saved states of Pokemon Red to start episodes from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pufferlib.environments.pokemon_red._console import Console
from pufferlib.environments.pokemon_red._rom import read_rom

_PRESS_FRAMES = 8


def make_state(
    path: str | os.PathLike[str],
    presses: Iterable[tuple[str, int]],
    rom_path: str | os.PathLike[str] | None = None,
    check_rom: bool = True,
    state_path: str | os.PathLike[str] | None = None,
) -> None:
    """Plays from the start of the game by a list of buttons, and saves where that leads.

    Args:
        path: the file to write, for the option `state_path` of the environment.
        presses: buttons ("none" for none) and the frames of 1/60 s until the next one, for example
            `[("none", 1500), ("start", 120), ("a", 120)]`; a button is down for 8 frames, or all if they are fewer.
        rom_path: as for the environment.
        check_rom: likewise.
        state_path: where to start instead of switching the console on.

    Raises:
        ConfigError: the ROM or the state can't be used.
    """
    console = Console(read_rom(rom_path, check_rom), state_path)
    try:
        for button, frames in presses:
            console.press(button, min(_PRESS_FRAMES, frames), frames)
        Path(path).write_bytes(console.save())
    finally:
        console.close()
