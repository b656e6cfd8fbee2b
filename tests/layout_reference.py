"""A slow layout in plain NumPy, written apart from the library's: one structured scalar, filled field by field."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import iterate


def dtype_of(space: Any, lead: tuple[int, ...] = ()) -> np.dtype[Any]:
    """The aligned struct of a space; `lead` are the maxima of the Sequences around it."""
    match space:
        case spaces.Box() | spaces.MultiDiscrete() | spaces.MultiBinary():
            return np.dtype((space.dtype, lead + tuple(space.shape)))
        case spaces.Discrete():
            return np.dtype((space.dtype, lead))
        case spaces.Text():
            size = len(space.character_list)
            code = np.uint8 if size < 256 else np.uint16 if size < 65536 else np.uint32
            return np.dtype((code, (*lead, space.max_length)))
        case spaces.Dict():
            fields = [(str(key), dtype_of(part, lead)) for key, part in space.spaces.items()]
        case spaces.Tuple():
            fields = [(f"f{i}", dtype_of(part, lead)) for i, part in enumerate(space.spaces)]
        case spaces.OneOf():
            fields = [("choice", np.dtype((np.int64, lead)))]
            fields += [(f"f{i}", dtype_of(part, lead)) for i, part in enumerate(space.spaces)]
        case spaces.Sequence():
            return sequence_dtype(space.feature_space, space.max_length, lead)
        case spaces.Graph():
            fields = [("nodes", sequence_dtype(space.node_space, space.max_nodes, lead))]
            if space.edge_space is not None:
                links = spaces.Box(0, 1, (2,), np.int32)
                fields.append(("has_edges", np.dtype((np.int32, lead))))
                fields.append(("edges", sequence_dtype(space.edge_space, space.max_edges, lead)))
                fields.append(("edge_links", sequence_dtype(links, space.max_edges, lead)))
    return np.dtype(fields, align=True)


def sequence_dtype(item: Any, max_length: int, lead: tuple[int, ...]) -> np.dtype[Any]:
    """The struct of a Sequence."""
    return np.dtype([("length", np.int32, lead), ("items", dtype_of(item, (*lead, max_length)))], align=True)


def fill(space: Any, value: Any, target: Any, at: tuple[int, ...] = ()) -> None:
    """Writes a value into views of a zeroed row; `at` is the place within the Sequences around it."""
    match space:
        case spaces.Box() | spaces.MultiDiscrete() | spaces.MultiBinary() | spaces.Discrete():
            target[at] = value
        case spaces.Text():
            for i, character in enumerate(value):
                target[(*at, i)] = space.character_list.index(character) + 1
        case spaces.Dict():
            for key, part in space.spaces.items():
                fill(part, value[key], target[str(key)], at)
        case spaces.Tuple():
            for i, part in enumerate(space.spaces):
                fill(part, value[i], target[f"f{i}"], at)
        case spaces.OneOf():
            target["choice"][at] = value[0]
            fill(space.spaces[value[0]], value[1], target[f"f{value[0]}"], at)
        case spaces.Sequence():
            items = iterate(space.stacked_feature_space, value) if space.stack else value
            fill_sequence(space.feature_space, list(items), target, at)
        case spaces.Graph():
            fill_sequence(space.node_space, list(iterate(space.batch_node_space, value.nodes)), target["nodes"], at)
            if value.edges is not None:
                target["has_edges"][at] = 1
                edges = list(iterate(space.batch_edge_space, value.edges))
                fill_sequence(space.edge_space, edges, target["edges"], at)
                fill_sequence(spaces.Box(0, 1, (2,), np.int32), list(value.edge_links), target["edge_links"], at)


def fill_sequence(item: Any, items: list[Any], target: Any, at: tuple[int, ...]) -> None:
    """Writes the elements of a Sequence and their number."""
    target["length"][at] = len(items)
    for i, value in enumerate(items):
        fill(item, value, target["items"], (*at, i))


def pack(space: Any, value: Any) -> bytes:
    """The bytes of one row."""
    row = np.zeros((1,), dtype_of(space))
    fill(space, value, row, (0,))
    return row.tobytes()
