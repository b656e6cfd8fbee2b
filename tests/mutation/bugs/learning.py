"""Bugs of what is learned from the data: masks, discount, exploration, the entropy bonus, the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from mutation.bugs._bug import bug
from mutation.bugs._patches import advantages, choices, results, sampler
from pufferlib.pytorch import Normal


@bug("masked agents trained on", "absent")
def absent_learned() -> Iterator[None]:
    """Learns from slots without an agent."""

    def change(given: dict[str, Any], rollout: Any) -> None:
        given["mask"] = np.ones_like(given["mask"])

    with results(change), choices(change):
        yield


@bug("wrong discount", "discount")
def discount_twice() -> Iterator[None]:
    """Discounts twice."""
    with advantages(lambda original, *args: original(*args[:6], args[6] ** 2, args[7])):
        yield


@bug("wrong discount", "discount")
def discount_missing() -> Iterator[None]:
    """Discounts by 0.99, whatever was asked for."""
    with advantages(lambda original, *args: original(*args[:6], 0.99, args[7])):
        yield


@bug("exploration broken", "password")
def greedy() -> Iterator[None]:
    """Plays the most probable action while training."""
    with sampler(lambda original, output, actions: original(output, actions, deterministic=actions is None)):
        yield


@bug("entropy bonus wrong", "entropy")
def entropy_negative() -> Iterator[None]:
    """Subtracts the entropy bonus."""
    with _entropy(-1):
        yield


@bug("entropy bonus wrong", "entropy")
def entropy_missing() -> Iterator[None]:
    """Leaves the entropy bonus out."""
    with _entropy(0):
        yield


@bug("entropy bonus wrong", "entropy")
def entropy_huge() -> Iterator[None]:
    """Weighs the entropy bonus ten times as much."""
    with _entropy(10):
        yield


def _entropy(factor: float) -> Any:
    def change(original: Any, output: Any, actions: Any) -> Any:
        actions, log_probs, entropy = original(output, actions)
        return actions, log_probs, factor * entropy

    return sampler(change)


@bug("actions from another distribution than the rated one", "stochastic")
def sharper() -> Iterator[None]:
    """Samples from a distribution that is sharper than the one it rates."""

    def change(original: Any, output: Any, actions: Any) -> Any:
        if actions is None and isinstance(output, torch.Tensor):
            actions = original(3 * output, None)[0]
        elif actions is None and isinstance(output, Normal):
            actions = original(Normal(output.mean, output.log_std - 1), None)[0]
        return original(output, actions)

    with sampler(change):
        yield


@bug("gradient, return or credit wrong in any way", "squared")
def advantages_shuffled() -> Iterator[None]:
    """Pairs actions with the advantages of others."""

    def change(original: Any, *args: Any) -> Any:
        found = original(*args)
        return np.roll(found, 1, 1)

    with advantages(change):
        yield


@bug("gradient, return or credit wrong in any way", "squared")
def sign_flipped() -> Iterator[None]:
    """Climbs down instead of up."""
    with advantages(lambda original, *args: -original(*args)):
        yield
