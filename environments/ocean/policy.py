"""Baseline policy for Ocean: the general one, which obeys an action mask where the observation has one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pufferlib.models import Default
from pufferlib.pytorch import PolicyOutput, nativize_tensor
from pufferlib.spaces import emulated_of

_IMPOSSIBLE = -1e9  # a logit; finite, so that an entropy of 0 * log 0 stays a number


class Policy(Default):
    """Encodes whatever is observed; what the leaf `action_mask` forbids is taken out of the distribution.

    Shapes: B rows, n actions, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Builds the policy.

        Args:
            env: an emulated or vectorized environment.
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__(env, hidden_size)
        space = emulated_of(env).observation.space
        self.has_mask = "action_mask" in (getattr(space, "spaces", None) or ())

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, Any]:
        """Returns features (B, H) of packed observations, and which actions are possible, bool (B, n), or None."""
        hidden, _ = super().encode_observations(observations)
        if not self.has_mask:
            return hidden, None
        return hidden, nativize_tensor(observations, self.native_dtype)["action_mask"] > 0

    def decode_actions(self, hidden: Tensor, lookup: Any = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the actions' parameters and the value (B, 1) of features (B, H); no lookup: all are possible."""
        output, value = super().decode_actions(hidden)
        if lookup is None:
            return output, value
        assert isinstance(output, Tensor)
        return torch.where(lookup, output, _IMPOSSIBLE), value
