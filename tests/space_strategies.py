"""Hypothesis strategies for spaces of any nesting and for their values, extremes included."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.spaces import GraphInstance
from gymnasium.vector.utils import concatenate, create_empty_array
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import pufferlib.spaces

BOX_DTYPES = [
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
    *(np.float16, np.float32, np.float64, np.bool_),
]
SHAPES = npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
CHARSETS = st.sampled_from(["ab", "0123456789", "aé漢\U0001f421", "".join(chr(c) for c in range(32, 400))])


def boxes() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """Boxes of every dtype that span all its numbers."""

    def make(dtype: Any, shape: tuple[int, ...]) -> spaces.Box:
        if np.dtype(dtype).kind == "f":
            return spaces.Box(-np.inf, np.inf, shape, dtype)
        info = (0, 1) if dtype is np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return spaces.Box(*info, shape, dtype)

    return st.builds(make, st.sampled_from(BOX_DTYPES), SHAPES)


def discretes() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """Discrete spaces with a start."""
    starts = st.sampled_from([0, 1, -3, 2**40, -(2**63)])
    return st.builds(lambda n, start: spaces.Discrete(n, start=start), st.integers(1, 300), starts)


def multidiscretes() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """MultiDiscrete spaces of one or two dimensions with a start."""
    shapes = npst.array_shapes(max_dims=2, max_side=3)
    sizes = shapes.flatmap(lambda shape: npst.arrays(np.int64, shape, elements=st.integers(1, 9)))
    return st.builds(
        lambda nvec, start: spaces.MultiDiscrete(nvec, start=np.full_like(nvec, start)), sizes, st.integers(-5, 5)
    )


def multibinaries() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """MultiBinary spaces of one or two dimensions."""
    return st.builds(spaces.MultiBinary, st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple))


def texts() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """Text spaces over small, large and non-Latin charsets."""
    lengths = st.tuples(st.integers(0, 3), st.integers(0, 4))
    return st.builds(lambda ls, charset: spaces.Text(sum(ls), min_length=ls[0], charset=charset), lengths, CHARSETS)


def leaf_spaces() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """Any space without parts."""
    return st.one_of(boxes(), discretes(), multidiscretes(), multibinaries(), texts())


def extend(children: st.SearchStrategy[gymnasium.Space[Any]]) -> st.SearchStrategy[gymnasium.Space[Any]]:
    """One more level around spaces."""
    keys = st.one_of(st.text("abc", min_size=1, max_size=2), st.integers(0, 3).map(lambda i: f"key {i}"))
    lists = st.lists(children, max_size=3)
    return st.one_of(
        st.dictionaries(keys, children, max_size=3).map(spaces.Dict),
        lists.map(lambda parts: spaces.Tuple(tuple(parts))),
        st.lists(children, min_size=1, max_size=3).map(lambda parts: spaces.OneOf(tuple(parts))),
        st.builds(pufferlib.spaces.Sequence, children, st.integers(0, 3)),
        st.builds(lambda space, n: pufferlib.spaces.Sequence(space, n, stack=True), stackable(), st.integers(1, 3)),
        st.builds(
            pufferlib.spaces.Graph, stackable(), st.one_of(st.none(), stackable()), st.integers(1, 3), st.integers(0, 3)
        ),
    )


def stackable() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """Spaces whose values Gymnasium can batch."""
    small = st.one_of(boxes(), st.builds(spaces.Discrete, st.integers(1, 9)), multibinaries())
    return st.one_of(small, st.dictionaries(st.text("ab", min_size=1, max_size=1), small, min_size=1).map(spaces.Dict))


def any_space() -> st.SearchStrategy[gymnasium.Space[Any]]:
    """Spaces of any kind and nesting."""
    return st.recursive(leaf_spaces(), extend, max_leaves=6)


def values(space: Any) -> st.SearchStrategy[Any]:
    """Values of a space: every bit pattern of its Boxes, NaN and infinity included."""
    match space:
        case spaces.Box() if space.dtype == np.bool_:
            return npst.arrays(np.bool_, space.shape)
        case spaces.Box():
            bits = npst.arrays(np.uint8, (math.prod(space.shape) * space.dtype.itemsize,))
            return bits.map(lambda raw: raw.view(space.dtype).reshape(space.shape))
        case spaces.Discrete():
            low, high = int(space.start), int(space.start) + int(space.n) - 1
            return st.integers(low, high).map(space.dtype.type)
        case spaces.MultiDiscrete() | spaces.MultiBinary():
            size = space.nvec if isinstance(space, spaces.MultiDiscrete) else np.full(space.shape, 2)
            start = getattr(space, "start", 0)
            fractions = npst.arrays(np.float64, size.shape, elements=st.floats(0, 0.999))
            return fractions.map(lambda f: ((f * size).astype(space.dtype) + start).astype(space.dtype))
        case spaces.Text():
            return st.text(list(space.character_list), min_size=space.min_length, max_size=space.max_length)
        case spaces.Dict():
            return st.fixed_dictionaries({key: values(part) for key, part in space.spaces.items()})
        case spaces.Tuple():
            return st.tuples(*(values(part) for part in space.spaces))
        case spaces.OneOf():
            options = [st.tuples(st.just(np.int64(i)), values(part)) for i, part in enumerate(space.spaces)]
            return st.one_of(options)
        case spaces.Sequence():
            low = int(space.stack)
            items = st.lists(values(space.feature_space), min_size=low, max_size=space.max_length)
            return items.map(lambda parts: stack(space.feature_space, parts) if space.stack else tuple(parts))
        case spaces.Graph():
            return graphs(space)
    raise AssertionError(space)


def graphs(space: Any) -> st.SearchStrategy[GraphInstance]:
    """Values of a Graph space, with and without edges."""
    nodes = st.lists(values(space.node_space), min_size=1, max_size=space.max_nodes)
    if space.edge_space is None or space.max_edges == 0:
        return nodes.map(lambda parts: GraphInstance(stack(space.node_space, parts), None, None))
    edges = st.lists(values(space.edge_space), min_size=1, max_size=space.max_edges)

    def make(node_list: list[Any], edge_list: list[Any] | None) -> GraphInstance:
        batch = stack(space.node_space, node_list)
        if edge_list is None:
            return GraphInstance(batch, None, None)
        links = np.arange(2 * len(edge_list), dtype=np.int32).reshape(-1, 2) % len(node_list)
        return GraphInstance(batch, stack(space.edge_space, edge_list), links)

    return st.builds(make, nodes, st.one_of(st.none(), edges))


def stack(space: gymnasium.Space[Any], parts: list[Any]) -> Any:
    """Batches values as Gymnasium does."""
    batch = create_empty_array(space, len(parts))
    return concatenate(space, parts, batch)


def spaces_with_values() -> st.SearchStrategy[tuple[gymnasium.Space[Any], list[Any]]]:
    """A space and a few of its values."""
    return any_space().flatmap(lambda space: st.tuples(st.just(space), st.lists(values(space), min_size=1, max_size=3)))


def same(left: Any, right: Any) -> bool:
    """Compares two values bit by bit, types and dtypes included."""
    if isinstance(left, np.ndarray | np.generic):
        is_alike = type(left) is type(right) and left.dtype == right.dtype and left.shape == right.shape
        return is_alike and left.tobytes() == right.tobytes()
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, tuple):
        is_alike = type(left) is type(right) and len(left) == len(right)
        return is_alike and all(same(a, b) for a, b in zip(left, right, strict=True))
    return type(left) is type(right) and left == right
