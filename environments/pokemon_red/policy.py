"""Baseline policy for Pokemon Red: convolutions over the pictures, a layer over the numbers, both together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init, nativize_dtype, nativize_tensor

NUM_MAPS, MAP_SIZE = 256, 16
NUM_BATTLES = 4
FACTS_SIZE = 128
EVENT_SCALE = 1 / 100  # the story sets a few hundred flags


class Policy(nn.Module):
    """Atari's convolutions see the screen; maps are embedded; heads for action and value share what both give.

    Shapes: B rows, H `hidden_size`, S pictures.
    """

    def __init__(self, env: Any, hidden_size: int = 512) -> None:
        """Sizes the layers for an emulated environment.

        Args:
            env: gives `emulated`, with the observations of `PokemonRed`.
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__()
        space = env.emulated.observation.space
        self.dtype = nativize_dtype(env.emulated)
        height, width, pictures = space["screen"].shape
        self.screen = nn.Sequential(
            layer_init(nn.Conv2d(pictures, 32, 8, stride=4)),
            nn.ReLU(),
            layer_init(nn.Conv2d(32, 64, 4, stride=2)),
            nn.ReLU(),
            layer_init(nn.Conv2d(64, 64, 3, stride=1)),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            num_features = self.screen(torch.zeros(1, pictures, height, width)).shape[1]
        self.maps = nn.Embedding(NUM_MAPS, MAP_SIZE)
        visited = space["visited"].shape[0] * space["visited"].shape[1]
        party = space["levels"].shape[0] + space["health"].shape[0]
        num_facts = MAP_SIZE + visited + 2 + NUM_BATTLES + space["badges"].shape[0] + party + 1
        self.facts = layer_init(nn.Linear(num_facts, FACTS_SIZE))
        self.both = layer_init(nn.Linear(num_features + FACTS_SIZE, hidden_size))
        self.actor = ActionHead(env.emulated.action, hidden_size)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)
        self.register_buffer("battles", torch.arange(NUM_BATTLES), persistent=False)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns logits (B, actions) and value (B, 1) of packed observations."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations, and nothing to look up."""
        parts, dtype = nativize_tensor(observations, self.dtype), self.both.weight.dtype
        screen = self.screen(parts["screen"].permute(0, 3, 1, 2).to(dtype) / 255)
        numbers = [
            parts["visited"].flatten(1).to(dtype),
            parts["position"].to(dtype) / 64,
            (parts["battle"].reshape(-1, 1) == self.battles).to(dtype),
            parts["badges"].to(dtype),
            parts["levels"].to(dtype) / 100,
            parts["health"].to(dtype),
            parts["events"].to(dtype) * EVENT_SCALE,
        ]
        facts = self.facts(torch.cat([self.maps(parts["map"].reshape(-1)), *numbers], 1)).relu()
        return self.both(torch.cat([screen, facts], 1)).relu(), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns logits (B, actions) and value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)
