"""pufferlib's PPO: `Trainer.train`, a few rollouts a call."""

from __future__ import annotations

import copy
import time
from typing import Any

import numpy as np
import torch
from _harness import Pool, serve
from torch import nn
from torch.nn.functional import linear

import pufferlib.environments
import pufferlib.vector
from pufferlib.pytorch import layer_init
from pufferlib.training.config import PPOConfig, TrainConfig
from pufferlib.training.ppo import Trainer

MOST_STEPS = 65_536  # of a call, in as many rollouts: each call starts the environments anew, one more step of them


class Network(nn.Module):
    """The network of the other contenders: a critic and an actor that share nothing."""

    def __init__(self, env: Any, calls_modules: bool) -> None:
        """Reads the sizes from an environment.

        `calls_modules` runs it as the others do, module by module; else functions get the weights, which spares the
        Python of `nn.Module.__call__`, some 4 us for each of 12 modules.
        """
        super().__init__()
        inputs = int(np.prod(env.single_observation_space.shape))

        def layers(outputs: int, std: float) -> nn.Sequential:
            return nn.Sequential(
                layer_init(nn.Linear(inputs, 64)),
                nn.Tanh(),
                layer_init(nn.Linear(64, 64)),
                nn.Tanh(),
                layer_init(nn.Linear(64, outputs), std=std),
            )

        self.critic, self.actor = layers(1, 1.0), layers(int(env.single_action_space.n), 0.01)
        self.calls_modules = calls_modules
        # Lists, so that the parameters aren't registered twice.
        self._weights = [list(side.parameters()) for side in (self.actor, self.critic)]

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps observations to logits and values."""
        if self.calls_modules:
            return self.actor(observations), self.critic(observations)
        actor, critic = self._weights
        return tower(actor, observations), tower(critic, observations)


def tower(weights: list[nn.Parameter], features: torch.Tensor) -> torch.Tensor:
    """Does what three linear layers with tanh between them do."""
    w1, b1, w2, b2, w3, b3 = weights
    return linear(torch.tanh(linear(torch.tanh(linear(features, w1, b1)), w2, b2)), w3, b3)


def arithmetic(case: dict[str, Any], policy: nn.Module, envs: Any) -> float:
    """CPU seconds of an update's bare network: T passes of all rows, then passes there and back, and Adam."""
    policy = copy.deepcopy(policy)
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.0, eps=1e-5, fused=True)
    seen = torch.from_numpy(np.array(envs.arena.observations))
    batch = seen.repeat(case["horizon"], 1)[: len(seen) * case["horizon"] // case["num_minibatches"]]
    gradients = [torch.zeros_like(output) for output in policy(batch)]
    start = time.process_time()
    with torch.inference_mode():
        for _ in range(case["horizon"]):
            policy(seen)
    for _ in range(case["update_epochs"] * case["num_minibatches"]):
        optimizer.zero_grad()
        torch.autograd.backward(policy(batch), gradients)
        optimizer.step()
    return time.process_time() - start


def make(case: dict[str, Any]) -> Pool:
    """Prepares a training of which one call does a few rollouts and updates."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    names = ("horizon", "num_minibatches", "update_epochs", "learning_rate", "gamma", "gae_lambda")
    names += ("clip", "entropy_coef", "value_coef", "max_grad_norm")
    ppo = PPOConfig(total_steps=10**12, anneal_learning_rate=False, **{name: case[name] for name in names})
    creator = pufferlib.environments.make_creator(case["env"])
    envs = pufferlib.vector.make(creator, num_envs=case["num_envs"], **case["vector"])
    trainer = Trainer(envs, Network(envs.driver_env, case["calls_modules"]), TrainConfig(ppo=ppo))
    size = case["num_envs"] * case["horizon"]
    rollouts = max(2, min(8, MOST_STEPS // size))
    seconds = {"environments": 0.0, "policy": 0.0, "learning": 0.0}

    def report(metrics: Any, step: int) -> None:
        seconds.update({name: metrics[f"share_{name}"] for name in seconds})

    def step() -> None:
        goal = trainer.counters.updates + rollouts
        trainer.train(lambda: trainer.counters.updates >= goal)

    def describe() -> dict[str, Any]:
        episodes = trainer.finished_episodes
        mean = float(np.mean([episode.episode_return for episode in episodes])) if episodes else None
        notes = {"return": mean, "shares": dict(seconds)}
        if case["arithmetic"]:
            notes["arithmetic"] = arithmetic(case, trainer.policy, envs)
        return notes

    trainer.report = report
    return Pool(step, envs.close, rollouts * size, describe)


if __name__ == "__main__":
    serve(make, "pufferlib", "gymnasium", "numpy", "torch")
