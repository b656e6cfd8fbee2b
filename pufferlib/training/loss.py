"""PPO's loss: readable in PyTorch, for every kind of policy, and in C for the commonest one.

Source: Schulman et al. 2017, "Proximal Policy Optimization Algorithms", equation 9, negated.

Shapes: M samples in a minibatch.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pufferlib._native import core
from pufferlib.pytorch import sample_actions
from pufferlib.training.config import PPOConfig
from pufferlib.training.rollout import Minibatch

METRICS = ("loss", "policy_loss", "value_loss", "entropy", "kl", "clip_fraction")
MOST_CHOICES = 64  # that the C version takes


def backward(output: Any, values: Tensor, batch: Minibatch, ppo: PPOConfig) -> Tensor:
    """Adds the gradient of the loss to the parameters from which a minibatch's output and values were computed.

    One discrete action of a feed-forward policy on the CPU goes through C, which takes a tenth of the time of some
    forty small operations of PyTorch; all else through PyTorch.

    Args:
        output: of the policy, as `sample_actions` takes it.
        values: (M, 1), or with `batch.alive` one for each step of whole rows.
        batch: what was chosen, and what came of it.
        ppo: the coefficients.

    Returns:
        The values of `METRICS`, (6,).
    """
    if fits_native(output, values, batch):
        return native_backward(output, values, batch, ppo)
    loss, metrics = reference_loss(output, values, batch, ppo)
    loss.backward()  # type: ignore[no-untyped-call]
    return metrics


def reference_loss(output: Any, values: Tensor, batch: Minibatch, ppo: PPOConfig) -> tuple[Tensor, Tensor]:
    """Computes the loss and the metrics in PyTorch."""
    _, log_probs, entropy = sample_actions(output, batch.actions)
    values = values.flatten()
    if batch.alive is not None:
        log_probs, entropy, values = log_probs[batch.alive], entropy[batch.alive], values[batch.alive]

    advantages = batch.advantages
    if ppo.normalize_advantages and len(advantages) > 1:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    log_ratio = log_probs - batch.log_probs
    ratio = log_ratio.exp()
    policy_loss = -torch.min(advantages * ratio, advantages * ratio.clamp(1 - ppo.clip, 1 + ppo.clip)).mean()

    errors = (values - batch.returns).square()
    if ppo.clip_value is not None:
        near = batch.values + (values - batch.values).clamp(-ppo.clip_value, ppo.clip_value)
        errors = torch.max(errors, (near - batch.returns).square())
    value_loss = 0.5 * errors.mean()

    mean_entropy = entropy.mean()
    loss = policy_loss + ppo.value_coef * value_loss - ppo.entropy_coef * mean_entropy
    with torch.no_grad():
        kl = (ratio - 1 - log_ratio).mean()  # http://joschu.net/blog/kl-approx.html, estimator k3
        clip_fraction = ((ratio - 1).abs() > ppo.clip).float().mean()
        metrics = torch.stack([loss.detach(), policy_loss, value_loss, mean_entropy, kl, clip_fraction])
    return loss, metrics


def fits_native(output: Any, values: Tensor, batch: Minibatch) -> bool:
    """Says whether the C version can compute this minibatch's loss."""
    return (
        isinstance(output, Tensor)
        and output.device.type == "cpu"
        and output.dtype == values.dtype == torch.float32
        and output.ndim == 2
        and 0 < output.shape[1] <= MOST_CHOICES
        and len(output) > 0
        and batch.alive is None
        and batch.actions.dtype == torch.int64
    )


def native_backward(logits: Tensor, values: Tensor, batch: Minibatch, ppo: PPOConfig) -> Tensor:
    """Does what `backward` says in C: `reference_loss` is its test."""
    metrics, gradients = torch.empty(len(METRICS)), (torch.empty(logits.shape), torch.empty(values.shape))
    core.ppo_loss(
        _array(logits),
        _array(values),
        _array(batch.actions),
        _array(batch.log_probs),
        _array(batch.values),
        _array(batch.advantages),
        _array(batch.returns),
        gradients[0].numpy(),
        gradients[1].numpy(),
        metrics.numpy(),
        ppo.clip,
        math.inf if ppo.clip_value is None else ppo.clip_value,
        ppo.value_coef,
        ppo.entropy_coef,
        float(ppo.normalize_advantages),
    )
    outputs = [i for i, tensor in enumerate((logits, values)) if tensor.requires_grad]
    torch.autograd.backward([(logits, values)[i] for i in outputs], [gradients[i] for i in outputs])
    return metrics


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().contiguous().numpy()
    return array
