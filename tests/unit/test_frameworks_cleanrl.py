"""CleanRL's interface around plain policies."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gymnasium import spaces

from pufferlib.frameworks.cleanrl import Policy, RecurrentPolicy
from pufferlib.models import Default, LSTMWrapper
from pufferlib.pytorch import sample_actions

B, T = 3, 5
ACTIONS = {
    "discrete": spaces.Discrete(4),
    "multidiscrete": spaces.MultiDiscrete([2, 5]),
    "continuous": spaces.Box(-1, 1, (2,)),
    "mixed": spaces.Tuple([spaces.Discrete(3), spaces.Box(-1, 1, (2,))]),
}


def env_of(action):
    """What a policy needs of an environment: its spaces."""
    return SimpleNamespace(single_observation_space=spaces.Box(-1, 1, (2,)), single_action_space=action)


@pytest.mark.parametrize("rows", [1, B])
@pytest.mark.parametrize("kind", ACTIONS)
def test_policy__samples_and_then_rates_the_same(kind, rows):
    """The two calls of PPO: sampling, and rating what was sampled."""
    policy = Policy(Default(env_of(ACTIONS[kind]), 16))
    x = torch.randn(rows, 2)
    action, log_prob, entropy, value = policy.get_action_and_value(x)
    rated = policy.get_action_and_value(x, action)

    assert len(action) == rows and log_prob.shape == entropy.shape == (rows,) and value.shape == (rows, 1)
    for one, other in zip((action, log_prob, entropy, value), rated, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(policy.get_value(x), value)
    assert isinstance(action.numpy(), np.ndarray)


def test_policy__deterministic_repeats_itself():
    """Evaluation takes the mode, each time."""
    policy = Policy(Default(env_of(ACTIONS["mixed"]), 16))
    x = torch.randn(B, 2)
    first, second = (policy.get_action_and_value(x, deterministic=True)[0] for _ in range(2))

    assert torch.equal(first, second)


@pytest.mark.parametrize("kind", ACTIONS)
def test_recurrent_policy__rates_a_sequence_as_it_was_sampled(kind):
    """Step by step with a carried state, then in one go: the same log-probabilities, values and final state."""
    env = env_of(ACTIONS[kind])
    policy = RecurrentPolicy(LSTMWrapper(env, Default(env, 16), 16, 16))
    x = torch.randn(B, T, 2)
    starts = torch.zeros(B, T, dtype=torch.bool)
    starts[0, 2] = starts[:, 0] = True
    state, steps = None, []
    for t in range(T):
        *step, state = policy.get_action_and_value(x[:, t], state, starts=starts[:, t])
        steps.append(step)
    action, log_prob, entropy, value = (torch.stack(parts, 1) for parts in zip(*steps, strict=True))
    rated = policy.get_action_and_value(x, None, action, starts)

    for one, other in zip((action, log_prob, entropy, value), rated, strict=False):
        torch.testing.assert_close(one.flatten(0, 1), other)
    torch.testing.assert_close(rated[4], state)
    torch.testing.assert_close(policy.get_value(x, None, starts), rated[3])


def test_policy__wraps_what_users_write():
    """A plain module that returns a list of logits, as in the documentation, is all that it needs."""

    class Plain(torch.nn.Module):
        """Two heads and a value."""

        def __init__(self):
            super().__init__()
            self.encoder = torch.nn.Linear(2, 8)
            self.decoders = torch.nn.ModuleList([torch.nn.Linear(8, n) for n in (3, 4)])
            self.value_head = torch.nn.Linear(8, 1)

        def forward(self, env_outputs):
            """Logits of each head, and the value."""
            hidden = self.encoder(env_outputs.reshape(env_outputs.shape[0], -1))
            return [decoder(hidden) for decoder in self.decoders], self.value_head(hidden)

    plain = Plain()
    x = torch.randn(1, 2)
    action, log_prob, _, _ = Policy(plain).get_action_and_value(x)

    assert action.shape == (1, 2)
    torch.testing.assert_close(log_prob, sample_actions(plain(x)[0], action)[1])
