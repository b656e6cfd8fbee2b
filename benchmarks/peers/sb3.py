"""Stable-Baselines3's DummyVecEnv and SubprocVecEnv, whose processes are forked: that only makes them start sooner."""

from __future__ import annotations

from typing import Any

from _environments import batches_of_actions, creator
from _harness import Pool, serve
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool; SubprocVecEnv has one process for each environment."""
    creators = [creator(case)] * case["num_envs"]
    envs = DummyVecEnv(creators) if case["mode"] == "serial" else SubprocVecEnv(creators, start_method="fork")
    actions = batches_of_actions(case, case["num_envs"])
    envs.reset()
    return Pool(lambda: envs.step(next(actions)), envs.close, case["num_envs"])


if __name__ == "__main__":
    serve(make, "stable-baselines3", "gymnasium", "numpy", "torch")
