"""Every adapter's baseline policy takes what its environments give, and can be trained."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

import pufferlib.vector
from adapter_checks import SLOW_S

torch = pytest.importorskip("torch")

from pufferlib.pytorch import sample_actions  # noqa: E402 (needs torch)
from pufferlib.training.actions import ActionConverter  # noqa: E402
from pufferlib.training.config import PPOConfig, TrainConfig  # noqa: E402
from pufferlib.training.ppo import Trainer  # noqa: E402

pytestmark = pytest.mark.timeout(SLOW_S)

NUM_UPDATES, HORIZON = 50, 4


def test_policy__goes_forward_and_backward(creator, module):
    """The baseline policy takes a batch, gives samplable outputs, and every parameter gets a finite gradient."""
    torch.manual_seed(0)
    with pufferlib.vector.make(creator, num_envs=3) as envs:
        observations = torch.as_tensor(envs.reset(seed=1)[0])
        policy = module.Policy(envs.driver_env)
        output, value = policy(observations)
        actions, log_prob, entropy = sample_actions(output)
        assert value.shape == (envs.num_agents, 1)
        assert log_prob.shape == entropy.shape == (envs.num_agents,)
        (log_prob.mean() + value.pow(2).mean() + 0.01 * entropy.mean()).backward()
        for name, parameter in policy.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        envs.step(ActionConverter(envs.emulated.action).to_environment(actions).reshape(envs.action_space.shape))


def test_policy__splits_for_recurrence(creator, module):
    """The policy encodes and decodes in two steps, so that an LSTM can stand between them."""
    with pufferlib.vector.make(creator, num_envs=2) as envs:
        observations = torch.as_tensor(envs.reset(seed=1)[0])
        policy = make_policy(module, envs.driver_env)
        hidden, lookup = policy.encode_observations(observations)
        assert hidden.shape == (envs.num_agents, 64)
        _, value = policy.decode_actions(hidden, lookup)
        torch.testing.assert_close(value, policy(observations)[1])


def test_policy__trains_fifty_updates(creator, module):
    """Fifty updates of PPO end with finite losses and finite weights."""
    losses: list[float] = []
    torch.manual_seed(0)
    with pufferlib.vector.make(creator, num_envs=2) as envs:
        policy = make_policy(module, envs.driver_env)
        ppo = PPOConfig(total_steps=10**9, horizon=HORIZON, num_minibatches=1, update_epochs=1)
        report = lambda metrics, step: losses.append(metrics["loss"])  # noqa: E731
        trainer = Trainer(envs, policy, TrainConfig(ppo=ppo), report=report)
        trainer.train(stop=lambda: trainer.counters.updates >= NUM_UPDATES)

    assert len(losses) == NUM_UPDATES
    assert all(map(math.isfinite, losses))
    assert all(torch.isfinite(parameter).all() for parameter in policy.parameters())


def make_policy(module: Any, env: Any) -> Any:
    """Makes the adapter's policy, 64 wide."""
    assert "hidden_size" in inspect.signature(module.Policy).parameters
    return module.Policy(env, hidden_size=64)
