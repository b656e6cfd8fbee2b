"""PPO's loss in C computes what its readable form in PyTorch does."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pufferlib._native import core
from pufferlib.training import loss
from pufferlib.training.config import PPOConfig
from pufferlib.training.rollout import Minibatch
from training.toys import Bandit, make_trainer, train_updates


def make_batch(rng: np.random.Generator, count: int, num_choices: int, spread: float) -> tuple[Any, Any, Minibatch]:
    """Random logits (some choices impossible), values and what a rollout would hold of them."""
    logits = rng.normal(size=(count, num_choices)) * spread
    logits[rng.random(logits.shape) < 0.2] = -np.inf
    actions = rng.integers(num_choices, size=count)
    logits[np.arange(count), actions] = rng.normal(size=count)
    columns = rng.normal(size=(5, count)).astype(np.float32)
    log_probs = torch.from_numpy(logits).log_softmax(-1)[torch.arange(count), torch.from_numpy(actions)].float()
    log_probs += torch.from_numpy(columns[0]) * 0.3
    values, advantages, returns = (torch.from_numpy(column) for column in columns[1:4])
    batch = Minibatch(
        torch.zeros(count, 1), None, None, None, torch.from_numpy(actions), log_probs, values, advantages, returns
    )
    output = torch.from_numpy(logits.astype(np.float32)).requires_grad_()
    return output, (values + torch.from_numpy(columns[4]) * 0.3)[:, None].detach().requires_grad_(), batch


@settings(deadline=None, max_examples=300)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, loss.MOST_CHOICES),
    st.sampled_from([0.0, 1.0, 30.0]),
    st.booleans(),
    st.none() | st.floats(0.01, 1),
)
def test_native_backward__is_the_reference(
    seed: int, count: int, num_choices: int, spread: float, normalize: bool, clip_value: float | None
):
    """Gradients and metrics agree with those of PyTorch in 64 bits, impossible choices included."""
    ppo = PPOConfig(normalize_advantages=normalize, clip_value=clip_value, entropy_coef=0.3, value_coef=0.7)
    output, values, batch = make_batch(np.random.default_rng(seed), count, num_choices, spread)
    assert loss.fits_native(output, values, batch)
    metrics = loss.native_backward(output, values, batch, ppo)

    exact = [tensor.detach().double().requires_grad_() for tensor in (output, values)]
    doubles = [tensor.double() for tensor in (batch.log_probs, batch.values, batch.advantages, batch.returns)]
    same = Minibatch(batch.observations, None, None, None, batch.actions, *doubles)
    expected, expected_metrics = loss.reference_loss(*exact, same, ppo)
    expected.backward()
    for tensor, reference in zip((output, values), exact, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), reference.grad.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(metrics[:5].numpy(), expected_metrics[:5].numpy(), rtol=1e-5, atol=1e-6)
    assert metrics[5] == pytest.approx(expected_metrics[5].item(), abs=1e-6)


def test_backward__leaves_what_c_does_not_know_to_pytorch():
    """Several heads, too many choices, half precision and masked rows take the readable form."""
    output, values, batch = make_batch(np.random.default_rng(0), 8, 3, 1.0)
    wide = torch.zeros(8, loss.MOST_CHOICES + 1, requires_grad=True)
    masked = Minibatch(
        *[torch.ones(8, dtype=torch.bool) if f == "alive" else getattr(batch, f) for f in batch.__slots__]
    )

    assert loss.fits_native(output, values, batch)
    assert not loss.fits_native([output], values, batch)
    assert not loss.fits_native(wide, values, batch)
    assert not loss.fits_native(output.half(), values, batch)
    assert not loss.fits_native(output, values, masked)
    assert loss.backward(wide, values, batch, PPOConfig()).shape == (len(loss.METRICS),)


def test_native_backward__refuses_an_action_that_does_not_exist():
    """An action outside the logits is an error that names it, not memory of someone else."""
    output, values, batch = make_batch(np.random.default_rng(0), 4, 3, 1.0)
    batch.actions[2] = 3

    with pytest.raises(ValueError, match=r"action 3 of sample 2 isn't in \[0, 3\)"):
        loss.native_backward(output, values, batch, PPOConfig())


def test_ppo_loss__refuses_arrays_of_other_sizes():
    """Every array is checked before anything is read or written."""
    short = np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="values has 8 bytes, expected 12"):
        arrays = [np.zeros((3, 2), np.float32), short, np.zeros(3, np.int64), *[np.zeros(3, np.float32)] * 4]
        core.ppo_loss(*arrays, np.zeros((3, 2), np.float32), short, np.zeros(6, np.float32), 0.2, 1.0, 0.5, 0.0, 1.0)


def test_train__learns_the_same_with_either_form():
    """After a few updates the networks differ by rounding only."""
    networks = []
    for native in (True, False):
        with (
            torch.random.fork_rng(),
            patch.object(loss, "fits_native", loss.fits_native if native else lambda *_: False),
        ):
            torch.manual_seed(0)
            trainer = make_trainer(Bandit)
            train_updates(trainer, 5)
        networks.append([parameter.detach().clone() for parameter in trainer.policy.parameters()])

    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(*networks, strict=True))
