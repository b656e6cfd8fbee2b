"""Finds the user's ROM of Pokemon Red and checks that it is the right one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pufferlib.exceptions import ConfigError

VARIABLE = "PUFFERLIB_POKEMON_RED_ROM"
FILE_NAME = "pokemon_red.gb"
# Pokemon Red (UE) [S][!].gb, 1 MiB: the English release for America and Europe.
SHA1 = "ea9bcae617fdf159b045185467ae58b2e4a48b9a"
SHA256 = "5ca7ba01642a3b27b0cc0b5349b52792795b62d3ed977e98a09390659af96b7b"


def read_rom(rom_path: str | os.PathLike[str] | None = None, check_rom: bool = True) -> bytes:
    """Reads the ROM from the first place that is given.

    Args:
        rom_path: the file. None: what the variable PUFFERLIB_POKEMON_RED_ROM names, and without it `default_path()`.
        check_rom: refuses a file with another checksum.

    Raises:
        ConfigError: there is no such file, or it holds something else.
    """
    path = Path(rom_path or os.environ.get(VARIABLE) or default_path()).expanduser()
    try:
        rom = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "rom_path",
            f"there is no readable ROM of Pokemon Red at {path} ({error.strerror}).",
            f"The game is yours to bring: put the English ROM (1 MiB, SHA-1 {SHA1}) at {default_path()}, "
            f"or set {VARIABLE}, or give rom_path. The environment pokemon_red/TestRom needs no file.",
        ) from error
    found = hashlib.sha1(rom, usedforsecurity=False).hexdigest()
    if check_rom and found != SHA1:
        raise ConfigError(
            "rom_path",
            f"{path} isn't the English Pokemon Red: its SHA-1 is {found}, expected is {SHA1}.",
            "Other releases keep their numbers at other places in memory. check_rom=False tries it all the same.",
        )
    return rom


def default_path() -> Path:
    """The per-user place of the ROM: $XDG_DATA_HOME/pufferlib/pokemon_red.gb, ~/.local/share if that isn't set."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "pufferlib" / FILE_NAME
