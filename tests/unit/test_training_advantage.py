"""Advantages: the C version against the slow reference, and against sums done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pufferlib.training.advantage import compute_advantages, reference_advantages


def rollout(num_steps: int, num_rows: int, seed: int) -> dict[str, Any]:
    """A random rollout in which ends, cuts and absent agents are common."""
    rng = np.random.default_rng(seed)
    shape = (num_steps, num_rows)
    return {
        "rewards": rng.normal(size=shape).astype(np.float32),
        "values": rng.normal(size=(num_steps + 1, num_rows)).astype(np.float32),
        "final_values": rng.normal(size=shape).astype(np.float32),
        "terminals": rng.random(shape) < 0.2,
        "truncations": rng.random(shape) < 0.2,
        "alive": rng.random(shape) < 0.8,
    }


def one_row(**changes: Any) -> dict[str, Any]:
    """Three steps of one agent: rewards 1, values 10, final values 5."""
    arrays = {
        "rewards": np.ones((3, 1), np.float32),
        "values": np.full((4, 1), 10, np.float32),
        "final_values": np.full((3, 1), 5, np.float32),
        "terminals": np.zeros((3, 1), bool),
        "truncations": np.zeros((3, 1), bool),
        "alive": np.ones((3, 1), bool),
    }
    for name, column in changes.items():
        arrays[name] = np.array(column, arrays[name].dtype)[:, None]
    return arrays


@settings(deadline=None)
@given(
    num_steps=st.integers(1, 40),
    num_rows=st.integers(1, 150),
    seed=st.integers(0, 2**32 - 1),
    gamma=st.floats(0, 1),
    gae_lambda=st.floats(0, 1),
)
def test_compute_advantages__equals_the_reference(
    num_steps: int, num_rows: int, seed: int, gamma: float, gae_lambda: float
):
    """The C version gives what the slow one gives, for any mixture of ends, cuts and absent agents."""
    arrays = rollout(num_steps, num_rows, seed)

    fast = compute_advantages(**arrays, gamma=gamma, gae_lambda=gae_lambda)

    np.testing.assert_allclose(fast, reference_advantages(**arrays, gamma=gamma, gae_lambda=gae_lambda), 1e-6, 1e-6)


@pytest.mark.parametrize("compute", [compute_advantages, reference_advantages])
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [-4 + 0.25 * (-4 + 0.25 * -4), -4 + 0.25 * -4, -4.0], id="no end"),
        pytest.param({"terminals": [0, 0, 1]}, [-4 + 0.25 * (-4 + 0.25 * -9), -4 + 0.25 * -9, -9.0], id="terminal"),
        pytest.param({"truncations": [0, 0, 1]}, [-4 + 0.25 * -5.625, -5.625, -6.5], id="truncation"),
        pytest.param({"terminals": [0, 0, 1], "truncations": [0, 0, 1]}, [-5.5625, -6.25, -9.0], id="both"),
        pytest.param({"alive": [1, 0, 1]}, [-4.0, 0.0, -4.0], id="absent"),
    ],
)
def test_advantages__equal_sums_done_by_hand(compute: Any, changes: dict[str, list[int]], expected: list[float]):
    """With gamma and lambda of a half, each kind of end gives what the equation gives on paper."""
    advantages = compute(**one_row(**changes), gamma=0.5, gae_lambda=0.5)

    assert advantages[:, 0].tolist() == pytest.approx(expected)


def test_advantages__of_lambda_one_are_returns_less_values():
    """With lambda 1, an advantage is the discounted return of the episode less the value."""
    arrays = one_row(terminals=[0, 0, 1])

    advantages = compute_advantages(**arrays, gamma=0.9, gae_lambda=1.0)

    assert advantages[:, 0].tolist() == pytest.approx([1 + 0.9 + 0.81 - 10, 1.9 - 10, 1.0 - 10])


@pytest.mark.parametrize("name", ["rewards", "values", "final_values", "terminals", "truncations", "alive"])
def test_compute_advantages__refuses_arrays_of_the_wrong_size(name: str):
    """A buffer that doesn't fit the others is an error and no read past its end."""
    arrays = rollout(4, 3, seed=0)
    arrays[name] = np.zeros((9, 3), arrays[name].dtype)

    with pytest.raises(ValueError, match=r"expected|divide"):
        compute_advantages(**arrays, gamma=0.9, gae_lambda=0.9)


def test_compute_advantages__refuses_doubles():
    """Values of another width are refused instead of misread."""
    arrays = rollout(4, 3, seed=0)
    arrays["values"] = arrays["values"].astype(np.float64)

    with pytest.raises(ValueError, match="values has 120 bytes, expected 60"):
        compute_advantages(**arrays, gamma=0.9, gae_lambda=0.9)


def test_compute_advantages__refuses_strided_arrays():
    """A view that isn't contiguous is refused by the buffer protocol."""
    arrays = rollout(4, 6, seed=0)
    arrays = {name: array[:, ::2] for name, array in arrays.items()}

    with pytest.raises((ValueError, BufferError), match="contiguous"):
        compute_advantages(**arrays, gamma=0.9, gae_lambda=0.9)
