"""The policy for frames: Atari's network, for a Box that is an image."""

from __future__ import annotations

from typing import Any, cast

import torch
from gymnasium import spaces
from torch import Tensor, nn

from pufferlib.exceptions import UnsupportedSpace
from pufferlib.models._convolution import ConvolutionStack, image_axes
from pufferlib.models._heads import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init
from pufferlib.spaces import emulated_of


class Convolutional(nn.Module):
    """Three convolutions and a linear layer, then an action head and a value (Mnih et al. 2015)."""

    def __init__(
        self, env: Any, hidden_size: int = 512, channels_last: bool | None = None, downsample: int = 1
    ) -> None:
        """Builds the policy.

        Args:
            env: its observations are images, (height, width, channels), (channels, height, width) or (height, width).
            hidden_size: width of the linear layer, and of what the encoder gives and the decoder takes.
            channels_last: where the channels are. None: the shorter of the first and last axis.
            downsample: takes every n-th pixel along both sides.

        Raises:
            UnsupportedSpace: the observations aren't images.
        """
        super().__init__()
        emulated = emulated_of(env)
        space = emulated.observation.space
        axes = image_axes(space.shape, channels_last) if isinstance(space, spaces.Box) else None
        if axes is None:
            reason = (
                "it isn't one image. Use pufferlib.models.Default, or say where its channels are with channels_last."
            )
            raise UnsupportedSpace("the root", repr(space), reason)
        assert isinstance(space, spaces.Box)
        self.hidden_size = hidden_size
        every = slice(None, None, downsample)
        self.pixels = tuple(slice(None) if axis == axes[0] else every for axis in range(len(space.shape)))
        smaller = spaces.Box(space.low[self.pixels], space.high[self.pixels], dtype=cast(Any, space.dtype).type)
        self.stack = ConvolutionStack(smaller, channels_last=axes[0] == 2)
        self.linear = layer_init(nn.Linear(self.stack.out_size, hidden_size))
        self.action_head = ActionHead(emulated.action, hidden_size)
        self.value_head = layer_init(nn.Linear(hidden_size, 1), std=1)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Maps images (B, *shape) to the parameters of the actions and the value (B, 1)."""
        return self.decode_actions(*self.encode_observations(observations))

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Maps images (B, *shape) of any dtype to hidden features (B, hidden_size). There is no lookup."""
        return torch.relu(self.linear(self.stack(observations[(slice(None), *self.pixels)]))), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Maps hidden features (B, hidden_size) to the parameters of the actions and the value (B, 1)."""
        return cast(PolicyOutput, self.action_head(hidden)), cast(Tensor, self.value_head(hidden))
