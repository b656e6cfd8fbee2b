"""Baseline policy for MPE: the default network, which can't choose actions that its kind of agent doesn't have."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pufferlib.environments._legal import LegalActions, mask_logits
from pufferlib.models import Default
from pufferlib.pytorch import PolicyOutput


class Policy(Default):
    """Two hidden layers over the observation, an action head and a value; agents of all kinds share it."""

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the layers for an emulated environment."""
        super().__init__(env, hidden_size)
        self.legal_actions = LegalActions(env)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, Tensor | None]:  # type: ignore[override]
        """Returns features (B, H) of observations (B, *shape), and which actions are legal, (B, n) or None."""
        return super().encode_observations(observations)[0], self.legal_actions(observations)

    def decode_actions(  # type: ignore[override]
        self, hidden: Tensor, lookup: Tensor | None = None
    ) -> tuple[PolicyOutput, Tensor]:
        """Returns the parameters of the actions and the value (B, 1) of features (B, H)."""
        output, value = super().decode_actions(hidden)
        return mask_logits(output, lookup), value
