"""Baseline policy for Atari: the convolutional network of Mnih et al. 2015, with heads for actions and value."""

from __future__ import annotations

from typing import Any

from pufferlib.models import Convolutional


class Policy(Convolutional):
    """Three convolutions and a linear layer over the stacked frames; recurrent with `policy.recurrent`.

    On screens of 84 pixels and 512 wide, this is the network of the paper, initialised as PPO's users do it (orthogonal
    weights, small ones for the actions). Smaller screens cost less in proportion to their area.
    """

    def __init__(self, env: Any, hidden_size: int = 512) -> None:
        """Sizes the layers for an emulated game.

        Args:
            env: gives observations (planes, height, width) uint8 and discrete actions.
            hidden_size: width of the linear layer.
        """
        super().__init__(env, hidden_size, channels_last=False)
