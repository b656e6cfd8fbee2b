"""Environments that go wrong in a chosen way, at a chosen moment."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

REPEATS = int(os.environ.get("PUFFERLIB_FAULT_REPEATS", "1"))  # how often each fault is injected
IS_SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")  # which catches faults, and keeps freed memory
LOW, HIGH = -1000.0, 1000.0


class Unpicklable(Exception):
    """An exception that no pickle takes, with a text that can't be had."""

    def __init__(self, first: int, second: int) -> None:
        """Takes other arguments than `args` has, and keeps a lock."""
        super().__init__("odd")
        self.lock = threading.Lock()

    def __str__(self) -> str:
        raise RuntimeError("no text either")


def throw(error: BaseException) -> None:
    """Raises."""
    raise error


def die(number: int) -> Callable[[], None]:
    """Gives a function that sends this process a signal."""
    return lambda: os.kill(os.getpid(), number)


# What a method of the environment does before it goes on.
ACTS: dict[str, Callable[[], Any]] = {
    "raises": lambda: throw(ValueError("the floor is gone")),
    "raises unpicklable": lambda: throw(Unpicklable(1, 2)),
    "raises megabytes": lambda: throw(ValueError("x" * 3_000_000)),
    "raises a group": lambda: throw(ExceptionGroup("both", [ValueError("one"), KeyError("two")])),
    "exits": lambda: sys.exit(3),
    "is interrupted": lambda: throw(KeyboardInterrupt()),
    "os._exit": lambda: os._exit(7),
    "SIGKILL": die(signal.SIGKILL),
    "SIGTERM": die(signal.SIGTERM),
    "SIGSTOP": die(signal.SIGSTOP),
    "segmentation fault": lambda: ctypes.string_at(0),
    "hangs": lambda: time.sleep(1000),
}

# What replaces the observation, the reward or the info of a step.
OBSERVATIONS: dict[str, Any] = {
    "wrong shape": np.zeros(5, np.float32),
    "wrong type": np.array(["a", "b", "c"]),
    "outside the space": np.full(3, 1e6, np.float32),
    "no observation": None,
}
INFOS: dict[str, Callable[[], dict]] = {
    "unpicklable info": lambda: {"lock": threading.Lock()},
    "info that can't be loaded": lambda: {"odd": OnlyInWorkers()},
    "megabytes of info": lambda: {"video": np.ones(4_000_000, np.uint8)},
}


class OnlyInWorkers:
    """Can be pickled, but not unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return throw, (ImportError("no module of this name here"),)


class Faulty(gymnasium.Env):
    """Sums up its actions; the observation is (seed, step, sum). Ends after `length` steps."""

    def __init__(self, fault: str = "", phase: str = "", at: int = 3, length: int = 10, flag: str = "") -> None:
        """Goes wrong in `phase`: "constructor", "reset", "step" (the one that is number `at`) or "close".

        With `flag`, the name of a file, it goes wrong only if the file doesn't exist, and makes it before.
        """
        self.fault, self.phase, self.at, self.length, self.flag = fault, phase, at, length, flag
        size = 4 if self._is_time("constructor") and fault == "other spaces" else 3
        self.observation_space = spaces.Box(LOW, HIGH, (size,), np.float32)
        self.action_space = spaces.Discrete(4)
        self.seed_value, self.count = -1, 0
        self._act("constructor")

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode."""
        super().reset(seed=seed)
        self._act("reset")
        self.seed_value = self.seed_value if seed is None else seed % 1000
        self.count, self.total = 0, 0
        return self._observe(), {"process": os.getpid()}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Adds the action up."""
        self.count += 1
        self.total += int(action)
        observation, reward, info = self._observe(), float(self.total), {}
        if self._is_time("step"):
            self._act("step")
            observation = OBSERVATIONS.get(self.fault, observation)
            reward = float("nan") if self.fault == "NaN reward" else reward
            info = INFOS.get(self.fault, dict)()
        return observation, reward, False, self.count >= self.length, info

    def close(self) -> None:
        """Ends."""
        self._act("close")

    def _is_time(self, phase: str) -> bool:
        is_time = phase == self.phase and (phase != "step" or self.count == self.at)
        if is_time and self.flag:
            is_time = not os.path.exists(self.flag)
        return is_time

    def _act(self, phase: str) -> None:
        if self._is_time(phase):
            if self.flag:
                with open(self.flag, "w", encoding="ascii"):
                    pass
            ACTS.get(self.fault, lambda: None)()

    def _observe(self) -> np.ndarray:
        values = [self.seed_value, self.count, getattr(self, "total", 0)]
        return np.array(values, np.float32)
