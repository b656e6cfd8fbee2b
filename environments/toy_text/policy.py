"""Baseline policy for toy text: a learned vector for every state, or for every value of every part of one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init, nativize_dtype, nativize_tensor


class Policy(nn.Module):
    """One embedding for each part of the observation, their sum through two layers, heads for actions and value.

    Shapes: B rows, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the tables for an emulated environment whose observation is a Discrete or a Tuple of them.

        Args:
            env: gives `emulated`.
            hidden_size: width H of the embeddings and of both layers.
        """
        super().__init__()
        spaces = [leaf.space for leaf in env.emulated.observation.leaves]
        self.dtype = nativize_dtype(env.emulated)
        self.starts = [int(space.start) for space in spaces]
        self.tables = nn.ModuleList(nn.Embedding(int(space.n), hidden_size) for space in spaces)
        self.encoder = nn.Sequential(nn.Tanh(), layer_init(nn.Linear(hidden_size, hidden_size)), nn.Tanh())
        self.actor = ActionHead(env.emulated.action, hidden_size)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of packed observations."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations, and nothing to look up."""
        parts = nativize_tensor(observations, self.dtype)
        values = list(parts.values()) if isinstance(parts, dict) else [parts]
        # A slot without an agent is all zeros, which a start above 0 would turn into a negative index.
        indices = [(value - start).clamp(min=0) for value, start in zip(values, self.starts, strict=True)]
        embedded = [table(index.reshape(-1)) for table, index in zip(self.tables, indices, strict=True)]
        return self.encoder(torch.stack(embedded).sum(0)), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)
