"""Compiles native environments to WebAssembly: `scripts/build_wasm.py NAME... [--output FOLDER]`.

Writes NAME.wasm and NAME.json, its sizes and config, which `pufferlib/ocean/wasm/ocean.mjs` reads. The compiler is
the one in the PyPI package ziglang.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import pufferlib.ocean
from pufferlib.ocean._copies import AUTORESETS

OCEAN = Path(__file__).resolve().parent.parent / "pufferlib" / "ocean"
FLAGS = [
    "--target=wasm32-freestanding",
    "-std=c11",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-mbulk-memory",
    "-nostdlib",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wl,--no-entry",
    "-s",
]


def main(words: list[str]) -> None:
    """Builds the environments that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(pufferlib.ocean.names()))
    parser.add_argument("--output", type=Path, default=Path("build/wasm"))
    options = parser.parse_args(words)
    for name in options.names or pufferlib.ocean.names():
        path = build(name, options.output)
        print(f"{path}: {path.stat().st_size:,} bytes")


def build(name: str, folder: Path, **config: Any) -> Path:
    """Compiles one environment.

    Args:
        name: one of `pufferlib.ocean.names()`.
        folder: where NAME.wasm and NAME.json are written.
        config: what isn't the default.

    Returns:
        The path of NAME.wasm.

    Raises:
        subprocess.CalledProcessError: it doesn't compile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.wasm"
    sources = [str(OCEAN / "wasm" / "harness.c"), str(OCEAN / f"{name}.c")]
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, f"-DENVIRONMENT=puffer_{name}", *sources, "-o", str(path)]
    subprocess.run(command, check=True, timeout=300)
    path.with_suffix(".json").write_text(json.dumps(plan(name, **config)), encoding="utf-8")
    return path


def plan(name: str, autoreset: str = "same_step", **config: Any) -> dict[str, Any]:
    """What the page must know of an environment: its sizes and the bytes of its config."""
    env = pufferlib.ocean.make(name, **config)
    flat = env.single_action_space
    action = np.zeros(flat.shape or (), np.int64 if flat.dtype is None else flat.dtype)
    observation = env.single_observation_space
    return {
        "name": name,
        "num_agents": env.num_slots,
        "observation_bytes": int(observation.dtype.itemsize * np.prod(observation.shape)),
        "action_bytes": action.nbytes,
        "action_dtype": action.dtype.name,
        "numbers": list(env.numbers),
        "num_numbers": len(env.numbers),
        "autoreset": AUTORESETS[autoreset],
        "frame": list(env.plan.spec.frame or (1, 1)),
        "render_fps": env.plan.spec.render_fps,
        "keys": dict(env.keys),
        "idle": env.idle,
        "config": list(env.config.pack()),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
