"""Self-play against past policies: who plays which row, with whose weights, and what the trainer sees of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv
from torch import nn

import pufferlib.vector
from chosen_device import DEVICE
from pufferlib.exceptions import ConfigError
from pufferlib.models import LSTMWrapper
from pufferlib.training import checkpoint, run
from pufferlib.training.config import PPOConfig, SelfplayConfig, TrainConfig, update
from pufferlib.training.ppo import Trainer
from pufferlib.training.selfplay import Rivals
from pufferlib.wrappers import MultiagentEpisodeStats
from training.toys import Bandit, train_updates

NUM_STEPS = 3  # of an episode


class Echo(ParallelEnv):
    """Two agents; each sees what both played last. An agent is paid for the number that it played."""

    metadata = {"name": "echo"}
    possible_agents = ["a", "b"]

    def observation_space(self, agent: str) -> spaces.Space:
        """Is the same for both."""
        return spaces.Box(0, 9, (2,), np.float32)

    def action_space(self, agent: str) -> spaces.Space:
        """Is the same for both."""
        return spaces.Discrete(10)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins with zeros."""
        self.agents, self.steps = list(self.possible_agents), 0
        return {agent: np.zeros(2, np.float32) for agent in self.agents}, {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Shows and pays."""
        self.steps += 1
        seen = np.array([actions["a"], actions["b"]], np.float32)
        ends = dict.fromkeys(self.agents, self.steps == NUM_STEPS)
        rewards = {agent: float(actions[agent]) for agent in self.agents}
        agents, self.agents = self.agents, [] if ends["a"] else self.agents
        return {agent: seen for agent in agents}, rewards, ends, dict.fromkeys(agents, False), {a: {} for a in agents}


class Constant(nn.Module):
    """Always plays one number."""

    hidden_size = 4

    def __init__(self, number: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.full((10,), -1e9).index_fill(0, torch.tensor([number]), 0.0))

    def forward(self, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the same logits for every row, and a value of 0."""
        return self.decode_actions(*self.encode_observations(observations))

    def encode_observations(self, observations: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Sees nothing."""
        return self.logits.new_zeros(len(observations), 4), None

    def decode_actions(self, hidden: torch.Tensor, lookup: None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the same logits for every row."""
        return self.logits.expand(len(hidden), 10), hidden.new_zeros(len(hidden), 1)


def make_pool(num_envs: int = 4, batch_size: int | None = None) -> Any:
    """Echoes that report their episodes."""
    return pufferlib.vector.make(lambda: MultiagentEpisodeStats(Echo()), num_envs=num_envs, batch_size=batch_size)


def become(policy: nn.Module, number: int) -> None:
    """Makes a policy play another number from now on."""
    policy.load_state_dict({**policy.state_dict(), **with_prefix(policy, Constant(number).state_dict())})


def with_prefix(policy: nn.Module, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names tensors as they are called inside of an LSTMWrapper."""
    return {f"policy.{n}": t for n, t in tensors.items()} if isinstance(policy, LSTMWrapper) else tensors


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_rivals__play_with_the_weights_of_the_past(recurrent: bool, batch_size: int | None):
    """A rival plays what the policy played when it was remembered, whatever is sent for its row."""
    pool = make_pool(batch_size=batch_size)
    policy: nn.Module = Constant(3)
    if recurrent:
        policy = LSTMWrapper(pool.driver_env, policy, input_size=4, hidden_size=4)
    rivals = Rivals(pool, policy.to(DEVICE), SelfplayConfig(share=0.5), DEVICE, seed=0)
    rivals.async_reset(seed=0)
    become(policy, 7)
    played: dict[int, set[tuple[float, ...]]] = {env: set() for env in range(4)}
    for _ in range(20):
        observations, _, terminals, _, _, rows, mask = rivals.recv()
        if observations.any():
            for row, seen in zip(rows, observations, strict=True):
                if seen.any():
                    played[row // 2].add(tuple(seen))
        assert (mask == ~rivals.is_rival[rows]).all()
        rivals.send(np.full(len(rows), 5))

    assert played == {0: {(5, 3)}, 1: {(3, 5)}, 2: {(5, 5)}, 3: {(5, 5)}}


def test_rivals__every_past_policy_gets_its_games():
    """Each episode draws one of the kept policies; with more remembered than are kept, the newest is among them."""
    policy = Constant(0).to(DEVICE)
    rivals = Rivals(make_pool(1), policy, SelfplayConfig(share=1, keep=3), DEVICE, seed=0)
    rivals.async_reset(seed=0)
    for number in range(1, 6):
        become(policy, number)
        rivals.remember()
    kept = {int(actor.policy.logits.argmax()) for actor in rivals.past}
    seen = set()
    for _ in range(60 * NUM_STEPS):
        observations, *_ = rivals.recv()
        seen.add(int(observations[0, 1]))
        rivals.send(np.full(2, 9))

    assert len(kept) == 3 and 5 in kept
    assert seen - {0} == kept - {0}


def test_rivals__their_episodes_are_not_counted():
    """The trainer's episodes and steps are those of agents that learn: half of them where all games have a rival."""
    pool = make_pool(4)
    policy = Constant(2).to(DEVICE)
    rivals = Rivals(pool, policy, SelfplayConfig(share=1), DEVICE, seed=0)
    config = TrainConfig(ppo=PPOConfig(total_steps=24, horizon=6, num_minibatches=1, learning_rate=1e-9))
    trainer = Trainer(rivals, policy, config, DEVICE)
    trainer.train()

    assert trainer.counters.updates == 1 and trainer.counters.steps == 24
    assert trainer.counters.episodes == 4 * 2
    assert {episode.episode_return for episode in trainer.finished_episodes} == {6.0}


@pytest.mark.parametrize("recurrent", [False, True])
def test_restore__goes_on_against_the_past(tmp_path, recurrent: bool):
    """A checkpoint holds the past policies and who plays next: a resumed training does what the first goes on to do."""

    def make(name: str) -> tuple[Trainer, Rivals]:
        pool = make_pool(4)
        policy: nn.Module = Constant(3)
        if recurrent:
            policy = LSTMWrapper(pool.driver_env, policy, input_size=4, hidden_size=4)
        policy.to(DEVICE)
        rivals = Rivals(pool, policy, SelfplayConfig(share=1, keep=3), DEVICE, seed=0)
        ppo = PPOConfig(total_steps=10**6, horizon=6, num_minibatches=1, learning_rate=0.1, anneal_learning_rate=False)
        trainer = Trainer(rivals, policy, TrainConfig(ppo=ppo), DEVICE, tmp_path / name)
        trainer.report = lambda metrics, step: rivals.remember()
        return trainer, rivals

    original, rivals = make("a")
    train_updates(original, 5)
    twin, others = make("b")
    twin.restore(checkpoint.latest(tmp_path / "a"))
    assert len(others.past) == len(rivals.past) == 3
    for trainer in (original, twin):
        train_updates(trainer, 4)

    for ours, theirs in zip(rivals.past, others.past, strict=True):
        a, b = ours.policy.state_dict(), theirs.policy.state_dict()
        assert all(torch.equal(a[name], b[name]) for name in a)
    a, b = (checkpoint.load(checkpoint.latest(tmp_path / name)).tensors for name in "ab")
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_restore__without_rivals_leaves_the_past_aside(tmp_path):
    """A run against past policies can go on without them, and one without them can begin to play against its own."""
    for first, second in ((0.5, 0.0), (0.0, 0.5)):
        folder = tmp_path / f"{first}"
        for share in (first, second):
            pool, policy = make_pool(4), Constant(3).to(DEVICE)
            config = TrainConfig(ppo=PPOConfig(total_steps=10**6, horizon=6, num_minibatches=1))
            envs = Rivals(pool, policy, SelfplayConfig(share=share), DEVICE, seed=0) if share else pool
            trainer = Trainer(envs, policy, config, DEVICE, folder)
            if folder.exists():
                trainer.restore(checkpoint.latest(folder))
            train_updates(trainer, 1)
        assert trainer.counters.updates == 2


def test_rivals__refuse_single_agents():
    """There is nobody to play against in an environment of one agent."""
    pool = pufferlib.vector.make(Bandit, num_envs=2)

    with pytest.raises(ConfigError, match=r"selfplay\.share: there is one agent"):
        Rivals(pool, Constant(0), SelfplayConfig(share=0.5), DEVICE, seed=0)


def test_train__repeats_itself_with_rivals(tmp_path):
    """The same seed gives the same curve, and another seed another one, past policies and their choices included."""
    curves = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = run.default_config("ocean/connect4")
        config = update(
            config,
            {
                "seed": seed,
                "device": str(DEVICE),
                "env_kwargs": {"players": 2},
                "selfplay": {"share": 0.5, "keep": 2, "updates": 1},
                "vector": {"num_envs": 8},
                "policy": {"hidden_size": 16},
                "ppo": {"total_steps": 8 * 2 * 32 * 3, "horizon": 32, "num_minibatches": 2},
            },
        )
        folder = tmp_path / name
        folder.mkdir()
        assert run.train(config, folder)
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        curves.append([line.split('"kl"')[1] for line in lines if '"kl"' in line])

    assert len(curves[0]) >= 3
    losses = [[line.split(",")[0] for line in curve] for curve in curves]
    assert losses[0] == losses[1] != losses[2]
