"""Baseline policy for Procgen: the residual network of IMPALA (Espeholt et al. 2018, figure 3 right, without LSTM)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init
from pufferlib.spaces import emulated_of

DEPTHS = (16, 32, 32)  # channels of the three sections


class Policy(nn.Module):
    """Fifteen convolutions in three sections, a linear layer, then an action head and a value.

    Shapes: B rows, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 256) -> None:
        """Sizes the layers.

        Args:
            env: its observations are pixels, (height, width, channels) uint8.
            hidden_size: width H of the linear layer.
        """
        super().__init__()
        emulated = emulated_of(env)
        height, width, channels = emulated.observation.space.shape
        self.hidden_size = hidden_size
        sections = []
        for depth in DEPTHS:
            sections.append(Section(channels, depth))
            height, width, channels = (height + 1) // 2, (width + 1) // 2, depth
        self.sections = nn.Sequential(*sections, nn.ReLU(), nn.Flatten())
        self.linear = layer_init(nn.Linear(height * width * channels, hidden_size))
        self.action_head = ActionHead(emulated.action, hidden_size)
        self.value_head = layer_init(nn.Linear(hidden_size, 1), std=1)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of pixels (B, height, width, channels)."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of pixels (B, height, width, channels), and nothing to look up."""
        pixels = observations.permute(0, 3, 1, 2).to(self.linear.weight.dtype) / 255
        return torch.relu(self.linear(self.sections(pixels))), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.action_head(hidden), self.value_head(hidden)


class Section(nn.Module):
    """A convolution, a pooling that halves both sides, and two residual blocks."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, depth, 3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(depth), Block(depth))

    def forward(self, planes: Tensor) -> Tensor:
        """Maps (B, channels, height, width) to (B, depth, height / 2, width / 2), halves rounded up."""
        return self.blocks(self.pool(self.convolution(planes)))


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(depth, depth, 3, padding=1)
        self.second = nn.Conv2d(depth, depth, 3, padding=1)

    def forward(self, planes: Tensor) -> Tensor:
        """Maps (B, depth, height, width) to the same shape."""
        return planes + self.second(torch.relu(self.first(torch.relu(planes))))
