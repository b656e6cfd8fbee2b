"""Adam in C takes the steps that PyTorch's takes, after clipping gradients as PyTorch does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pufferlib._native import core
from pufferlib.training.optimizer import MOST_NATIVE, ClippedAdam

SHAPES = ((3, 5), (5,), (), (2, 1, 4))


def make_twins(seed: int, max_norm: float) -> tuple[ClippedAdam, ClippedAdam]:
    """Two optimizers of equal parameters."""
    generator = torch.Generator().manual_seed(seed)
    values = [torch.randn(shape, generator=generator) for shape in SHAPES]
    native, reference = (ClippedAdam([nn.Parameter(v.clone()) for v in values], 0.1, max_norm) for _ in range(2))
    return native, reference


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-6, 1e-2, 1.0, 1e4]),
    st.sampled_from([0.0, 0.5, 1e9]),
    st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=6),
)
def test_step__is_the_reference(seed: int, scale: float, max_norm: float, learning: list[list[bool]]):
    """Parameters and norms agree with those of PyTorch, also where some have no gradient for a while."""
    native, reference = make_twins(seed, max_norm)
    rng = np.random.default_rng(seed)
    for i, which in enumerate(learning):
        native.learning_rate = reference.learning_rate = 0.1 / (i + 1)
        for place, shape in enumerate(SHAPES):
            gradient = torch.tensor(rng.normal(size=shape) * scale, dtype=torch.float32) if which[place] else None
            for optimizer in (native, reference):
                optimizer.parameters[place].grad = None if gradient is None else gradient.clone()
        norms = native.step(), reference.reference_step()
        assert norms[0].item() == pytest.approx(norms[1].item(), rel=1e-5)

    for ours, theirs in zip(native.parameters, reference.parameters, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert native.state().keys() == reference.state().keys()
    for index, moments in reference.state().items():
        for name, expected in moments.items():
            rounding = 1e-6 * expected.abs().max().item()
            torch.testing.assert_close(native.state()[index][name], expected, rtol=1e-4, atol=rounding)


def test_restore__goes_on_from_the_state():
    """A restored optimizer takes the same steps as the one that gave the state, not those of its own past."""
    native, twin = make_twins(0, 0.5)
    for _ in range(3):
        for parameter in native.parameters:
            parameter.grad = torch.ones_like(parameter)
        native.step()
    for parameter in twin.parameters:
        parameter.grad = torch.full_like(parameter, -3)
    twin.step()
    twin.step()
    twin.restore({i: {n: t.clone() for n, t in moments.items()} for i, moments in native.state().items()})
    for ours, theirs in zip(twin.parameters, native.parameters, strict=True):
        ours.data.copy_(theirs.data)
        ours.grad, theirs.grad = torch.ones_like(ours), torch.ones_like(theirs)
    for optimizer in (native, twin):
        optimizer.step()

    assert all(torch.equal(a, b) for a, b in zip(native.parameters, twin.parameters, strict=True))
    assert native.state()[0]["step"].item() == twin.state()[0]["step"].item() == 4


def test_step__follows_a_parameter_that_moves():
    """A parameter that is given other memory, as by `parameter.data = ...`, is stepped there."""
    optimizer, _ = make_twins(0, 0.5)
    for _ in range(3):
        for parameter in optimizer.parameters:
            parameter.data = parameter.data.clone()
            parameter.grad = torch.ones_like(parameter)
        before = [parameter.detach().clone() for parameter in optimizer.parameters]
        optimizer.step()
        assert all((p < b).all() for p, b in zip(optimizer.parameters, before, strict=True))


def test_step__leaves_large_networks_and_other_dtypes_to_pytorch(monkeypatch: pytest.MonkeyPatch):
    """C has one loop for all sizes, and knows 32 bits only."""
    monkeypatch.setattr(core, "adam", lambda *_: pytest.fail("C took the step"))
    for parameter in (torch.zeros(MOST_NATIVE + 1), torch.zeros(3, dtype=torch.float64)):
        optimizer = ClippedAdam([nn.Parameter(parameter)], 0.1, 0.5)
        for _ in range(2):
            optimizer.parameters[0].grad = torch.ones_like(parameter)
            optimizer.step()
        assert optimizer.parameters[0].max() < 0
