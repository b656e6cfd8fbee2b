"""Bugs of how structured observations and actions are packed and unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import pufferlib.models._default
import pufferlib.models._heads
from mutation.bugs._bug import bug
from pufferlib.pytorch import NativeLeaf
from pufferlib.training.actions import ActionConverter


@bug("structured observations mis-unpacked", "spaces")
def leaf_without_padding() -> Iterator[None]:
    """Forgets the padding before a nested structure."""
    with _leaf(lambda nested: {**nested, "bits": nested["bits"]._replace(offset=nested["bits"].offset - 4)}):
        yield


@bug("structured observations mis-unpacked", "spaces")
def leaf_of_wrong_width() -> Iterator[None]:
    """Reads the high half of a 64-bit number."""

    def narrow(nested: dict[str, NativeLeaf]) -> dict[str, NativeLeaf]:
        letter = nested["letter"]
        return {**nested, "letter": NativeLeaf(torch.int32, letter.shape, letter.offset + 4, 4)}

    with _leaf(narrow):
        yield


@contextmanager
def _leaf(change: Callable[[Any], Any]) -> Iterator[None]:
    module = pufferlib.models._default
    original = module.nativize_dtype

    def nativize_dtype(emulated: Any) -> Any:
        dtype = original(emulated)
        if not isinstance(dtype.tree, dict):
            return dtype
        tree = {**dtype.tree, "nested": change(dtype.tree["nested"])}
        return type(dtype)(dtype.row_dtype, dtype.row_size, dtype.alignment, tree)

    with patch.object(module, "nativize_dtype", nativize_dtype):
        yield


@contextmanager
def _packing(change: Callable[[Any, Any], Any]) -> Iterator[None]:
    original = ActionConverter.to_environment
    with patch.object(ActionConverter, "to_environment", lambda self, actions: change(self, original(self, actions))):
        yield


@bug("multi-discrete actions mis-packed", "spaces")
def multidiscrete_reversed() -> Iterator[None]:
    """Sends the parts of an action in reverse order."""
    with _packing(lambda self, array: array[:, ::-1].copy() if array.ndim == 2 and array.dtype.kind == "i" else array):
        yield


@bug("continuous actions mis-packed", "continuous")
def continuous_transposed() -> Iterator[None]:
    """Sends the matrix of an action transposed."""
    with _packing(lambda self, array: array.transpose(0, 2, 1).copy() if array.ndim == 3 else array):
        yield


@bug("continuous actions mis-packed", "continuous")
def continuous_unscaled() -> Iterator[None]:
    """Doesn't scale actions to their bounds."""

    def units(low: Any, high: Any) -> Any:
        return torch.zeros(len(low)), torch.ones(len(low))

    with patch.object(pufferlib.models._heads, "_units", units):
        yield


@bug("mixed actions mis-packed", "mixed")
def mixed_order() -> Iterator[None]:
    """Sends the continuous parts before the discrete ones."""
    with _packing(lambda self, array: np.roll(array, 2, 1) if _is_mixed(array) else array):
        yield


@bug("mixed actions mis-packed", "mixed")
def mixed_rounded() -> Iterator[None]:
    """Rounds the continuous parts to whole numbers."""
    with _packing(lambda self, array: (array / 4).astype(int).astype(array.dtype) * 4 if _is_mixed(array) else array):
        yield


def _is_mixed(array: Any) -> bool:
    return bool(array.ndim == 2 and array.dtype == np.float32)
