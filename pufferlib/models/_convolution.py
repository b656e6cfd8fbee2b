"""Convolutions for observations that look like images."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from pufferlib.pytorch import layer_init

LARGEST_BOUND = 1e6  # beyond it a bound only says that there is none
_SMALLEST_IMAGE = 16  # pixels along the shorter side
_MOST_CHANNELS = 16
_LARGEST_MAP = 7  # what an 84x84 frame leaves after the convolutions of Mnih et al. 2015
_FRAME_LAYERS = ((32, 8, 4, 0), (64, 4, 2, 0), (64, 3, 1, 0))  # channels, kernel, stride, padding
_SMALL_LAYERS = ((32, 3, 1, 1), (64, 3, 2, 1), (64, 3, 2, 1))


def image_axes(shape: tuple[int, ...], channels_last: bool | None = None) -> tuple[int, int, int] | None:
    """Finds (channel, height, width) axes of one image; the channel is -1 where there is none.

    Args:
        shape: of one observation.
        channels_last: where the channels are. None: the shorter of the first and last axis.

    Returns:
        None where the shape isn't that of an image, unless `channels_last` says that it is.
    """
    if len(shape) == 2:
        return (-1, 0, 1) if min(shape) >= _SMALLEST_IMAGE or channels_last is not None else None
    if len(shape) != 3:
        return None
    is_last = shape[2] <= shape[0] if channels_last is None else channels_last
    axes = (2, 0, 1) if is_last else (0, 1, 2)
    is_image = shape[axes[0]] <= _MOST_CHANNELS and min(shape[axes[1]], shape[axes[2]]) >= _SMALLEST_IMAGE
    return axes if is_image or channels_last is not None else None


class ConvolutionStack(nn.Module):
    """Three convolutions and a flatten: those of Mnih et al. 2015 for frames, 3x3 ones for small images."""

    scale: Tensor

    def __init__(self, space: spaces.Box, channels_last: bool | None = None) -> None:
        """Builds the stack.

        Args:
            space: of one image, (height, width, channels), (channels, height, width) or (height, width).
            channels_last: where the channels are. None: the shorter of the first and last axis.
        """
        super().__init__()
        axes = image_axes(space.shape, channels_last)
        assert axes is not None
        self.axes = axes
        channels = 1 if axes[0] < 0 else space.shape[axes[0]]
        height, width = space.shape[axes[1]], space.shape[axes[2]]
        sizes = _FRAME_LAYERS if min(height, width) >= 36 else _SMALL_LAYERS
        steps: list[nn.Module] = []
        for out, kernel, stride, padding in sizes:
            steps += [layer_init(nn.Conv2d(channels, out, kernel, stride, padding)), nn.ReLU()]
            height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
            channels = out
        shrunk = min(height, _LARGEST_MAP), min(width, _LARGEST_MAP)
        if shrunk != (height, width):
            steps.append(nn.AdaptiveAvgPool2d(shrunk))
        self.layers = nn.Sequential(*steps, nn.Flatten())
        self.out_size = channels * shrunk[0] * shrunk[1]
        self.register_buffer("scale", torch.tensor(_scale_of(space)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Maps (B, *space.shape) of any dtype to (B, out_size)."""
        channel, height, width = (axis + 1 for axis in self.axes)
        images = images.permute(0, channel, height, width) if channel else images.unsqueeze(1)
        return cast(Tensor, self.layers(images.to(self.scale.dtype) * self.scale))


def _scale_of(space: spaces.Box) -> float:
    """Brings the largest finite bound to 1; an image without bounds stays as it is."""
    largest = float(np.maximum(np.abs(space.low.astype(np.float64)), np.abs(space.high.astype(np.float64))).max())
    return 1 / largest if 0 < largest < LARGEST_BOUND else 1.0
