"""The last layer of a policy: from hidden features to the parameters of any action distribution.

Shapes: B rows in a batch, D discrete and C continuous entries of an action.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from pufferlib.models._convolution import LARGEST_BOUND
from pufferlib.pytorch import Mixed, Normal, PolicyOutput, layer_init
from pufferlib.spaces import ActionLayout


class ActionHead(nn.Module):
    """Maps hidden features to what `pufferlib.pytorch.sample_actions` takes, for every kind of action space.

    All entries share one linear layer. Means and deviations of continuous entries are in units of half their range, so
    that a fresh policy covers the range; without finite bounds the unit is 1.
    """

    center: Tensor
    half_range: Tensor

    def __init__(self, layout: ActionLayout, hidden_size: int) -> None:
        super().__init__()
        self.kind = layout.kind
        self.nvec = list(layout.nvec)
        self.shape = tuple(layout.flat_space.shape or ()) if layout.kind == "continuous" else (layout.num_continuous,)
        self.num_logits = sum(self.nvec)
        # Small weights: a fresh policy tries everything (Andrychowicz et al. 2021, section 3.2).
        self.linear = layer_init(nn.Linear(hidden_size, self.num_logits + layout.num_continuous), std=0.01)
        if layout.num_continuous:
            self.log_std = nn.Parameter(torch.zeros(layout.num_continuous))
            center, half_range = _units(layout.low, layout.high)
            self.register_buffer("center", center, persistent=False)
            self.register_buffer("half_range", half_range, persistent=False)

    def forward(self, hidden: Tensor) -> PolicyOutput:
        """Maps (B, hidden_size) to logits, a list of logits, a Normal or a Mixed."""
        flat: Tensor = self.linear(hidden)
        if self.kind == "discrete":
            return flat
        if self.kind == "multidiscrete":
            return list(torch.split(flat, self.nvec, 1))
        mean = torch.addcmul(self.center, flat[:, self.num_logits :], self.half_range)
        log_std = (self.log_std + self.half_range.log()).expand_as(mean)
        normal = Normal(mean.view(-1, *self.shape), log_std.reshape(-1, *self.shape))
        if self.kind == "continuous":
            return normal
        return Mixed(list(torch.split(flat[:, : self.num_logits], self.nvec, 1)), normal)


def _units(low: np.ndarray, high: np.ndarray) -> tuple[Tensor, Tensor]:
    """Center and half range of continuous entries; 0 and 1 where a bound is missing."""
    low, high = low.astype(np.float64), high.astype(np.float64)
    is_bounded = (low > -LARGEST_BOUND) & (high < LARGEST_BOUND) & (high > low)
    low, high = np.where(is_bounded, low, -1.0), np.where(is_bounded, high, 1.0)
    center, half_range = (high + low) / 2, (high - low) / 2
    return torch.as_tensor(center, dtype=torch.float32), torch.as_tensor(half_range, dtype=torch.float32)
