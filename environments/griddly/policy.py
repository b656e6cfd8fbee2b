"""Baseline policy for Griddly: convolutions over the planes of a grid, or over pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.models import ActionHead, Convolutional
from pufferlib.pytorch import PolicyOutput, layer_init
from pufferlib.spaces import emulated_of

CHANNELS = (32, 64)
SMALLEST_PICTURE = 36  # pixels along a side; the largest grid with three planes is smaller
LARGEST_MAP = 8  # cells along a side that the linear layer sees; larger grids are pooled


class Policy(nn.Module):
    """The network that fits the observer: `Convolutional` for pixels, otherwise `GridPolicy`."""

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Chooses the network.

        Args:
            env: its observations are planes or pixels, (C, width, height) uint8.
            hidden_size: width H of the linear layer.
        """
        super().__init__()
        shape = emulated_of(env).observation.space.shape
        is_pixels = shape[0] == 3 and min(shape[1:]) >= SMALLEST_PICTURE
        self.hidden_size = hidden_size
        self.network: Any = (
            Convolutional(env, hidden_size, channels_last=False) if is_pixels else GridPolicy(env, hidden_size)
        )

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of observations."""
        return self.network(observations)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, Any]:
        """Returns features (B, H) of observations, and nothing to look up."""
        return self.network.encode_observations(observations)

    def decode_actions(self, hidden: Tensor, lookup: Any = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.network.decode_actions(hidden, lookup)


class GridPolicy(nn.Module):
    """Two convolutions over planes, one for each kind of object or variable, and a linear layer.

    Shapes: B rows, C planes, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the layers.

        Args:
            env: its observations are planes, (C, width, height) uint8.
            hidden_size: width H of the linear layer.
        """
        super().__init__()
        emulated = emulated_of(env)
        planes, width, height = emulated.observation.space.shape
        self.hidden_size = hidden_size
        small = (min(width, LARGEST_MAP), min(height, LARGEST_MAP))
        self.convolutions = nn.Sequential(
            layer_init(nn.Conv2d(planes, CHANNELS[0], 3, padding=1)),
            nn.ReLU(),
            layer_init(nn.Conv2d(CHANNELS[0], CHANNELS[1], 3, padding=1)),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(small) if small != (width, height) else nn.Identity(),
            nn.Flatten(),
        )
        self.linear = layer_init(nn.Linear(CHANNELS[1] * small[0] * small[1], hidden_size))
        self.action_head = ActionHead(emulated.action, hidden_size)
        self.value_head = layer_init(nn.Linear(hidden_size, 1), std=1)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of planes (B, C, width, height)."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of planes (B, C, width, height), and nothing to look up."""
        # Most planes hold 0 or 1, those of variables up to 255: the logarithm keeps both in sight.
        planes = torch.log1p(observations.to(self.linear.weight.dtype))
        return torch.relu(self.linear(self.convolutions(planes))), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.action_head(hidden), self.value_head(hidden)
