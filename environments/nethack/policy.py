"""Baseline policy for NetHack and MiniHack: sees what is near exactly and what is far coarsely, reads the message.

The parts are those of the usual baseline (Küttler et al. 2020, "The NetHack Learning Environment", section 4) at a size
that a CPU trains. Both views have the agent in the middle: told where the stairs of a 15 x 15 room are, 240 minibatches
teach this network their direction (84 %); with the map in place and the glyphs of a patch averaged, it is 61 %.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pufferlib.exceptions import UnsupportedSpace
from pufferlib.models import ActionHead
from pufferlib.pytorch import PolicyOutput, layer_init, nativize_dtype, nativize_tensor

HEIGHT, WIDTH = 21, 79  # of the map, in tiles
FAR_HEIGHT, FAR_WIDTH = 27, 75  # of the coarse view around the agent; odd, and multiples of a patch's
PATCH_HEIGHT, PATCH_WIDTH = 3, 5
NEAR = 9  # side of the exact view around the agent, odd
STONE = 2359  # the glyph of what was never seen, and of what lies beyond the map
GLYPH_SIZE, CHARACTER_SIZE, CHANNELS = 16, 8, 32
X, Y, HIT_POINTS, MOST_HIT_POINTS, CONDITIONS = 0, 1, 10, 11, 25  # places in blstats
NUM_CONDITIONS = 13  # bits: stoned, slimed, ..., riding


class Policy(nn.Module):
    """Glyphs, status and, where they are there, message and inventory glyphs; other observations are ignored.

    Shapes: B rows, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 256) -> None:
        """Sizes the layers for an emulated environment.

        Args:
            env: gives `emulated`; its observation is a Dict with `glyphs` and `blstats`.
            hidden_size: width H of what `encode_observations` returns.

        Raises:
            UnsupportedSpace: glyphs or blstats are missing.
        """
        super().__init__()
        space = env.emulated.observation.space
        missing = [key for key in ("glyphs", "blstats") if key not in space.spaces]
        if missing:
            reason = f"the policy needs {missing[0]}. Add it to observation_keys, or use pufferlib.models.Default."
            raise UnsupportedSpace("the root", str(space), reason)
        self.dtype = nativize_dtype(env.emulated)
        self.glyphs = nn.Embedding(int(space["glyphs"].high.max()) + 1, GLYPH_SIZE)
        self.far = nn.Sequential(
            layer_init(nn.Conv2d(GLYPH_SIZE, CHANNELS, 3, padding=1)),
            nn.ReLU(),
            layer_init(nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1)),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.near = nn.Sequential(
            layer_init(nn.Conv2d(GLYPH_SIZE, CHANNELS, 3, padding=1)),
            nn.ReLU(),
            layer_init(nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2)),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.status = nn.Sequential(
            layer_init(nn.Linear(space["blstats"].shape[0] + 3 + NUM_CONDITIONS, 64)), nn.ReLU()
        )
        num_features = 5 * 8 * CHANNELS + 4 * 4 * CHANNELS + 64  # far, near and status
        self.reads_message = "message" in space.spaces
        if self.reads_message:
            self.message = MessageEncoder(CHANNELS)
            num_features += CHANNELS
        self.sees_inventory = "inv_glyphs" in space.spaces
        num_features += GLYPH_SIZE * self.sees_inventory
        self.hidden = layer_init(nn.Linear(num_features, hidden_size))
        self.actor = ActionHead(env.emulated.action, hidden_size)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)
        self.register_buffer("rows", torch.arange(FAR_HEIGHT)[:, None], persistent=False)
        self.register_buffer("columns", torch.arange(FAR_WIDTH), persistent=False)
        self.register_buffer("bits", 1 << torch.arange(NUM_CONDITIONS), persistent=False)

    def forward(self, observations: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Returns logits (B, actions) and value (B, 1) of packed observations (B, R)."""
        return self.decode_actions(*self.encode_observations(observations))

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations (B, R), and nothing to look up."""
        parts = nativize_tensor(observations, self.dtype)
        blstats = parts["blstats"]
        features = [*self._look(parts["glyphs"].int(), blstats), self.status(self._scale(blstats))]
        if self.reads_message:
            features.append(self.message(parts["message"]))
        if self.sees_inventory:
            features.append(functional.embedding_bag(parts["inv_glyphs"].int(), self.glyphs.weight, mode="mean"))
        return torch.relu(self.hidden(torch.cat(features, 1))), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[PolicyOutput, Tensor]:
        """Returns logits (B, actions) and value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)

    def _look(self, glyphs: Tensor, blstats: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features of the coarse view, where a patch is the maximum over its glyphs, and of the exact one."""
        view = self._center(glyphs, blstats)
        patches = view.unflatten(1, (-1, PATCH_HEIGHT)).unflatten(3, (-1, PATCH_WIDTH)).transpose(2, 3)
        bags = patches.reshape(-1, PATCH_HEIGHT * PATCH_WIDTH)
        coarse = functional.embedding_bag(bags, self.glyphs.weight, mode="max")
        coarse = coarse.view(len(glyphs), *patches.shape[1:3], GLYPH_SIZE)
        top, left = (FAR_HEIGHT - NEAR) // 2, (FAR_WIDTH - NEAR) // 2
        exact = self.glyphs(view[:, top : top + NEAR, left : left + NEAR])
        return self.far(coarse.permute(0, 3, 1, 2)), self.near(exact.permute(0, 3, 1, 2))

    def _center(self, glyphs: Tensor, blstats: Tensor) -> Tensor:
        """Cuts the view around the agent (B, FAR_HEIGHT, FAR_WIDTH) out of maps (B, HEIGHT, WIDTH)."""
        height, width = FAR_HEIGHT // 2, FAR_WIDTH // 2
        padded = functional.pad(glyphs, (width, width, height, height), value=STONE)
        rows = blstats[:, Y].clamp(0, HEIGHT - 1)[:, None, None] + self.rows
        columns = blstats[:, X].clamp(0, WIDTH - 1)[:, None, None] + self.columns
        places = (rows * padded.shape[2] + columns).flatten(1)
        return padded.flatten(1).gather(1, places).view(-1, FAR_HEIGHT, FAR_WIDTH)

    def _scale(self, blstats: Tensor) -> Tensor:
        """Brings the status lines to about -1..1: counts by their logarithm, conditions bit by bit."""
        numbers = blstats.to(self.hidden.weight.dtype)
        logarithms = numbers.abs().log1p().copysign(numbers) / 4
        place = torch.stack([numbers[:, X] / WIDTH, numbers[:, Y] / HEIGHT], 1)
        health = numbers[:, HIT_POINTS : HIT_POINTS + 1] / numbers[:, MOST_HIT_POINTS : MOST_HIT_POINTS + 1].clamp(
            min=1
        )
        conditions = (blstats[:, CONDITIONS : CONDITIONS + 1] & self.bits != 0).to(numbers.dtype)
        return torch.cat([logarithms, place, health, conditions], 1)


class MessageEncoder(nn.Module):
    """Characters -> features: an embedding, a convolution over six characters, and the maximum over all places."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(256, CHARACTER_SIZE, padding_idx=0)  # 0 stands after the end
        self.words = nn.Conv1d(CHARACTER_SIZE, size, kernel_size=6, stride=3)

    def forward(self, messages: Tensor) -> Tensor:
        """Returns (B, size) features of messages (B, L) uint8."""
        return self.words(self.characters(messages.int()).transpose(1, 2)).relu().amax(2)
