"""Action masks for policies of unlike agents; see `CommonSpaces`.

Shapes: B rows, K kinds, n actions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class LegalActions(nn.Module):
    """Knows which actions the agents of each row have, from the entries of their observation that say their kind."""

    legal: Tensor

    def __init__(self, env: Any) -> None:
        """Reads `legal_actions` of an environment; without it, everything is legal.

        Args:
            env: an emulated environment, with or without CommonSpaces inside.
        """
        super().__init__()
        legal = getattr(env, "legal_actions", None)
        self.num_kinds = 0 if legal is None else len(legal)
        self.register_buffer("legal", torch.as_tensor([] if legal is None else legal), persistent=False)

    def forward(self, observations: Tensor) -> Tensor | None:
        """Returns (B, n) bool for observations (B, ..., channels); None where everything is legal."""
        if not self.num_kinds:
            return None
        corner = observations.flatten(1, -2)[:, 0] if observations.ndim > 2 else observations
        legal = (corner[:, -self.num_kinds :] @ self.legal.to(corner.dtype)) > 0
        return legal | ~legal.any(1, keepdim=True)  # rows without an agent have no kind


def mask_logits(logits: Any, legal: Tensor | None) -> Any:
    """Makes illegal actions impossible; leaves outputs of continuous actions as they are."""
    return logits if legal is None else logits.masked_fill(~legal, -torch.inf)
