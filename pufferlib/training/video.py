"""Writes frames as a GIF or an MP4."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pufferlib.exceptions import ConfigError, MissingDependency

Frame = NDArray[np.uint8]  # (height, width, 3)
MAX_GIF_RATE_HZ = 25.0  # browsers slow a GIF down whose frames last less than 0.02 s
MAX_GIF_WIDTH = 400


def write_video(path: Path, frames: Sequence[Frame], rate_hz: float) -> None:
    """Writes a video; the ending of its name says which kind.

    Args:
        path: ends in .gif (endless, small, smooth enough) or .mp4 (every frame as it is).
        frames: at least one, all of one size.
        rate_hz: frames a second.

    Raises:
        ConfigError: another ending, or no frames.
        MissingDependency: an MP4 needs the package imageio-ffmpeg, which brings an encoder.
    """
    if not frames:
        raise ConfigError("video", "there are no frames.", "Render at least one.")
    if path.suffix == ".gif":
        _write_gif(path, frames, rate_hz)
    elif path.suffix == ".mp4":
        _write_mp4(path, frames, rate_hz)
    else:
        raise ConfigError("video", f"{path.name} is no kind of video that can be written.", "End it in .gif or .mp4.")


def find_encoder() -> Any:
    """Finds what encodes an MP4; worth a call before hours of training.

    Raises:
        MissingDependency: it isn't installed.
    """
    try:
        return importlib.import_module("imageio_ffmpeg")
    except ImportError as error:
        raise MissingDependency("An MP4", "imageio-ffmpeg", "pip install pufferlib[video]") from error


def _write_gif(path: Path, frames: Sequence[Frame], rate_hz: float) -> None:
    stride = max(1, round(rate_hz / MAX_GIF_RATE_HZ))
    height, width = frames[0].shape[:2]
    scale = min(1.0, MAX_GIF_WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # One palette for all: frames that share colours compress well, and nothing flickers.
    palette = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)])).quantize(256)
    images = []
    for frame in frames[::stride]:
        image = Image.fromarray(frame)
        if scale < 1:
            image = image.resize(size, Image.Resampling.BOX)
        images.append(image.quantize(palette=palette, dither=Image.Dither.NONE))
    duration_ms = round(1000 * stride / rate_hz)
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration_ms, loop=0)


def _write_mp4(path: Path, frames: Sequence[Frame], rate_hz: float) -> None:
    height, width = frames[0].shape[:2]
    height, width = height - height % 2, width - width % 2  # the encoder takes even sizes only
    writer = find_encoder().write_frames(str(path), (width, height), fps=rate_hz, macro_block_size=2)
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame[:height, :width]))
    writer.close()
