"""Films a run's policy in an environment of Ocean as a small GIF for the docs: one episode, every few steps a frame.

    python scripts/gif.py runs/NAME docs/ocean/breakout.gif [--stride 4] [--frames 400] [--scale 3] [--seed 0]

The most probable actions are taken, as by `puffer eval --deterministic`, unless --sample is given. The frames are those
that the environment draws, enlarged; the file holds what changes from one to the next only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pufferlib.training import config, run
from pufferlib.training.evaluate import film

RATE_HZ = 25


def main() -> None:
    """Films."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--stride", type=int, default=4, help="steps from one frame to the next")
    parser.add_argument("--frames", type=int, default=400, help="at most")
    parser.add_argument("--scale", type=int, default=3, help="pixels an edge that one of the environment's gets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample", action="store_true", help="samples the actions")
    options = parser.parse_args()

    settings, device = config.load(options.run / "config.toml"), torch.device("cpu")
    torch.set_num_threads(1)
    with run.make_envs(settings, 1, render_mode="rgb_array") as envs:
        policy = run.load_policy(settings, options.run, envs.driver_env, device)
        max_steps = options.stride * options.frames
        pictures = film(envs, policy, options.seed, max_steps, deterministic=not options.sample)
        height = envs.driver_env.plan.spec.frame[0]
    factor = pictures[0].shape[0] // height
    frames = [np.ascontiguousarray(picture[::factor, ::factor]) for picture in pictures[:: options.stride]]
    palette = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)])).quantize(64)
    size = (frames[0].shape[1] * options.scale, frames[0].shape[0] * options.scale)
    images = [
        Image.fromarray(frame)
        .resize(size, Image.Resampling.NEAREST)
        .quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    options.file.parent.mkdir(parents=True, exist_ok=True)
    images[0].save(
        options.file, save_all=True, append_images=images[1:], duration=1000 // RATE_HZ, loop=0, optimize=True
    )
    print(f"{options.file}: {len(images)} frames of {len(pictures)} steps, {options.file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
