"""Draws text, for games that have nothing else to show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT = 6, 11  # pixels of a letter of Pillow's bitmap font
_MARGIN = 8  # pixels


def draw(text: str, least: tuple[int, int] = (0, 0)) -> NDArray[np.uint8]:
    """Draws lines of text in letters of one width, light on dark.

    Args:
        text: letters outside Latin-1 become question marks.
        least: height and width that the picture has at least.

    Returns:
        (height, width, 3) uint8.
    """
    lines = text.encode("latin-1", "replace").decode("latin-1").expandtabs().splitlines()
    height = max(least[0], len(lines) * _HEIGHT + 2 * _MARGIN)
    width = max(least[1], max(map(len, lines), default=0) * _WIDTH + 2 * _MARGIN)
    image = Image.new("RGB", (width, height), (16, 16, 24))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default_imagefont()
    for i, line in enumerate(lines):
        pen.text((_MARGIN, _MARGIN + i * _HEIGHT), line, (220, 220, 220), font)
    return np.array(image)
