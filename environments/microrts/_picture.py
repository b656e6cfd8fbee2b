"""Draws a game of MicroRTS from its numbers, so that frames need neither a display nor Java's window library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIDE = 512  # pixels of the longer side of the picture, at least
_GROUND, _WALL, _LINE, _CARGO, _BUSY = (232, 232, 224), (72, 96, 64), (200, 200, 192), (32, 160, 48), (16, 16, 16)
_OWNERS = np.array([(120, 190, 120), (40, 80, 220), (220, 50, 40)], np.uint8)  # nobody, the agent, the bot
# Nothing, Resource, Base, Barracks, Worker, Light, Heavy, Ranged.
_TYPES = np.array(
    [
        _GROUND,
        (96, 216, 96),
        (240, 240, 240),
        (150, 150, 150),
        (128, 128, 160),
        (250, 180, 60),
        (240, 240, 80),
        (90, 210, 230),
    ],
    np.uint8,
)


def draw(features: NDArray[np.int32], walls: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draws a picture.

    Args:
        features: (5 or more, H, W): hit points, resources, owner, type and action of the unit on each cell.
        walls: (H, W).

    Returns:
        (H*n, W*n, 3) uint8: each unit in the color of its type, framed in that of its owner; green when it carries
        resources, with a black dot while it acts.
    """
    _, resources, owner, kind, action = features[:5]
    height, width = walls.shape
    size = max(4, _SIDE // max(height, width))
    picture = np.empty((height, size, width, size, 3), np.uint8)
    picture[...] = np.where(walls[..., None], np.uint8(_WALL), np.uint8(_GROUND))[:, None, :, None]
    picture[:, 0] = picture[:, :, :, 0] = _LINE
    border, rim, center = size // 8, size // 4, size // 2
    is_unit = kind > 0
    _fill(picture, is_unit, (border, size - border), _OWNERS[owner.clip(0, 2)])
    _fill(picture, is_unit, (rim, size - rim), _TYPES[kind.clip(0, len(_TYPES) - 1)])
    _fill(picture, is_unit & (resources > 0) & (owner > 0), (rim, center), np.uint8(_CARGO))
    _fill(picture, is_unit & (action > 0), (center, center + max(1, size // 8)), np.uint8(_BUSY))
    return picture.reshape(height * size, width * size, 3)


def _fill(
    picture: NDArray[np.uint8], cells: NDArray[np.bool_], span: tuple[int, int], color: NDArray[np.uint8]
) -> None:
    """Fills a square part of some cells, (H, n, W, n, 3), with a color or one for each cell, (H, W, 3)."""
    part = picture[:, slice(*span), :, slice(*span)]
    colors = np.broadcast_to(color, (*cells.shape, 3))[:, None, :, None]
    np.copyto(part, colors, where=cells[:, None, :, None, None])
