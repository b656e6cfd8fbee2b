"""Baseline policy for Neural MMO: sees tiles, entities and items, and points at those that it acts on.

Shapes: B rows (agents), N things in a list, F numbers for each, H `hidden_size`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from pufferlib.pytorch import layer_init, nativize_dtype, nativize_tensor

ID, ROW, COLUMN, MATERIAL = 0, 2, 3, 2  # columns of an entity; column of a tile
NUM_MATERIALS = 16
THING_SIZE = 32
LISTS = {"Target": "Entity", "InventoryItem": "Inventory", "MarketItem": "Market"}  # what an argument points at


class Policy(nn.Module):
    """Encodes each part of the observation, and decodes one head an argument of an action, legal choices only.

    An argument that means one of the things in a list, such as the target of an attack, is chosen by comparing a
    query with the features of each of them. The others are plain linear heads.
    """

    def __init__(self, env: Any, hidden_size: int = 128) -> None:
        """Sizes the layers for an emulated environment.

        Args:
            env: gives `emulated`; its systems decide which parts there are.
            hidden_size: width H of what `encode_observations` returns.
        """
        super().__init__()
        space, actions = env.emulated.observation.space, env.emulated.action.space
        self.dtype = nativize_dtype(env.emulated)
        self.tiles = TileEncoder(math.isqrt(space["Tile"].shape[0]), hidden_size)
        self.things = nn.ModuleDict({key: ListEncoder(space[key].shape[1]) for key in ("Entity", *_others(space))})
        num_features = hidden_size + 2 * THING_SIZE * len(self.things) + space["Entity"].shape[1] + 1
        self.task = layer_init(nn.Linear(space["Task"].shape[0], hidden_size))
        self.mix = layer_init(nn.Linear(num_features, hidden_size))
        self.choices = [(action, key, int(arg.n)) for action in actions for key, arg in actions[action].items()]
        assert [n for _, _, n in self.choices] == list(env.emulated.action.nvec)
        self.heads = nn.ModuleDict(
            {
                f"{action}_{key}": PointerHead(hidden_size) if key in LISTS else _linear_head(hidden_size, n)
                for action, key, n in self.choices
            }
        )
        self.critic = layer_init(nn.Linear(hidden_size, 1), std=1.0)

    def forward(self, observations: Tensor) -> tuple[list[Tensor], Tensor]:
        """Returns logits, one tensor an argument, and the value (B, 1) of packed observations (B, R)."""
        return self.decode_actions(*self.encode_observations(observations))

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """Returns features (B, H), and what the heads look up: the features of things, and what is legal."""
        parts = nativize_tensor(observations, self.dtype)
        entities = parts["Entity"].to(self.critic.weight.dtype)
        is_own = (parts["Entity"][..., ID] == parts["AgentId"].unsqueeze(-1)).unsqueeze(-1)
        own = (entities * is_own).sum(1, keepdim=True)
        numbers = {"Entity": torch.cat([compress(entities[..., :ROW]), *_places(entities, own)], -1)}
        numbers |= {key: compress(parts[key].to(own.dtype)) for key in self.things if key != "Entity"}
        lists, pooled = {}, []
        for key, encoder in self.things.items():
            lists[key], summary = encoder(numbers[key], parts[key][..., ID] != 0)
            pooled.append(summary)
        tick = compress(parts["CurrentTick"].to(own.dtype).unsqueeze(-1))
        seen = [self.tiles(parts["Tile"][..., MATERIAL].long()), *pooled, compress(own[:, 0]), tick]
        hidden = torch.relu(self.mix(torch.cat(seen, 1)) + self.task(parts["Task"].to(own.dtype)))
        return hidden, {"lists": lists, "legal": parts.get("ActionTargets")}

    def decode_actions(self, hidden: Tensor, lookup: dict[str, Any]) -> tuple[list[Tensor], Tensor]:
        """Returns logits, one tensor an argument, and the value (B, 1) of features (B, H)."""
        logits = []
        for action, key, n in self.choices:
            head = self.heads[f"{action}_{key}"]
            scores = head(hidden, lookup["lists"][LISTS[key]], n) if key in LISTS else head(hidden)
            if lookup["legal"] is not None:
                legal = lookup["legal"][action][key] != 0
                legal = legal | ~legal.any(1, keepdim=True)  # rows without an agent have no legal choice
                scores = scores.masked_fill(~legal, -torch.inf)
            logits.append(scores)
        return logits, self.critic(hidden)


class TileEncoder(nn.Module):
    """Embeds the material of each tile, then two convolutions and a linear layer."""

    def __init__(self, side: int, hidden_size: int) -> None:
        super().__init__()
        self.side = side
        self.material = nn.Embedding(NUM_MATERIALS, 8)
        self.convolutions = nn.Sequential(
            layer_init(nn.Conv2d(8, 16, 3)),
            nn.ReLU(),
            layer_init(nn.Conv2d(16, 16, 3, stride=2)),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            num_features = self.convolutions(torch.zeros(1, 8, side, side)).shape[1]
        self.project = layer_init(nn.Linear(num_features, hidden_size))

    def forward(self, materials: Tensor) -> Tensor:
        """Returns (B, H) of materials (B, side * side) int64."""
        image = self.material(materials).unflatten(1, (self.side, self.side)).permute(0, 3, 1, 2)
        return torch.relu(self.project(self.convolutions(image)))


class ListEncoder(nn.Module):
    """Encodes each thing of a list by itself, and sums the list up by its maximum and mean."""

    def __init__(self, num_numbers: int) -> None:
        super().__init__()
        self.thing = nn.Sequential(
            layer_init(nn.Linear(num_numbers, THING_SIZE)),
            nn.ReLU(),
            layer_init(nn.Linear(THING_SIZE, THING_SIZE)),
            nn.ReLU(),
        )

    def forward(self, numbers: Tensor, is_there: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features (B, N, T) and (B, 2 T) of numbers (B, N, F), with is_there (B, N) bool."""
        things = self.thing(numbers) * is_there.unsqueeze(-1)
        mean = things.sum(1) / is_there.sum(1, keepdim=True).clamp(min=1)
        return things, torch.cat([things.amax(1), mean], 1)


class PointerHead(nn.Module):
    """Scores each thing of a list, and the choice of none of them, which comes last."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.query = layer_init(nn.Linear(hidden_size, THING_SIZE), std=0.01)
        self.none = layer_init(nn.Linear(hidden_size, 1), std=0.01)

    def forward(self, hidden: Tensor, things: Tensor, n: int) -> Tensor:
        """Returns logits (B, n) of features (B, H) and things (B, N, T); n is N or N + 1."""
        scores = torch.einsum("bt,bnt->bn", self.query(hidden), things) / math.sqrt(THING_SIZE)
        return torch.cat([scores, self.none(hidden)], 1)[:, :n]


def compress(numbers: Tensor) -> Tensor:
    """Brings counts of any size to about -5..5: the logarithm of 1 + |x|, halved, with the sign of x."""
    return numbers.abs().log1p().copysign(numbers) / 2


def _places(entities: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Where entities are, seen from the agent, in parts of what it sees; and their other numbers."""
    return (entities[..., ROW : COLUMN + 1] - own[..., ROW : COLUMN + 1]) / 8, compress(entities[..., COLUMN + 1 :])


def _others(space: Any) -> list[str]:
    """Lists the parts of an observation that are lists of things, beside the entities."""
    return [key for key in ("Inventory", "Market", "Communication") if key in space.spaces]


def _linear_head(hidden_size: int, n: int) -> nn.Linear:
    return layer_init(nn.Linear(hidden_size, n), std=0.01)
