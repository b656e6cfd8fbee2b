"""A Game Boy that leaves no trace: no window, no files beside the ROM, nothing printed."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pufferlib.environments._mujoco import opengl_for_mujoco
from pufferlib.environments._packages import import_package
from pufferlib.environments.pokemon_red._memory import Facts, read_facts
from pufferlib.exceptions import ConfigError

SCREEN = (144, 160)  # pixels
PICTURE = (72, 80)  # half of it
_SILENT = 5  # above all of PyBoy's levels for what it prints


def import_pyboy() -> ModuleType:
    """Imports PyBoy without the warning of its window library, which isn't used here.

    PyBoy imports PyOpenGL, for a window too; robots must still be able to draw with it in the same process.
    """
    with warnings.catch_warnings(), opengl_for_mujoco():
        warnings.filterwarnings("ignore", message=".*SDL2 binaries", category=UserWarning)
        return import_package("pyboy", "pokemon_red")


class Console:
    """PyBoy with a cartridge from memory, which can always go back to where it was when it was made."""

    def __init__(self, rom: bytes, state_path: str | os.PathLike[str] | None = None, start_frames: int = 0) -> None:
        """Switches the console on.

        Args:
            rom: the cartridge.
            state_path: a saved state to start from. None: the console has just been switched on.
            start_frames: frames to let pass before that start, where there is no saved state.

        Raises:
            ConfigError: the ROM isn't a cartridge, or the state isn't one that this version of PyBoy understands.
        """
        pyboy = import_pyboy()
        # A cartridge from memory has no path, so PyBoy neither reads nor writes .ram and .rtc files beside the ROM.
        try:
            self._pyboy: Any = pyboy.PyBoy(
                io.BytesIO(rom), window="null", sound_emulated=False, no_input=True, cgb=False, log_level=_SILENT
            )
        except Exception as error:  # PyBoy has no error of its own for a file that isn't a cartridge
            problem = f"PyBoy can't play {len(rom)} bytes as a cartridge ({error})."
            raise ConfigError("rom_path", problem, "Give the ROM of Pokemon Red.") from error
        self._pyboy.set_emulation_speed(0)
        if state_path is None:
            self.wait(start_frames)
            self._start = self.save()
        else:
            self._start = _read_state(state_path)
            self._load_checked(state_path)

    def restart(self) -> None:
        """Goes back to the start."""
        self._pyboy.load_state(io.BytesIO(self._start))

    def save(self) -> bytes:
        """Returns the state of the whole console."""
        file = io.BytesIO()
        self._pyboy.save_state(file)
        return file.getvalue()

    def press(self, button: str, press_frames: int, frames: int) -> None:
        """Holds a button ("none": none) for `press_frames` of `frames`, and draws the last frame."""
        if button != "none":
            self._pyboy.button_press(button)
        self._pyboy.tick(press_frames, False, False)
        if button != "none":
            self._pyboy.button_release(button)
        self._pyboy.tick(frames - press_frames, True, False)

    def wait(self, frames: int) -> None:
        """Lets frames pass, and draws the last one."""
        if frames:
            self._pyboy.tick(frames, True, False)

    def facts(self) -> Facts:
        """Reads the game's numbers from memory."""
        return read_facts(self._pyboy.memory)

    def frame(self) -> NDArray[np.uint8]:
        """Copies the screen, (144, 160, 3) uint8."""
        return self._pyboy.screen.ndarray[:, :, :3].copy()

    def picture(self) -> NDArray[np.uint8]:
        """Returns the screen in half its size, (72, 80) uint8: the mean of every 2 x 2 pixels, of four greys."""
        grey = self._pyboy.screen.ndarray[:, :, 0].astype(np.uint16)
        grey = grey[::2] + grey[1::2]
        return ((grey[:, ::2] + grey[:, 1::2]) // 4).astype(np.uint8)

    def close(self) -> None:
        """Switches the console off; what the cartridge would save is lost."""
        self._pyboy.stop(save=False)

    def _load_checked(self, path: str | os.PathLike[str]) -> None:
        try:
            self.restart()
        except Exception as error:  # PyBoy has no error of its own for a file that isn't a state
            self.close()
            problem = f"{path} isn't a state that this PyBoy can load ({error})."
            raise ConfigError("state_path", problem, "Make it again, with states.make_state.") from error


def _read_state(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        problem = f"the file {path} can't be read ({error.strerror})."
        raise ConfigError("state_path", problem, "Give a saved state, or leave it out.") from error
