"""The policy for any environment: an encoder that follows the observation's structure, and a small network on top."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from pufferlib.models._encoders import encoder_of
from pufferlib.models._heads import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init, nativize_dtype, nativize_tensor
from pufferlib.spaces import emulated_of


class Default(nn.Module):
    """Encodes every leaf of the observation by its kind, then two hidden layers, then an action head and a value.

    Takes packed rows as the environments give them. A plain Box may come in any dtype.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Builds the policy.

        Args:
            env: an emulated or vectorized environment, or any with Gymnasium's space attributes.
            hidden_size: width of the hidden layers, and of what the encoder gives and the decoder takes.
        """
        super().__init__()
        emulated = emulated_of(env)
        self.hidden_size = hidden_size
        self.native_dtype = nativize_dtype(emulated)
        self.encoder = encoder_of(emulated.observation.space)
        # An observation without content still has a policy: its features are the biases.
        self.input = layer_init(nn.Linear(max(self.encoder.out_size, 1), hidden_size))
        self.hidden = layer_init(nn.Linear(hidden_size, hidden_size))
        self.action_head = ActionHead(emulated.action, hidden_size)
        self.value_head = layer_init(nn.Linear(hidden_size, 1), std=1)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Maps observations (B, *shape) to the parameters of the actions and the value (B, 1)."""
        return self.decode_actions(*self.encode_observations(observations))

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Maps observations (B, *shape) to hidden features (B, hidden_size). There is no lookup."""
        if self.encoder.out_size:
            features = self.encoder(nativize_tensor(observations, self.native_dtype))
        else:
            features = self.input.weight.new_zeros(len(observations), 1)
        return torch.tanh(self.hidden(torch.tanh(self.input(features)))), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Maps hidden features (B, hidden_size) to the parameters of the actions and the value (B, 1)."""
        return cast(PolicyOutput, self.action_head(hidden)), cast(Tensor, self.value_head(hidden))
