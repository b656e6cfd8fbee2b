"""From what a policy samples to what an environment takes.

Shapes: B rows in a batch, D discrete entries and C continuous entries of an action.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pufferlib.spaces import ActionLayout


class ActionConverter:
    """Moves actions to the CPU and clips their continuous entries to the bounds that the environment declares.

    The policy is rated on what it sampled, the environment gets the clipped value: what CleanRL and SB3 do too.
    """

    def __init__(self, layout: ActionLayout) -> None:
        """Reads the bounds once."""
        self._shape, self._dtype = layout.flat_space.shape, layout.flat_space.dtype
        self._num_discrete = len(layout.nvec)
        self._low, self._high = layout.low, layout.high
        self._bounded = bool(np.isfinite(layout.low).any() or np.isfinite(layout.high).any())
        dtype = torch.int64 if layout.num_continuous == 0 else torch.float32
        # One sampled action, for its shape and dtype.
        self.example = torch.zeros((1, *(self._shape or ())), dtype=dtype)

    def to_environment(self, actions: Tensor) -> NDArray[Any]:
        """Converts a batch of sampled actions, (B, ...), to flat actions of the environment's dtype."""
        array: NDArray[Any] = actions.cpu().numpy()
        if not self._bounded:
            return array.astype(self._dtype, copy=False)
        flat = array.reshape(len(array), math.prod(self._shape or ())).astype(self._dtype)
        entries = flat[:, self._num_discrete :]
        np.clip(entries, self._low, self._high, out=entries)
        return flat.reshape(len(array), *(self._shape or ()))
