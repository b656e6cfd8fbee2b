"""Stable-Baselines3's PPO: `model.learn`, a few rollouts a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from _harness import Pool, serve
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

ROLLOUTS = 2  # of a call: what `learn` does around its loop hardly counts


def make(case: dict[str, Any]) -> Pool:
    """Prepares a training of which one call does a few rollouts and updates, with DummyVecEnv."""
    torch.set_num_threads(1)
    size = case["num_envs"] * case["horizon"]
    envs = make_vec_env("CartPole-v1", n_envs=case["num_envs"], seed=1)
    model = PPO(
        "MlpPolicy",
        envs,
        learning_rate=case["learning_rate"],
        n_steps=case["horizon"],
        batch_size=size // case["num_minibatches"],
        n_epochs=case["update_epochs"],
        gamma=case["gamma"],
        gae_lambda=case["gae_lambda"],
        clip_range=case["clip"],
        ent_coef=case["entropy_coef"],
        vf_coef=case["value_coef"],
        max_grad_norm=case["max_grad_norm"],
        policy_kwargs={"net_arch": {"pi": [64, 64], "vf": [64, 64]}},  # Tanh, and Adam with eps 1e-5
        seed=1,
        device="cpu",
    )
    model.learn(size)

    def describe() -> dict[str, Any]:
        episodes = model.ep_info_buffer
        return {"return": float(np.mean([episode["r"] for episode in episodes])) if episodes else None}

    def step() -> None:
        model.learn(ROLLOUTS * size, reset_num_timesteps=False)

    return Pool(step, envs.close, ROLLOUTS * size, describe)


if __name__ == "__main__":
    serve(make, "stable-baselines3", "gymnasium", "numpy", "torch")
