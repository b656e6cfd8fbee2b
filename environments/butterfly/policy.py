"""Baseline policies for Butterfly: a convolution for pixels, a set encoder for the knights' table of things."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init, nativize_dtype, nativize_tensor
from pufferlib.spaces import Sequence


class Policy(nn.Module):
    """An encoder that fits the observation, and heads for actions, discrete or continuous, and value.

    Shapes: B rows (agents), H `hidden_size`, K things in a table, F numbers for each.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Chooses the encoder for an emulated environment.

        Args:
            env: gives `emulated`; the observation is an image, a table (K, F), or a sequence of table rows.
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__()
        space = env.emulated.observation.space
        self.dtype = nativize_dtype(env.emulated)
        self.encoder: nn.Module
        if isinstance(space, Sequence):
            self.encoder = ThingsEncoder(space.max_length, space.feature_space.shape[0], hidden_size)
        elif len(space.shape) == 3:
            self.encoder = PixelEncoder(*space.shape, hidden_size)
        else:
            self.encoder = ThingsEncoder(*space.shape, hidden_size)
        self.actor = ActionHead(env.emulated.action, hidden_size)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of packed observations."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations, and nothing to look up."""
        return self.encoder(nativize_tensor(observations, self.dtype)), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)


class ThingsEncoder(nn.Module):
    """Encodes a table of things: each row by itself, then the maximum over the rows that hold something.

    In the plain table the place of a row says what kind of thing it is, so every place has its own bias. Row 0 is the
    agent itself, and is also seen directly.
    """

    def __init__(self, num_things: int, num_features: int, hidden_size: int) -> None:
        super().__init__()
        self.thing = layer_init(nn.Linear(num_features, hidden_size))
        self.place = nn.Parameter(torch.randn(num_things, hidden_size) / 4)
        self.mix = layer_init(nn.Linear(hidden_size + num_features, hidden_size))

    def forward(self, things: Tensor | dict[str, Tensor]) -> Tensor:
        """Returns (B, H) of a table (B, K, F), or of a packed sequence of its rows, zero after the end."""
        table = things["items"] if isinstance(things, dict) else things
        table = table.to(self.place.dtype)
        is_there = (table != 0).any(2, keepdim=True)
        features = torch.relu(self.thing(table) + self.place) * is_there
        return torch.tanh(self.mix(torch.cat([features.amax(1), table[:, 0]], 1)))


class PixelEncoder(nn.Module):
    """Averages blocks of pixels down to about 64 x 64, then three convolutions."""

    def __init__(self, height: int, width: int, channels: int, hidden_size: int) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d((max(1, height // 64), max(1, width // 64)), ceil_mode=True)
        self.convolutions = nn.Sequential(
            layer_init(nn.Conv2d(channels, 16, 8, stride=4)),
            nn.ReLU(),
            layer_init(nn.Conv2d(16, 32, 4, stride=2)),
            nn.ReLU(),
            layer_init(nn.Conv2d(32, 32, 3, stride=1)),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            num_features = self.convolutions(self.shrink(torch.zeros(1, channels, height, width))).shape[1]
        self.project = layer_init(nn.Linear(num_features, hidden_size))

    def forward(self, pixels: Tensor) -> Tensor:
        """Returns (B, H) of pixels (B, height, width, channels) uint8."""
        image = pixels.permute(0, 3, 1, 2).to(self.project.weight.dtype) / 255
        return torch.relu(self.project(self.convolutions(self.shrink(image))))
