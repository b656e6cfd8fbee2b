"""pufferlib with its own adapter of the game in the place of the case's plain environment."""

from __future__ import annotations

from typing import Any

import ours
from _harness import Pool, serve

import pufferlib.environments


def make(case: dict[str, Any]) -> Pool:
    """Makes a pool of what a user of the adapter gets: its own preprocessing, and statistics of episodes."""
    spec, options = {
        "pong": ("atari/Pong", {"repeat_action_probability": 0.0}),
        "nethack": ("nethack/NetHackScore-v0", {}),
    }[case["env"]]
    return ours.make(case, pufferlib.environments.make_creator(spec, **options))


if __name__ == "__main__":
    serve(make, "pufferlib", "gymnasium", "numpy")
