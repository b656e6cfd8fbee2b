"""Stable-Baselines3's DummyVecEnv and SubprocVecEnv, whose processes are forked: that only makes them start sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
from _environments import creator
from _harness import Pool, serve
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; SubprocVecEnv has one process for each environment."""
    creators = [creator(case)] * case["num_envs"]
    envs = DummyVecEnv(creators) if case["mode"] == "serial" else SubprocVecEnv(creators, start_method="fork")
    actions = np.zeros(case["num_envs"], np.int64)
    envs.reset()
    return Pool(lambda: envs.step(actions), envs.close, case["num_envs"])


if __name__ == "__main__":
    serve(make, "stable-baselines3", "gymnasium", "numpy", "torch")
