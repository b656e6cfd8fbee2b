"""LSTMWrapper: a sequence equals its steps, and episodes don't leak into each other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from pufferlib.exceptions import ConfigError, TensorMismatch
from pufferlib.models import Default, LSTMWrapper

B, T, H = 3, 9, 8


def policy_of(num_layers: int = 1, observation: Any = None) -> LSTMWrapper:
    """A small recurrent policy in float64."""
    space = spaces.Box(-1, 1, (2,), np.float64) if observation is None else observation
    env = SimpleNamespace(single_observation_space=space, single_action_space=spaces.Discrete(3))
    return LSTMWrapper(env, Default(env, H), H, H, num_layers).double()


def observations_of(steps: int = T) -> torch.Tensor:
    """A batch of random sequences."""
    return torch.rand(B, steps, 2, dtype=torch.float64) * 2 - 1


def run_steps(policy: LSTMWrapper, observations: torch.Tensor, state: Any, starts: torch.Tensor | None) -> Any:
    """The policy's answers one step at a time, (B, T, ...), with each row on its own: no shared code path."""
    rows = []
    for b in range(len(observations)):
        row_state = None if state is None else (state[0][:, b : b + 1], state[1][:, b : b + 1])
        values = []
        for t in range(observations.shape[1]):
            if starts is not None and starts[b, t]:
                row_state = None
            logits, value, row_state = policy(observations[b : b + 1, t], row_state)
            values.append(torch.cat([logits, value], 1))
        rows.append((torch.cat(values), row_state))
    final = tuple(torch.cat([state[i] for _, state in rows], 1) for i in (0, 1))
    return torch.stack([values for values, _ in rows]), final


STARTS = {
    "none given": None,
    "none set": torch.zeros(B, T, dtype=torch.bool),
    "first step": torch.arange(T).expand(B, T) == 0,
    "one row": (torch.arange(T).expand(B, T) == 4) & (torch.arange(B)[:, None] == 1),
    "far apart": torch.tensor([[0, 0, 0, 0, 1, 0, 0, 0, 0], [0] * T, [1, 0, 0, 0, 0, 0, 0, 0, 1]]).bool(),
    "every step": torch.ones(B, T, dtype=torch.bool),
}


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", STARTS)
def test_lstm_wrapper__a_sequence_equals_its_steps(name, num_layers):
    """Output, value and final state of (B, T) are those of T single steps, with the state reset at every start."""
    policy = policy_of(num_layers)
    observations = observations_of()
    state = tuple(torch.randn(num_layers, B, H, dtype=torch.float64) for _ in range(2))
    logits, value, final = policy(observations, state, STARTS[name])
    expected, expected_final = run_steps(policy, observations, state, STARTS[name])

    assert logits.shape == (B * T, 3) and value.shape == (B * T, 1)
    torch.testing.assert_close(torch.cat([logits, value], 1).view(B, T, 4), expected)
    torch.testing.assert_close(final, expected_final)


def test_lstm_wrapper__gradients_stop_at_episode_starts():
    """What came before an episode's start has no influence on what comes after, in value and gradient."""
    policy = policy_of()
    observations = observations_of().requires_grad_()
    starts = torch.zeros(B, T, dtype=torch.bool)
    starts[1, 5] = True
    _, value, _ = policy(observations, None, starts)
    value.view(B, T)[1, 8].backward()

    assert (observations.grad[1, :5] == 0).all() and (observations.grad[1, 5:] != 0).all()
    assert (observations.grad[[0, 2]] == 0).all()


def test_lstm_wrapper__steps_on_its_own_device():
    """One step with starts asks for no value on the CPU, and mixes no devices."""
    policy = policy_of().to("meta")
    observations = observations_of().to("meta")
    logits, value, state = policy(observations[:, 0], None, torch.ones(B, dtype=torch.bool, device="meta"))
    sequence = policy(observations, state)

    assert all(tensor.device.type == "meta" for tensor in (logits, value, *state, sequence[1]))


def test_lstm_wrapper__resets_forget_even_a_broken_state():
    """A state of NaN, from an exploded episode, ends with its episode."""
    policy = policy_of()
    state = tuple(torch.full((1, B, H), torch.nan, dtype=torch.float64) for _ in range(2))
    starts = torch.ones(B, dtype=torch.bool)
    observations = observations_of()[:, 0]
    fresh = policy(observations)
    reset = policy(observations, state, starts)

    torch.testing.assert_close(reset, fresh)


def test_lstm_wrapper__without_state_starts_from_zeros():
    """No state, and the initial state, are the same."""
    policy = policy_of(num_layers=2)
    observations = observations_of(1)[:, 0]

    assert all(half.shape == (2, B, H) for half in policy.initial_state(B))
    torch.testing.assert_close(policy(observations), policy(observations, policy.initial_state(B)))


@pytest.mark.parametrize("shape", [(1,), (1, 1), (1, 5)], ids=str)
def test_lstm_wrapper__a_batch_of_one_keeps_its_batch_dimension(shape):
    """One row, as a step or as a sequence, has the batch in front."""
    policy = policy_of()
    logits, value, state = policy(
        torch.zeros(*shape, 2, dtype=torch.float64), starts=torch.ones(shape, dtype=torch.bool)
    )

    steps = int(np.prod(shape))
    assert logits.shape == (steps, 3) and value.shape == (steps, 1)
    assert all(half.shape == (1, 1, H) for half in state)


def test_lstm_wrapper__tells_steps_from_sequences_by_the_observation():
    """Scalars, packed rows and images each count their own dimensions."""
    for space in (spaces.Box(-1, 1, ()), spaces.Box(0, 1, (20, 20, 3)), spaces.Dict(a=spaces.Discrete(2))):
        policy = policy_of(observation=space)
        flat = policy.policy.native_dtype
        shape = space.shape if isinstance(space, spaces.Box) else (flat.row_size,)
        rows = torch.zeros(B, T, *shape, dtype=flat.row_dtype)

        assert policy(rows)[1].shape == (B * T, 1)
        assert policy(rows[:, 0])[1].shape == (B, 1)


def test_lstm_wrapper__asks_for_the_batch_dimension():
    """An observation without a batch is an error that says what to add."""
    with pytest.raises(TensorMismatch, match="Add the batch dimension"):
        policy_of()(torch.zeros(2, dtype=torch.float64))


def test_lstm_wrapper__needs_a_policy_in_two_halves():
    """A policy with only a forward pass can't be wrapped."""
    env = SimpleNamespace(single_observation_space=spaces.Box(-1, 1, (2,)), single_action_space=spaces.Discrete(3))

    with pytest.raises(ConfigError, match="Linear has no encode_observations"):
        LSTMWrapper(env, nn.Linear(2, 3))


def test_lstm_wrapper__names_sizes_that_fit():
    """A policy of another width is refused at construction, with the sizes to use."""
    env = SimpleNamespace(single_observation_space=spaces.Box(-1, 1, (2,)), single_action_space=spaces.Discrete(3))

    with pytest.raises(ConfigError, match="input_size=32, hidden_size=32"):
        LSTMWrapper(env, Default(env, 32))


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("name", [name for name, starts in STARTS.items() if starts is not None])
@pytest.mark.parametrize("steps", [1, 2, T])
def test_replay__equals_forward(steps, name, num_layers):
    """Episodes run side by side give the values and gradients of stepping through them."""
    policy = policy_of(num_layers)
    observations, starts = observations_of(steps), STARTS[name][:, :steps]
    state = tuple(torch.rand(num_layers, B, H, dtype=torch.float64) for _ in range(2))
    results = []
    for run in (lambda: policy(observations, state, starts)[:2], lambda: policy.replay(observations, state, starts)):
        policy.zero_grad()
        logits, value = run()
        (logits.square().sum() + value.square().sum()).backward()
        results.append([logits, value, *(parameter.grad for parameter in policy.parameters())])

    torch.testing.assert_close(results[0], results[1])


def test_replay__of_many_episodes_equals_forward():
    """The same with rows that end at any step, so that there are groups of every length."""
    policy = policy_of()
    observations = torch.rand(20, 60, 2, dtype=torch.float64)
    starts = torch.rand(20, 60) < torch.linspace(0, 0.5, 20)[:, None]
    logits, value, _ = policy(observations, policy.initial_state(20), starts)

    torch.testing.assert_close(policy.replay(observations, policy.initial_state(20), starts), (logits, value))
