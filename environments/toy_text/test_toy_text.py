"""What is special about toy text: observations are numbers and tuples of numbers, in one row each."""

from __future__ import annotations

import numpy as np
import pytest

import pufferlib.environments.toy_text as adapter


def test_names__are_gymnasiums_toy_text():
    """All ids whose code is in that package are listed."""
    assert adapter.names() == [
        "Blackjack-v1",
        "CliffWalking-v1",
        "CliffWalkingSlippery-v1",
        "FrozenLake-v1",
        "FrozenLake8x8-v1",
        "Taxi-v4",
    ]


@pytest.mark.parametrize(("name", "num_parts"), [("FrozenLake-v1", 1), ("Blackjack-v1", 3)])
def test_observation__is_a_row_of_whole_numbers(name, num_parts):
    """All parts share the dtype int64, so the row has it too, and nothing is one-hot."""
    with adapter.make(name) as env:
        row, _ = env.reset(seed=0)

    assert row.dtype == np.int64
    assert row.shape == (num_parts,)


def test_info__keeps_the_action_mask():
    """Taxi says in its info which actions do anything; emulation leaves the info alone."""
    with adapter.make("Taxi-v4") as env:
        _, info = env.reset(seed=0)

    assert info["action_mask"].shape == (6,)


def test_policy__tells_states_apart():
    """Every state has a vector of its own."""
    torch = pytest.importorskip("torch")
    with adapter.make("FrozenLake-v1") as env:
        hidden, _ = adapter.Policy(env).encode_observations(torch.arange(16).reshape(16, 1))

    assert len(torch.unique(hidden.detach(), dim=0)) == 16
