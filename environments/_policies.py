"""Baseline policies that several adapters share."""

from __future__ import annotations

from typing import Any, cast

from gymnasium import spaces
from torch import Tensor, nn

from pufferlib.models import Convolutional, Default
from pufferlib.pytorch import PolicyOutput


class NumbersOrPixels(nn.Module):
    """The library's network for frames where the observation is one, and its network for everything otherwise.

    Shapes: B rows, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Chooses the network for an emulated environment.

        Args:
            env: gives `emulated`.
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__()
        space = env.emulated.observation.space
        is_frame = isinstance(space, spaces.Box) and len(space.shape) == 3
        self.network = Convolutional(env, hidden_size) if is_frame else Default(env, hidden_size)
        self.hidden_size = hidden_size

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of packed observations."""
        return cast("tuple[PolicyOutput, Tensor]", self.network(observations))

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations, and nothing to look up."""
        return self.network.encode_observations(observations)

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.network.decode_actions(hidden, lookup)
