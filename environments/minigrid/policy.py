"""Baseline policy for Minigrid and BabyAI: sees tiles as one-hot planes and reads the mission letter by letter."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.pytorch import layer_init, nativize_dtype, nativize_tensor

OBJECTS, COLORS, STATES, DIRECTIONS = 11, 6, 4, 4  # the codes that a tile's three numbers and the direction can have
LETTER_SIZE, MISSION_SIZE = 16, 32


class Policy(nn.Module):
    """Two hidden layers over the view, the direction and the mission; one head each for actions and value.

    Shapes: B rows, V view size, L letters of a mission, H `hidden_size`.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the layers for an emulated environment.

        Args:
            env: gives `emulated` (observation: TextMission's Dict) and a Discrete `single_action_space`.
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__()
        space = env.emulated.observation.space
        self.dtype = nativize_dtype(env.emulated)
        view = space["image"].shape[0] * space["image"].shape[1] * (OBJECTS + COLORS + STATES)
        self.mission = MissionEncoder(len(space["mission"].character_list), MISSION_SIZE)
        self.encoder = nn.Sequential(
            layer_init(nn.Linear(view + DIRECTIONS + MISSION_SIZE, hidden_size)),
            nn.Tanh(),
            layer_init(nn.Linear(hidden_size, hidden_size)),
            nn.Tanh(),
        )
        self.actor = layer_init(nn.Linear(hidden_size, int(env.single_action_space.n)), std=0.01)
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)
        self.register_buffer("objects", torch.arange(OBJECTS), persistent=False)
        self.register_buffer("colors", torch.arange(COLORS), persistent=False)
        self.register_buffer("states", torch.arange(STATES), persistent=False)
        self.register_buffer("directions", torch.arange(DIRECTIONS), persistent=False)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Returns logits (B, actions) and value (B, 1) of packed observations (B, R)."""
        hidden, lookup = self.encode_observations(observations)
        return self.decode_actions(hidden, lookup)

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, None]:
        """Returns features (B, H) of packed observations (B, R), and nothing to look up."""
        parts = nativize_tensor(observations, self.dtype)
        tile = parts["image"].unsqueeze(-1)  # (B, V, V, 3, 1)
        planes = [
            (tile[..., 0, :] == self.objects).flatten(1),
            (tile[..., 1, :] == self.colors).flatten(1),
            (tile[..., 2, :] == self.states).flatten(1),
            parts["direction"].unsqueeze(-1) == self.directions,
        ]
        seen = torch.cat(planes, 1).to(self.actor.weight.dtype)
        return self.encoder(torch.cat([seen, self.mission(parts["mission"])], 1)), None

    def decode_actions(self, hidden: Tensor, lookup: None = None) -> tuple[Tensor, Tensor]:
        """Returns logits (B, actions) and value (B, 1) of features (B, H)."""
        return self.actor(hidden), self.critic(hidden)


class MissionEncoder(nn.Module):
    """Letters -> features: an embedding, a convolution over five letters, and the maximum over all places.

    A batch holds few different missions, often one, so each different one is encoded once.
    """

    def __init__(self, num_letters: int, size: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(num_letters + 1, LETTER_SIZE, padding_idx=0)  # 0 stands after the end
        self.words = nn.Conv1d(LETTER_SIZE, size, kernel_size=5, padding=2)

    def forward(self, missions: Tensor) -> Tensor:
        """Returns (B, size) features of missions (B, L), letters from 1, 0 after the end."""
        codes = missions.long()
        # Polynomial hash modulo 2**64; two of a batch's missions collide with a chance of about 1e-15.
        powers = torch.full((codes.shape[1],), 6364136223846793005, device=codes.device).cumprod(0)
        _, mission_of_row = torch.unique((codes * powers).sum(1), return_inverse=True)
        num_missions = int(mission_of_row.max()) + 1
        row_of_mission = torch.zeros(num_missions, dtype=torch.int64, device=codes.device)
        row_of_mission.scatter_(0, mission_of_row, torch.arange(len(codes), device=codes.device))
        distinct = codes[row_of_mission]
        distinct = distinct[:, : int((distinct > 0).sum(1).max().clamp(min=1))]
        words = self.words(self.letters(distinct).transpose(1, 2)).relu()  # (missions, size, letters)
        return (words * (distinct > 0).unsqueeze(1)).amax(2)[mission_of_row]
