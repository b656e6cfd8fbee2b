"""Torch views and baseline policies over random spaces and values: the same structure as NumPy sees."""

from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Discrete
from hypothesis import HealthCheck, given, settings

from pufferlib.models import Default
from pufferlib.pytorch import nativize_dtype, nativize_tensor, sample_actions
from pufferlib.spaces import Emulated, Layout, compile_action_layout, compile_layout
from space_strategies import spaces_with_values

SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def rows_of(layout: Layout, values: list[Any]) -> np.ndarray:
    """A packed batch of values."""
    rows = np.zeros((len(values), *layout.flat_space.shape), layout.flat_space.dtype)
    for i, value in enumerate(values):
        layout.pack_into(value, rows, i)
    return rows


def assert_same(tensors: Any, arrays: Any) -> None:
    """Both trees have the same keys, shapes, dtypes and bytes."""
    if isinstance(arrays, dict):
        assert list(tensors) == list(arrays)
        for name in arrays:
            assert_same(tensors[name], arrays[name])
        return
    view = tensors.numpy()
    assert view.dtype == arrays.dtype and view.shape == arrays.shape
    assert view.tobytes() == arrays.tobytes()
    assert not arrays.size or tensors.data_ptr() == arrays.ctypes.data


@settings(max_examples=300, **SETTINGS)
@given(spaces_with_values())
def test_nativize_tensor__equals_numpys_views(case):
    """Leaf for leaf the torch views are NumPy's, bit by bit and at the same address."""
    space, values = case
    layout = compile_layout(space)
    rows = rows_of(layout, values)

    assert_same(nativize_tensor(torch.from_numpy(rows), nativize_dtype(layout)), layout.view(rows))


@settings(max_examples=100, **SETTINGS)
@given(spaces_with_values())
def test_default__takes_any_space_and_value(case):
    """Extremes, NaN and empty parts included, the output has its shape and sampled actions are in range."""
    space, values = case
    layout = compile_layout(space)
    action = compile_action_layout(Discrete(3))
    policy = Default(type("Env", (), {"emulated": Emulated(layout, action)}), hidden_size=8)
    with torch.no_grad():
        output, value = policy(torch.from_numpy(rows_of(layout, values)))
        actions, log_prob, _ = sample_actions(output)

    assert value.shape == (len(values), 1) and log_prob.shape == (len(values),)
    assert ((actions >= 0) & (actions < 3)).all()
