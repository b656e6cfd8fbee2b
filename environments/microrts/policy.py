"""Baseline policy for MicroRTS: a grid network that gives every cell its own choices, and never an illegal one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.environments.microrts._game import CHOICES
from pufferlib.pytorch import layer_init, nativize_dtype, nativize_tensor

WIDTH = 64  # channels of a cell's features


class Policy(nn.Module):
    """Encodes the map to one vector and decodes that, with what lies around each cell, to logits of every cell.

    After the GridNet agent of Gym-MicroRTS (Huang et al. 2021): a convolutional encoder and decoder, and masks for
    illegal choices. Unlike there, cells keep their own features on the way, so that any size of map will do.

    Shapes: B rows, H and W cells, F hidden_size, C channels.
    """

    def __init__(self, env: Any, hidden_size: int = 256) -> None:
        """Sizes the layers for an emulated environment.

        Args:
            env: gives `emulated`, with the observations of `MicroRTS`.
            hidden_size: width F of what `encode_observations` returns.
        """
        super().__init__()
        self.dtype = nativize_dtype(env.emulated)
        planes = env.emulated.observation.space["grid"].shape[2]
        self.cells = layer_init(nn.Conv2d(planes, WIDTH, 3, padding=1))
        self.around = layer_init(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1))
        self.far = layer_init(nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1))
        self.encode = layer_init(nn.Linear(2 * WIDTH, hidden_size))
        self.decode = layer_init(nn.Linear(hidden_size, WIDTH))
        self.mix = layer_init(nn.Conv2d(3 * WIDTH, WIDTH, 3, padding=1))
        self.actor = layer_init(nn.Conv2d(WIDTH, sum(CHOICES), 1), std=0.01)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)

    def forward(self, observations: Tensor) -> tuple[list[Tensor], Tensor]:
        """Returns a list of logits, seven for each cell, and the value (B, 1) of packed observations."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Returns features (B, F) of the map, and what the decoder looks up: two maps of features, and the mask."""
        parts = nativize_tensor(observations, self.dtype)
        grid = parts["grid"].permute(0, 3, 1, 2).to(self.encode.weight.dtype)
        cells = self.cells(grid).relu()
        around = self.around(cells).relu()
        far = self.far(around).relu()
        summary = torch.cat([far.mean((2, 3)), far.amax((2, 3))], 1)
        return self.encode(summary).relu(), (cells, around, parts["action_mask"])

    def decode_actions(self, hidden: Tensor, lookup: tuple[Tensor, Tensor, Tensor]) -> tuple[list[Tensor], Tensor]:
        """Returns a list of logits, seven for each cell, and the value (B, 1) of features (B, F)."""
        cells, around, mask = lookup
        size = cells.shape[2:]
        nearby = nn.functional.interpolate(around, size=size, mode="nearest")
        everywhere = self.decode(hidden).relu()[:, :, None, None].expand(-1, -1, *size)
        mixed = self.mix(torch.cat([cells, nearby, everywhere], 1)).relu()
        logits = self.actor(mixed).permute(0, 2, 3, 1)  # (B, H, W, 78)
        return mask_logits(logits, mask), self.critic(hidden)


def mask_logits(logits: Tensor, mask: Tensor) -> list[Tensor]:
    """Makes illegal choices impossible and splits the rest into the heads of an action.

    Where none of a head's choices is legal, as on cells without a unit that awaits an action, it always takes the
    first, which then adds nothing to log-probability and entropy.

    Args:
        logits: (B, H, W, 78).
        mask: (B, H, W, 78), not 0 where a choice is legal.

    Returns:
        H*W*7 tensors (B, 6), (B, 4), (B, 4), (B, 4), (B, 4), (B, 7), (B, 49), (B, 6), ...
    """
    legal = mask != 0
    heads = []
    for part in legal.split(CHOICES, -1):
        first = torch.zeros_like(part)
        first[..., 0] = ~part.any(-1)
        heads.append(part | first)
    masked = logits.masked_fill(~torch.cat(heads, -1), -torch.inf)
    cells = logits.shape[1] * logits.shape[2]
    return list(masked.flatten(1).split(CHOICES * cells, 1))
