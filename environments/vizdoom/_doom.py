"""ViZDoom's environment as one expects one: bounded actions, whole last observations, and an engine that goes."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from pufferlib.environments._opencv import import_opencv

LARGEST_DELTA = 12.5  # a frame: degrees for the axes that turn, map units for those that move
COUNTED = ("KILLCOUNT", "HEALTH")  # reported at the end of every episode, beside what the scenario shows
_PICTURES = ("screen", "depth", "labels", "automap")

# Starts the engine in a folder of its own, to be killed with the thread that started it, and tells which it is.
_LAUNCHER = """
import ctypes, os, sys
folder, *words = sys.argv[1:]
ctypes.CDLL(None).prctl(1, 9)
with open(os.path.join(folder, "instance"), "w") as file:
    file.write(words[words.index("+viz_instance_id") + 1])
os.chdir(folder)
os.execv(words[0], words)
"""


class Doom(gymnasium.Wrapper[dict[str, Any], Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Corrects what is wrong with ViZDoom's environment, and shrinks its pictures.

    Observations: Dict(screen: (H, W, 3 or 1) uint8, and what else the scenario shows). At the end of an episode the
    engine shows nothing any more, so the last observation comes once more. Infos at the end: every game variable of the
    scenario, and `COUNTED`, by their names in small letters.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], screen_height: int | None = None) -> None:
        """Wraps one of ViZDoom's environments, before its engine has started.

        Args:
            env: the environment.
            screen_height: of the pictures, whose shape stays as it is. None: as the engine draws them.
        """
        gymnasium.utils.RecordConstructorArgs.__init__(self, screen_height=screen_height)
        gymnasium.Wrapper.__init__(self, env)
        import vizdoom

        self._cv2 = import_opencv("vizdoom")
        doom: Any = env.unwrapped
        self._game = doom.game
        self._folder = Path(tempfile.mkdtemp(prefix="pufferlib-vizdoom-"))
        self._finish = weakref.finalize(self, _finish, self._game, self._folder)  # at the latest when Python ends
        _prepare(self._game, self._folder, vizdoom.exe_path)
        self.metadata = {**env.metadata, "render_fps": max(1, env.metadata["render_fps"] // doom.frame_skip)}
        counted = [getattr(vizdoom.GameVariable, name) for name in COUNTED]
        self._variables = {v.name.lower(): v for v in [*counted, *self._game.get_available_game_variables()]}
        self._last: dict[str, Any] = {}

        observed = env.observation_space
        assert isinstance(observed, spaces.Dict)
        height, width, _ = observed["screen"].shape  # type: ignore[misc]
        self._size: tuple[int, int] | None = None
        if screen_height is not None and screen_height != height:
            self._size = max(1, round(screen_height * width / height)), screen_height
        self.observation_space = spaces.Dict({name: self._shrunk(name, leaf) for name, leaf in observed.items()})
        self.action_space = _bounded(env.action_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts an episode, and the engine where it doesn't run."""
        was_running = self._game.is_running()
        observation, info = self.env.reset(seed=seed, options=options)
        if not was_running:
            _unlink_shared_memory(self._folder)
            if "automap" in observation:  # the map of an engine's very first picture isn't drawn yet
                observation, info = self.env.reset(seed=seed, options=options)
        self._last = self._shrink(observation)
        return dict(self._last), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Plays `frame_skip` frames."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if not (terminated or truncated):
            self._last = self._shrink(observation)
            return dict(self._last), float(reward), False, False, info
        truncated = truncated and not self._game.is_player_dead()  # the engine says "finished" of both
        info = {**info, **{name: self._game.get_game_variable(v) for name, v in self._variables.items()}}
        return dict(self._last), float(reward), not truncated, truncated, info

    def close(self) -> None:
        """Ends the engine and removes its folder; as often as you like."""
        self._finish()
        self.env.close()

    def _shrunk(self, name: str, space: gymnasium.Space[Any]) -> gymnasium.Space[Any]:
        """Gives the space of one part of a shrunk observation."""
        if self._size is None or name not in _PICTURES:
            return space
        return spaces.Box(0, 255, (*self._size[::-1], space.shape[2]), np.uint8)  # type: ignore[index]

    def _shrink(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Brings the pictures to their size; labels are numbers, which have no mean."""
        if self._size is None:
            return observation
        cv2 = self._cv2
        shrunk = dict(observation)
        for name in _PICTURES:
            if name in shrunk:
                way = cv2.INTER_NEAREST if name == "labels" else cv2.INTER_AREA
                picture = cv2.resize(shrunk[name], self._size, interpolation=way)
                shrunk[name] = picture.reshape(*picture.shape[:2], -1)  # OpenCV drops a single channel
        return shrunk


def _bounded(space: gymnasium.Space[Any]) -> gymnasium.Space[Any]:
    """Gives continuous buttons, whose bounds are those of a float, bounds that mean something."""
    if isinstance(space, spaces.Box):
        return spaces.Box(-LARGEST_DELTA, LARGEST_DELTA, space.shape, np.float32)
    if isinstance(space, spaces.Dict):
        return spaces.Dict({name: _bounded(part) for name, part in space.items()})
    return space


def _prepare(game: Any, folder: Path, engine: str) -> None:
    """Gives an engine that hasn't started a folder to write to, and on Linux a launcher.

    By itself it writes `_vizdoom` and `_vizdoom.ini` into the working directory, and lives on when this process is
    killed.
    """
    game.set_doom_config_path(str(folder / "engine.ini"))
    launcher = folder / "engine"
    words = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(folder), engine]
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    launcher.chmod(0o700)
    if sys.platform.startswith("linux") and os.access(launcher, os.X_OK):  # temporary files may not be executable
        game.set_vizdoom_path(str(launcher))


def _unlink_shared_memory(folder: Path) -> None:
    """Takes away the names of the memory that this process and its running engine share, so that none outlives them."""
    try:
        instance = (folder / "instance").read_text()
    except OSError:
        return
    for kind in ("SM", "MQCtr", "MQDoom"):
        Path(f"/dev/shm/ViZDoom{kind}{instance}").unlink(missing_ok=True)


def _finish(game: Any, folder: Path) -> None:
    """Ends an engine, if it runs, and removes its folder."""
    game.close()
    shutil.rmtree(folder, ignore_errors=True)
