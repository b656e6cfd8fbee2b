"""Baseline policy for ViZDoom: convolutions over all that can be seen, and the game variables beside them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init, nativize_dtype, nativize_tensor

PICTURES = ("screen", "depth", "labels", "automap")


class Policy(nn.Module):
    """Sees the screen and, where they are on, depth, labels and map as more channels; it neither hears nor reads.

    Game variables (health, ammunition, ...) have no bounds, so their logarithms are used.

    Shapes: B rows, C channels of all pictures together, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 512) -> None:
        """Sizes the layers for an emulated scenario.

        Args:
            env: gives `emulated`; the observation is a Dict with a "screen".
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__()
        space = env.emulated.observation.space
        self.dtype = nativize_dtype(env.emulated)
        self.pictures = [name for name in PICTURES if name in space.spaces]
        self.has_variables = "gamevariables" in space.spaces
        height, width, _ = space["screen"].shape
        channels = sum(space[name].shape[2] for name in self.pictures)
        self.convolutions = nn.Sequential(
            layer_init(nn.Conv2d(channels, 32, 8, stride=4)),
            nn.ReLU(),
            layer_init(nn.Conv2d(32, 64, 4, stride=2)),
            nn.ReLU(),
            layer_init(nn.Conv2d(64, 64, 3, stride=1)),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d((min(7, _left(height)), min(7, _left(width)))),  # nothing on small screens
            nn.Flatten(),
        )
        with torch.no_grad():
            num_features = self.convolutions(torch.zeros(1, channels, height, width)).shape[1]
        num_variables = space["gamevariables"].shape[0] if self.has_variables else 0
        self.project = layer_init(nn.Linear(num_features + num_variables, hidden_size))
        self.actor = ActionHead(env.emulated.action, hidden_size)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of packed observations."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations, and nothing to look up."""
        parts = nativize_tensor(observations, self.dtype)
        seen = torch.cat([parts[name] for name in self.pictures], 3).permute(0, 3, 1, 2)
        features = self.convolutions(seen.to(self.project.weight.dtype) / 255)
        if self.has_variables:
            variables = parts["gamevariables"].to(features.dtype)
            features = torch.cat([features, variables.abs().log1p().copysign(variables) / 4], 1)
        return torch.relu(self.project(features)), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)


def _left(side: int) -> int:
    """Counts the pixels of a side that the convolutions leave."""
    return ((side - 8) // 4 + 1 - 4) // 2 + 1 - 2
