"""Baseline policy for OpenSpiel: the general one, which never chooses an illegal action."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pufferlib.models import Default
from pufferlib.pytorch import PolicyOutput, nativize_tensor

_IMPOSSIBLE = -1e9  # a logit; finite, so that an entropy of 0 * log 0 stays a number


class Policy(Default):
    """Encodes the tensor and the mask, and takes the illegal actions out of the distribution.

    Shapes: B rows, n actions, H `hidden_size`.
    """

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, Any]:
        """Returns features (B, H) of packed observations, and which actions are legal, bool (B, n)."""
        hidden, _ = super().encode_observations(observations)
        return hidden, nativize_tensor(observations, self.native_dtype)["action_mask"] > 0

    def decode_actions(self, hidden: Tensor, lookup: Any = None) -> tuple[PolicyOutput, Tensor]:
        """Returns logits (B, n) and the value (B, 1) of features (B, H); without a lookup everything is legal."""
        logits, value = super().decode_actions(hidden)
        assert isinstance(logits, Tensor)
        return logits if lookup is None else torch.where(lookup, logits, _IMPOSSIBLE), value
