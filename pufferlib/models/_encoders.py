"""Encoders that follow the structure of an observation space: every leaf gets one that suits it.

Each takes what `nativize_tensor` gives for its space and returns (B, out_size) features. Inside a Sequence, B counts
items. Discrete values and characters are embedded, numbers are scaled to about -1..1, images go through convolutions,
Sequences, Graphs and OneOfs use only the parts that are there.
"""

from __future__ import annotations

import math
from typing import Any, cast

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from pufferlib.models._convolution import LARGEST_BOUND, ConvolutionStack, image_axes
from pufferlib.pytorch import layer_init

_EMBEDDING_SIZE = 16
_TEXT_SIZE = 32
_ITEM_SIZE = 64
_MOST_CHOICES = 2**16  # larger Discrete spaces count something, so they are treated as numbers


class Encoder(nn.Module):
    """Base of all encoders: a module that knows how many features it returns. One without features is never called."""

    out_size: int


def encoder_of(space: gymnasium.Space[Any]) -> Encoder:
    """Builds the encoder of a space that `compile_layout` accepts."""
    match space:
        case spaces.Box():
            return _ImageEncoder(space) if image_axes(space.shape) else _NumberEncoder(space.low, space.high)
        case spaces.Discrete():
            low, high = np.asarray(int(space.start)), np.asarray(int(space.start) + int(space.n) - 1)
            return (
                _ChoiceEncoder(np.asarray(int(space.n)), low) if space.n <= _MOST_CHOICES else _NumberEncoder(low, high)
            )
        case spaces.MultiDiscrete():
            if int(space.nvec.max(initial=0)) <= _MOST_CHOICES:
                return _ChoiceEncoder(space.nvec, space.start)
            return _NumberEncoder(space.start, space.start + (space.nvec - 1))
        case spaces.MultiBinary():
            return _NumberEncoder(np.zeros(space.shape, np.int8), np.ones(space.shape, np.int8))
        case spaces.Text():
            return _TextEncoder(space)
        case spaces.Dict():
            return _StructEncoder({str(key): child for key, child in space.spaces.items()})
        case spaces.Tuple():
            return _StructEncoder({f"f{i}": child for i, child in enumerate(space.spaces)})
        case spaces.OneOf():
            return _OneOfEncoder(space)
        case spaces.Sequence():
            return _SequenceEncoder(space.feature_space, cast(Any, space).max_length)
        case spaces.Graph():
            return _GraphEncoder(space)
    raise TypeError(f"There is no encoder for {space}.")  # compile_layout has refused it before


class _NumberEncoder(Encoder):
    """Scales bounded numbers to -1..1, or 0..1 where they start at 0; integers of a wide range by their logarithm."""

    scale: Tensor
    shift: Tensor

    def __init__(self, low: np.ndarray[Any, Any], high: np.ndarray[Any, Any]) -> None:
        super().__init__()
        self.out_size = math.prod(low.shape)
        is_integer = low.dtype.kind in "iu"
        low, high = low.astype(np.float64).ravel(), high.astype(np.float64).ravel()
        is_bounded = (low > -LARGEST_BOUND) & (high < LARGEST_BOUND) & (high > low)
        # Codes and counts crowd at the low end of the range that their space declares.
        self.is_logarithmic = bool(is_integer and (high - low > 32).any())
        if self.is_logarithmic:
            widest = np.log1p(np.maximum(np.abs(low), np.abs(high)))
            scale, center = 1 / np.clip(widest, 1, 8), np.zeros_like(low)
        else:
            low, high = np.where(is_bounded, low, -1.0), np.where(is_bounded, high, 1.0)
            center = np.where(low == 0, 0.0, (low + high) / 2)
            scale = 1 / (high - center)
        self.is_identity = not self.is_logarithmic and bool((scale == 1).all() and (center == 0).all())
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32), persistent=False)
        self.register_buffer("shift", torch.as_tensor(-center * scale, dtype=torch.float32), persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        numbers = values.reshape(len(values), self.out_size).to(self.scale.dtype)
        if self.is_logarithmic:
            numbers = numbers.abs().log1p().copysign(numbers)
        return numbers if self.is_identity else torch.addcmul(self.shift, numbers, self.scale)


class _ChoiceEncoder(Encoder):
    """Embeds each discrete entry; a small choice starts as its one-hot vector."""

    first_row: Tensor
    last_row: Tensor

    def __init__(self, nvec: np.ndarray[Any, Any], start: np.ndarray[Any, Any]) -> None:
        super().__init__()
        sizes = nvec.astype(np.int64).ravel()
        width = min(int(sizes.max(initial=1)), _EMBEDDING_SIZE)
        self.out_size = len(sizes) * width
        self.table = nn.Parameter(
            torch.cat([_choices(int(n), width) for n in sizes]) if len(sizes) else torch.zeros(1, 1)
        )
        ends = np.cumsum(sizes)
        first_row = torch.as_tensor(ends - sizes - start.astype(np.int64).ravel())
        self.register_buffer("first_row", first_row, persistent=False)
        self.register_buffer("last_row", torch.as_tensor(ends - 1), persistent=False)
        # Zeros stand where a Sequence or OneOf holds no value, and they may lie outside of a choice with a start.
        self.has_start = bool(start.any())

    def forward(self, values: Tensor) -> Tensor:
        rows = values.reshape(len(values), -1).long() + self.first_row
        if self.has_start:
            rows = rows.clamp(min=0).minimum(self.last_row)
        return nn.functional.embedding(rows, self.table).flatten(1)


def _choices(n: int, width: int) -> Tensor:
    return torch.eye(n, width) if n <= width else torch.randn(n, width) / math.sqrt(width)


class _TextEncoder(Encoder):
    """Reads characters five at a time and keeps what is found strongest anywhere."""

    def __init__(self, space: spaces.Text) -> None:
        super().__init__()
        self.out_size = _TEXT_SIZE if space.max_length else 0
        self.embedding = nn.Embedding(len(space.character_list) + 1, _EMBEDDING_SIZE, padding_idx=0)
        self.convolution = nn.Conv1d(_EMBEDDING_SIZE, _TEXT_SIZE, 5, padding=2)

    def forward(self, characters: Tensor) -> Tensor:
        characters = characters.long()
        features = self.convolution(self.embedding(characters).transpose(1, 2)).relu()
        return cast(Tensor, (features * (characters > 0).unsqueeze(1)).amax(2))


class _ImageEncoder(Encoder):
    """Convolutions over a Box that looks like an image."""

    def __init__(self, space: spaces.Box) -> None:
        super().__init__()
        self.stack = ConvolutionStack(space)
        self.out_size = self.stack.out_size

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.stack(images))


class _StructEncoder(Encoder):
    """Puts the features of all parts side by side."""

    def __init__(self, parts: dict[str, gymnasium.Space[Any]]) -> None:
        super().__init__()
        encoders = _encoders_of(parts)
        # Field names may hold characters that a module's name can't, so modules go by position.
        self.names = list(encoders)
        self.encoders = nn.ModuleList(encoders.values())
        self.out_size = sum(encoder.out_size for encoder in encoders.values())

    def forward(self, values: dict[str, Any]) -> Tensor:
        features = [encoder(values[name]) for name, encoder in zip(self.names, self.encoders, strict=True)]
        return torch.cat(features, 1)


def _encoders_of(parts: dict[str, gymnasium.Space[Any]]) -> dict[str, Encoder]:
    """Builds the encoders of those parts that have content."""
    encoders = {name: encoder_of(part) for name, part in parts.items()}
    return {name: encoder for name, encoder in encoders.items() if encoder.out_size}


class _OneOfEncoder(Encoder):
    """Encodes the choice, and the features of the chosen part; those of the others are zero."""

    def __init__(self, space: spaces.OneOf[Any]) -> None:
        super().__init__()
        self.choice = _ChoiceEncoder(np.asarray(len(space.spaces)), np.asarray(0))
        encoders = _encoders_of({f"f{i}": part for i, part in enumerate(space.spaces)})
        self.options = {name: int(name[1:]) for name in encoders}
        self.encoders = nn.ModuleList(encoders.values())
        self.out_size = self.choice.out_size + sum(encoder.out_size for encoder in encoders.values())

    def forward(self, values: dict[str, Any]) -> Tensor:
        choice = values["choice"].unsqueeze(1)
        features = [
            encoder(values[name]) * (choice == option)
            for (name, option), encoder in zip(self.options.items(), self.encoders, strict=True)
        ]
        return torch.cat([self.choice(values["choice"]), *features], 1)


class _ItemsEncoder(Encoder):
    """Encodes every item of a Sequence on its own, with its place in it."""

    def __init__(self, item: gymnasium.Space[Any], max_length: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.encoder = encoder_of(item)
        self.linear = layer_init(nn.Linear(self.encoder.out_size + 1, _ITEM_SIZE))
        self.out_size = _ITEM_SIZE

    def forward(self, values: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Returns the items' features (B, L, _ITEM_SIZE) and which of them exist, bool (B, L, 1)."""
        length = values["length"]
        place = torch.arange(self.max_length, device=length.device)
        features = (place / self.max_length).to(self.linear.weight.dtype).repeat(len(length)).unsqueeze(1)
        if self.encoder.out_size:
            features = torch.cat([self.encoder(_fold(values["items"])), features], 1)
        features = self.linear(features).relu()
        exists = (place < length.unsqueeze(1)).unsqueeze(2)
        return features.view(len(length), self.max_length, _ITEM_SIZE), exists


class _SequenceEncoder(Encoder):
    """Pools the items that are there: mean and maximum, and how many there are."""

    def __init__(self, item: gymnasium.Space[Any], max_length: int) -> None:
        super().__init__()
        self.items = _ItemsEncoder(item, max_length) if max_length else None  # without places there is no item either
        self.out_size = _POOLED_SIZE if max_length else 0

    def forward(self, values: dict[str, Any]) -> Tensor:
        assert self.items is not None
        items, exists = self.items(values)
        return _pool(items, exists)


class _GraphEncoder(Encoder):
    """One round of messages along the edges, then pools nodes and messages (Gilmer et al. 2017)."""

    def __init__(self, space: spaces.Graph) -> None:
        super().__init__()
        limits = cast(Any, space)
        self.nodes = _ItemsEncoder(space.node_space, limits.max_nodes) if limits.max_nodes else None
        self.has_edges = space.edge_space is not None and limits.max_edges > 0 and limits.max_nodes > 0
        if self.has_edges:
            assert space.edge_space is not None
            self.edges = _ItemsEncoder(space.edge_space, limits.max_edges)
            self.message = layer_init(nn.Linear(2 * _ITEM_SIZE, _ITEM_SIZE))
            self.update = layer_init(nn.Linear(2 * _ITEM_SIZE, _ITEM_SIZE))
        self.out_size = (_POOLED_SIZE if limits.max_nodes else 0) + (_POOLED_SIZE if self.has_edges else 0)

    def forward(self, values: dict[str, Any]) -> Tensor:
        assert self.nodes is not None
        nodes, node_exists = self.nodes(values["nodes"])
        if not self.has_edges:
            return _pool(nodes, node_exists)
        edges, edge_exists = self.edges(values["edges"])
        source, target = values["edge_links"]["items"].long().unsqueeze(3).unbind(2)  # each (B, edges, 1)
        sent = nodes.gather(1, source.expand(-1, -1, _ITEM_SIZE))
        messages = self.message(torch.cat([sent, edges], 2)).relu() * edge_exists
        received = torch.zeros_like(nodes).scatter_add(1, target.expand(-1, -1, _ITEM_SIZE), messages)
        nodes = self.update(torch.cat([nodes, received], 2)).relu()
        return torch.cat([_pool(nodes, node_exists), _pool(messages, edge_exists)], 1)


_POOLED_SIZE = 2 * _ITEM_SIZE + 1


def _pool(features: Tensor, exists: Tensor) -> Tensor:
    """Mean, maximum and share of the items that exist, (B, _POOLED_SIZE); features must not be negative."""
    kept = features * exists
    count = exists.sum(1, dtype=features.dtype)
    return torch.cat([kept.sum(1) / count.clamp(min=1), kept.amax(1), count / features.shape[1]], 1)


def _fold(values: Any) -> Any:
    """Merges batch and items, (B, L, ...) to (B * L, ...), in every leaf."""
    if isinstance(values, dict):
        return {name: _fold(value) for name, value in values.items()}
    return cast(Tensor, values).flatten(0, 1)
