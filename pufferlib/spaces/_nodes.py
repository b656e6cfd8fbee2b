"""The tree of a space: what every part is, which dtype it has in a row, and where it starts.

A leaf below a Sequence is an array of elements, one for each place in the Sequence: its dims lead with the maxima of
the Sequences around it. So every leaf is contiguous, whatever the nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.spaces import GraphInstance

from pufferlib.exceptions import UnsupportedSpace

Path = tuple[str | int, ...]


class Kind(IntEnum):
    """What a node is. The numbers are those of layout.h."""

    ARRAY = 0
    INTEGER = 1
    TEXT = 2
    DICT = 3
    TUPLE = 4
    SEQUENCE = 5
    ONEOF = 6
    GRAPH = 7


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where one leaf of a space lives inside a flat row."""

    path: Path  # field names from the root: Dict keys, "f0", "f1", ... of Tuples, "length" and "items" of Sequences
    space: gymnasium.Space[Any]  # of one element
    dtype: np.dtype[Any]
    shape: tuple[int, ...]  # the maxima of the Sequences around the leaf, then the shape of one element
    offset: int  # bytes from the start of the row; a multiple of dtype.alignment


@dataclass(slots=True, eq=False)
class Node:
    """One space of the tree."""

    kind: Kind
    space: gymnasium.Space[Any]
    path: Path
    lead: tuple[int, ...]  # the maxima of the Sequences around it
    dtype: np.dtype[Any]  # of all its elements: (base, (*lead, *shape)) of a leaf, a struct of the children otherwise
    base: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))  # of a leaf
    shape: tuple[int, ...] = ()  # of one element of a leaf
    fields: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()
    keys: tuple[Any, ...] = ()  # of a DICT: its own keys, which needn't be strings
    is_optional: bool = False  # zeros may stand where there is no value: inside Sequence, OneOf, Graph edges
    offset: int = 0

    @property
    def size_bytes(self) -> int:
        """Bytes of one element of a leaf."""
        return self.base.itemsize * int(np.prod(self.shape, dtype=np.int64))


def describe_path(path: Path) -> str:
    """Names a part of a space in messages."""
    return "the root" if not path else "".join(f"[{part!r}]" for part in path)


def compile_tree(space: gymnasium.Space[Any]) -> Node:
    """Builds the tree of a space and gives every node its offset.

    Raises:
        UnsupportedSpace: a part has no flat form.
    """
    root = _compile(space, (), (), is_optional=False)
    _place(root, 0)
    return root


def walk(node: Node) -> Iterator[Node]:
    """Yields the node and all below it, in the order of their ids."""
    yield node
    for child in node.children:
        yield from walk(child)


def leaves_of(root: Node) -> tuple[Node, ...]:
    """Lists the leaves in row order."""
    return tuple(node for node in walk(root) if node.kind <= Kind.TEXT)


def description_of(root: Node) -> tuple[Any, ...]:
    """Describes the tree as plain tuples for the C compiler: (kind, id, offset, size, extra, children)."""
    ids = {id(node): i for i, node in enumerate(walk(root))}

    def describe(node: Node) -> tuple[Any, ...]:
        children = tuple(describe(child) for child in node.children)
        return (int(node.kind), ids[id(node)], node.offset, node.size_bytes, _extra_of(node), children)

    return describe(root)


def _extra_of(node: Node) -> tuple[Any, ...]:
    space: Any = node.space
    match node.kind:
        case Kind.ARRAY:
            return (node.base, np.empty, node.shape)
        case Kind.INTEGER:
            low, high = int(space.start), int(space.start) + int(space.n) - 1
            return (node.base, np.empty, node.base.type, int(node.base.kind == "i"), low, high)
        case Kind.TEXT:
            return (space.max_length, node.base.itemsize, tuple(ord(c) for c in space.character_list))
        case Kind.DICT:
            return node.keys
        case Kind.SEQUENCE:
            return (_maximum(space, "max_length", node.path), int(space.stack))
        case Kind.GRAPH:
            return (GraphInstance,)
        case _:
            return ()


def _place(node: Node, offset: int) -> None:
    node.offset = offset
    if node.children:
        assert node.dtype.fields is not None
        for name, child in zip(node.fields, node.children, strict=True):
            _place(child, offset + node.dtype.fields[name][1])


def _compile(space: gymnasium.Space[Any], path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    for space_type, compiler in _COMPILERS:
        if isinstance(space, space_type):
            return compiler(space, path, lead, is_optional)
    reason = f"{type(space).__name__} isn't one of Gymnasium's spaces. Convert it in a wrapper, say to a Box or a Text."
    raise UnsupportedSpace(describe_path(path), repr(space), reason)


def _leaf(
    kind: Kind, space: Any, path: Path, lead: tuple[int, ...], base: Any, shape: tuple[int, ...], is_optional: bool
) -> Node:
    base = np.dtype(base)
    if not base.isnative:
        reason = f"its dtype {base} isn't in this machine's byte order. Use {base.newbyteorder('=')}."
        raise UnsupportedSpace(describe_path(path), repr(space), reason)
    base = np.dtype(base.type)  # the one instance that arrays of this dtype carry
    return Node(kind, space, path, lead, np.dtype((base, lead + shape)), base, shape, is_optional=is_optional)


def _branch(
    kind: Kind, space: Any, path: Path, lead: tuple[int, ...], fields: tuple[str, ...], children: tuple[Node, ...]
) -> Node:
    dtype = np.dtype([(name, child.dtype) for name, child in zip(fields, children, strict=True)], align=True)
    return Node(kind, space, path, lead, dtype, fields=fields, children=children)


def _compile_box(space: spaces.Box, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    return _leaf(Kind.ARRAY, space, path, lead, space.dtype, space.shape, is_optional)


def _compile_discrete(space: Any, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    bounds = np.iinfo(np.int64)
    fits = bounds.min <= int(space.start) and int(space.start) + int(space.n) - 1 <= bounds.max
    return _leaf(Kind.INTEGER if fits else Kind.ARRAY, space, path, lead, space.dtype, (), is_optional)


def _compile_array(space: Any, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    return _leaf(Kind.ARRAY, space, path, lead, space.dtype, tuple(space.shape), is_optional)


def _compile_text(space: spaces.Text, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    base = np.min_scalar_type(len(space.character_list))
    return _leaf(Kind.TEXT, space, path, lead, base, (space.max_length,), is_optional)


def _compile_dict(space: spaces.Dict, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    keys = tuple(space.spaces)
    names = tuple(str(key) for key in keys)
    if len(set(names)) < len(names) or "" in names:
        reason = f"its keys {keys} must be different, non-empty texts to become field names."
        raise UnsupportedSpace(describe_path(path), repr(space), reason)
    children = tuple(
        _compile(space.spaces[key], (*path, name), lead, is_optional) for key, name in zip(keys, names, strict=True)
    )
    node = _branch(Kind.DICT, space, path, lead, names, children)
    node.keys = keys
    return node


def _compile_tuple(space: Any, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    names = tuple(f"f{i}" for i in range(len(space.spaces)))
    children = tuple(
        _compile(item, (*path, name), lead, is_optional) for name, item in zip(names, space.spaces, strict=True)
    )
    return _branch(Kind.TUPLE, space, path, lead, names, children)


def _compile_sequence(space: spaces.Sequence, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    max_length = _maximum(space, "max_length", path)
    length = _count(max_length + 1, (*path, "length"), lead)
    items = _compile(space.feature_space, (*path, "items"), (*lead, max_length), is_optional=True)
    return _branch(Kind.SEQUENCE, space, path, lead, ("length", "items"), (length, items))


def _compile_oneof(space: Any, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    names = tuple(f"f{i}" for i in range(len(space.spaces)))
    choice = _leaf(
        Kind.INTEGER, spaces.Discrete(len(names)), (*path, "choice"), lead, np.int64, (), is_optional=is_optional
    )
    options = tuple(
        _compile(item, (*path, name), lead, is_optional=True) for name, item in zip(names, space.spaces, strict=True)
    )
    return _branch(Kind.ONEOF, space, path, lead, ("choice", *names), (choice, *options))


def _compile_graph(space: spaces.Graph, path: Path, lead: tuple[int, ...], is_optional: bool) -> Node:
    max_nodes, max_edges = _maximum(space, "max_nodes", path), _maximum(space, "max_edges", path)
    parts: dict[str, Node] = {"nodes": _compile_stack(space.node_space, max_nodes, (*path, "nodes"), lead)}
    if space.edge_space is not None:
        links = spaces.Box(0, max(max_nodes - 1, 1), (2,), np.int32)
        parts["has_edges"] = _count(2, (*path, "has_edges"), lead)
        parts["edges"] = _compile_stack(space.edge_space, max_edges, (*path, "edges"), lead)
        parts["edge_links"] = _compile_stack(links, max_edges, (*path, "edge_links"), lead)
    return _branch(Kind.GRAPH, space, path, lead, tuple(parts), tuple(parts.values()))


def _compile_stack(item: gymnasium.Space[Any], max_length: int, path: Path, lead: tuple[int, ...]) -> Node:
    stack = spaces.Sequence(item, stack=True)
    stack.max_length = max_length  # type: ignore[attr-defined]
    return _compile_sequence(stack, path, lead, is_optional=True)


def _count(n: int, path: Path, lead: tuple[int, ...]) -> Node:
    """An INTEGER leaf of our own: a length, or whether there are edges."""
    return _leaf(Kind.INTEGER, spaces.Discrete(n), path, lead, np.int32, (), is_optional=True)


def _maximum(space: Any, name: str, path: Path) -> int:
    """The declared maximum: an attribute of pufferlib's own Sequence and Graph, or one set on Gymnasium's."""
    maximum = getattr(space, name, None)
    if maximum is None:
        kind = type(space).__name__
        reason = f"it has no declared maximum. Use pufferlib.spaces.{kind}, or set `space.{name}`."
        raise UnsupportedSpace(describe_path(path), repr(space), reason)
    return int(maximum)


_Compiler = Callable[[Any, Path, tuple[int, ...], bool], Node]
_COMPILERS: tuple[tuple[type, _Compiler], ...] = (
    (spaces.Box, _compile_box),
    (spaces.Discrete, _compile_discrete),
    (spaces.MultiDiscrete, _compile_array),
    (spaces.MultiBinary, _compile_array),
    (spaces.Text, _compile_text),
    (spaces.Dict, _compile_dict),
    (spaces.Tuple, _compile_tuple),
    (spaces.Sequence, _compile_sequence),
    (spaces.OneOf, _compile_oneof),
    (spaces.Graph, _compile_graph),
)
