"""What an agent sees of an Atari game: a stack of small pictures, each of several frames of the console.

Shapes: S frames in the stack, P planes (1 gray, or 3 colours) a frame, H and W pixels.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from pufferlib.environments._opencv import import_opencv


class Screens(gymnasium.Wrapper[NDArray[np.uint8], int, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Skips frames, joins the last two, shrinks them and stacks the results (Mnih et al. 2015; Machado et al. 2018).

    Does what `gymnasium.wrappers.AtariPreprocessing` and `FrameStackObservation` do together, but asks the emulator
    only for the frames that are seen, and never for a coloured one to make it gray.

    Observations: (S * P, H, W) uint8, a new array each. Infos: `lives` that are left, and `frames` of the game so far.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        noop_max: int = 30,
        frame_skip: int = 4,
        screen_size: tuple[int, int] = (84, 84),
        grayscale: bool = True,
        frame_stack: int = 4,
        fire_reset: bool = True,
    ) -> None:
        """Wraps ale-py's environment of a frame a step; the options are those of `make`."""
        gymnasium.utils.RecordConstructorArgs.__init__(
            self,
            noop_max=noop_max,
            frame_skip=frame_skip,
            screen_size=screen_size,
            grayscale=grayscale,
            frame_stack=frame_stack,
            fire_reset=fire_reset,
        )
        gymnasium.Wrapper.__init__(self, env)
        import ale_py

        cv2 = import_opencv("atari")

        game: Any = env.unwrapped
        self._ale = game.ale
        meanings = game.get_action_meanings()
        self._codes = [ale_py.Action.__members__[meaning] for meaning in meanings]
        self.fire_action: int | None = meanings.index("FIRE") if fire_reset and "FIRE" in meanings else None
        self._noop = ale_py.Action.NOOP
        self._noop_max, self._frame_skip = noop_max, frame_skip
        self.metadata = {**env.metadata, "render_fps": max(1, 60 // frame_skip)}  # the console's own pace

        full = self._ale.getScreenDims()
        self._grab = self._ale.getScreenGrayscale if grayscale else self._ale.getScreenRGB
        self._planes = 1 if grayscale else 3
        self._newest, self._older = (np.zeros(full if grayscale else (*full, 3), np.uint8) for _ in range(2))
        self._resize, self._area = cv2.resize, cv2.INTER_AREA
        self._size = screen_size[::-1]  # as OpenCV has it: width, height
        self._needs_resize = tuple(screen_size) != tuple(full)
        self._stack = np.zeros((frame_stack * self._planes, *screen_size), np.uint8)
        self.observation_space = gymnasium.spaces.Box(0, 255, self._stack.shape, np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Starts a game; only one with a seed makes ale-py load the ROM again, which takes much longer."""
        self.env.reset(seed=seed, options=options)
        if self._noop_max:
            for _ in range(int(self.env.unwrapped.np_random.integers(1, self._noop_max + 1))):
                self._ale.act(self._noop)
                if self._ale.game_over():
                    self._ale.reset_game()
        if self.fire_action is not None:
            for _ in range(self._frame_skip):
                self._ale.act(self._codes[self.fire_action])
        self._grab(self._newest)
        self._show(self._stack[-self._planes :])
        for start in range(0, len(self._stack) - self._planes, self._planes):
            self._stack[start : start + self._planes] = self._stack[-self._planes :]
        return self._stack.copy(), self._describe()

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Holds an action for `frame_skip` frames, or until the game is over."""
        ale, code = self._ale, self._codes[action]
        reward, is_over = 0, False
        for left in range(self._frame_skip - 1, -1, -1):
            reward += ale.act(code)
            is_over = ale.game_over()
            if is_over:
                break
            if left == 1:
                self._grab(self._older)
        self._grab(self._newest)
        if left == 0 and self._frame_skip > 1:
            np.maximum(self._newest, self._older, out=self._newest)
        if len(self._stack) > self._planes:
            self._stack[: -self._planes] = self._stack[self._planes :]
        self._show(self._stack[-self._planes :])
        terminated = is_over and ale.game_over(with_truncation=False)
        return self._stack.copy(), float(reward), terminated, is_over and not terminated, self._describe()

    def _show(self, planes: NDArray[np.uint8]) -> None:
        """Writes the newest picture, shrunk, into planes (P, H, W) of the stack."""
        picture = self._newest
        if self._needs_resize:
            picture = self._resize(picture, self._size, interpolation=self._area)
        if self._planes == 1:
            planes[0] = picture
        else:
            planes[:] = picture.transpose(2, 0, 1)

    def _describe(self) -> dict[str, Any]:
        return {"lives": self._ale.lives(), "frames": self._ale.getEpisodeFrameNumber()}
