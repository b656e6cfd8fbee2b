"""Baseline policy for MiniHack: NetHack's, at half the width."""

from __future__ import annotations

from typing import Any

from pufferlib.environments.nethack.policy import Policy as NetHackPolicy


class Policy(NetHackPolicy):
    """See NetHack's policy."""

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the layers; see NetHack's policy."""
        super().__init__(env, hidden_size)
