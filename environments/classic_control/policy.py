"""Baseline policy for classic control: two hidden layers over the observation."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init


class Policy(nn.Module):
    """A small shared network with a head for actions, discrete or continuous, and one for the value.

    Shapes: B rows, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the layers for an emulated environment whose observation is a vector.

        Args:
            env: gives `single_observation_space` and `emulated`.
            hidden_size: width H of both layers.
        """
        super().__init__()
        (num_inputs,) = env.single_observation_space.shape
        self.encoder = nn.Sequential(
            layer_init(nn.Linear(num_inputs, hidden_size)),
            nn.Tanh(),
            layer_init(nn.Linear(hidden_size, hidden_size)),
            nn.Tanh(),
        )
        self.actor = ActionHead(env.emulated.action, hidden_size)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of observations (B, n)."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of observations (B, n), and nothing to look up."""
        return self.encoder(observations), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns the action distribution's parameters and the value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)
