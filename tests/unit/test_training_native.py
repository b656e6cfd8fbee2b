"""The C of training beside NumPy, without PyTorch: these tests run under the sanitizers too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pufferlib._native import core


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 9), min_size=1, max_size=4), st.sampled_from([0.0, 0.3, 1e9]))
def test_adam__is_algorithm_1(seed: int, sizes: list[int], max_norm: float):
    """Three steps of several parameters, also empty ones, are those of Kingma and Ba 2015 on clipped gradients."""
    rng = np.random.default_rng(seed)
    arrays = [tuple(np.float32(a) for a in (rng.normal(size=n), np.zeros(n), np.zeros(n), np.zeros(1))) for n in sizes]
    exact = [[array.astype(np.float64) for array in each] for each in arrays]
    for _ in range(3):
        gradients = [rng.normal(size=n).astype(np.float32) for n in sizes]
        norm = core.adam(arrays, gradients, 0.1, 0.9, 0.999, 1e-5, max_norm)
        expected = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in gradients))
        assert norm == pytest.approx(expected)
        for (weights, mean, square, steps), gradient in zip(exact, gradients, strict=True):
            slope = gradient * min(1.0, max_norm / (expected + 1e-6))
            steps += 1
            mean += 0.1 * (slope - mean)
            square += 0.001 * (slope**2 - square)
            unbiased = mean / (1 - 0.9**steps), square / (1 - 0.999**steps)
            weights -= 0.1 * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-5)

    for ours, theirs in zip(arrays, exact, strict=True):
        for array, reference in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(array, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"gradients": []}, ValueError, "0 gradients for 1 parameters", id="gradients"),
        pytest.param({"gradient": np.zeros(4, np.float32)}, ValueError, "3 items, expected 4", id="size"),
        pytest.param({"gradient": np.zeros(3)}, ValueError, "items of 8 bytes, expected 4", id="dtype"),
        pytest.param({"steps": np.zeros(3, np.float32)}, ValueError, "3 items, expected 1", id="steps"),
        pytest.param({"parameter": [1]}, TypeError, "a tuple of four arrays", id="tuple"),
    ],
)
def test_adam__refuses_what_does_not_fit(change: dict[str, Any], error: type[Exception], message: str):
    """Every array is checked before anything is written."""
    weights = np.ones(3, np.float32)
    arrays = (weights, np.zeros(3, np.float32), np.zeros(3, np.float32), change.get("steps", np.zeros(1, np.float32)))
    gradients = change.get("gradients", [change.get("gradient", np.ones(3, np.float32))])

    with pytest.raises(error, match=message):
        core.adam([change.get("parameter", arrays)], gradients, 0.1, 0.9, 0.999, 1e-5, 0.5)
    assert weights.tolist() == [1, 1, 1]


def ppo_loss(logits: np.ndarray, values: np.ndarray, rest: tuple[np.ndarray, ...], numbers: tuple[float, ...]) -> Any:
    """Calls C; gives the metrics and the gradients."""
    gradients, metrics = (np.empty_like(logits), np.empty_like(values)), np.empty(6, np.float32)
    core.ppo_loss(logits, values, *rest, *gradients, metrics, *numbers)
    return metrics, gradients


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.sampled_from([np.inf, 0.2]))
def test_ppo_loss__gradients_are_those_of_its_loss(seed: int, count: int, n: int, normalize: bool, clip_value: float):
    """Small steps change the loss by what the gradients say, to 32 bits of the loss."""
    rng = np.random.default_rng(seed)
    logits, values = rng.normal(size=(count, n)).astype(np.float32), rng.normal(size=count).astype(np.float32)
    columns = tuple(rng.normal(size=(4, count)).astype(np.float32))
    rest = (rng.integers(n, size=count), columns[0] - 1, values + 0.5 * columns[1], columns[2], columns[3])
    numbers = (0.2, clip_value, 0.7, 0.1, float(normalize))
    metrics, gradients = ppo_loss(logits, values, rest, numbers)
    assert np.isfinite(metrics).all()

    width = 1e-2
    for changed, gradient in ((logits, gradients[0]), (values, gradients[1])):
        index = tuple(rng.integers(size) for size in changed.shape)
        losses, slopes = [], []
        before = changed[index]
        for side in (-width, width):
            changed[index] = before + side
            found, grads = ppo_loss(logits, values, rest, numbers)
            losses.append(float(found[0]))
            slopes.append(float(grads[0 if changed is logits else 1][index]))
        changed[index] = before
        if abs(slopes[0] - slopes[1]) < 0.05:  # the clips have corners
            assert (losses[1] - losses[0]) / (2 * width) == pytest.approx(float(gradient[index]), abs=0.03)
