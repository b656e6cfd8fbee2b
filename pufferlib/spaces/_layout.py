"""Flat byte layout of a structured space: compile once, pack and unpack for ever.

Shapes: B rows in a batch, R bytes in one row.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from pufferlib._native import core
from pufferlib.exceptions import ObservationMismatch
from pufferlib.spaces._nodes import Kind, Leaf, Node, compile_tree, describe_path, description_of, leaves_of, walk

Views = dict[str, Any] | np.ndarray[Any, Any]


class Layout:
    """The flat form of one space. Immutable; made by `compile_layout`."""

    __slots__ = ("_leaf_nodes", "_plan", "dtype", "flat_space", "is_passthrough", "leaves", "size_bytes", "space")

    space: gymnasium.Space[Any]  # the original
    leaves: tuple[Leaf, ...]  # in row order
    dtype: np.dtype[Any]  # of one row: an aligned struct, or the leaf's own where the space is one leaf
    size_bytes: int  # R
    flat_space: gymnasium.spaces.Box  # what rows look like
    is_passthrough: bool  # the space is a Box: rows are its values, untouched

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        """Compiles the space; see `compile_layout`."""
        root = compile_tree(space)
        nodes = self._leaf_nodes = leaves_of(root)
        self.space, self.dtype, self.size_bytes = space, root.dtype, root.dtype.itemsize
        self.leaves = tuple(Leaf(node.path, node.space, node.base, node.dtype.shape, node.offset) for node in nodes)
        self.is_passthrough = isinstance(space, gymnasium.spaces.Box)
        self.flat_space = space if isinstance(space, gymnasium.spaces.Box) else _flat_space(nodes, self.size_bytes)
        tree = tuple(walk(root))  # kept by the plan, which isn't garbage-collected: it must not lead back here
        self._plan = core.compile(
            description_of(root),
            _gaps(nodes, self.size_bytes),
            self.size_bytes,
            int(np.prod(self.flat_space.shape, dtype=np.int64)),
            np.dtype(self.flat_space.dtype.type),
            partial(_coerce_node, tree),
            partial(_restack, tree),
        )

    def pack_into(self, value: Any, rows: np.ndarray[Any, Any], index: int) -> None:
        """Writes one value into row `index`. Padding bytes become zero.

        Args:
            value: of `space`.
            rows: (B, *flat_space.shape) of flat_space.dtype, C-contiguous and writable.
            index: the row, 0 to B - 1.

        Raises:
            ObservationMismatch: a leaf has a wrong type, shape or dtype; the row is then partly written.
            ValueError: `rows` has a wrong shape, dtype or memory order.
        """
        core.pack(self._plan, value, rows, index)

    def pack(self, value: Any) -> np.ndarray[Any, Any]:
        """Packs one value into a new row, `flat_space.shape`."""
        rows = np.empty((1, *self.flat_space.shape), self.flat_space.dtype)
        core.pack(self._plan, value, rows, 0)
        return rows.reshape(self.flat_space.shape)

    def unpack(self, row: np.ndarray[Any, Any]) -> Any:
        """Rebuilds the value of `space` that a row holds. Nothing in it shares memory with the row.

        Raises:
            ValueError: the row has a wrong size, or holds a length, choice or character that the space doesn't have.
        """
        row = np.asarray(row, self.flat_space.dtype)
        return self.unpack_from(np.ascontiguousarray(row).reshape((1, *self.flat_space.shape)), 0)

    def unpack_from(self, rows: np.ndarray[Any, Any], index: int) -> Any:
        """Unpacks row `index` of a batch, (B, *flat_space.shape) of flat_space.dtype, C-contiguous."""
        return core.unpack(self._plan, rows, index)

    def view(self, rows: np.ndarray[Any, Any]) -> Views:
        """Views the leaves of a batch of rows, without copying.

        Args:
            rows: (B, *flat_space.shape) of flat_space.dtype, C-contiguous.

        Returns:
            A nested dict by field name with a (B, *leaf.shape) array for each leaf; if the space is a leaf, that array.

        Raises:
            ValueError: `rows` isn't of flat_space.dtype, as after a cast to float32.
        """
        if self.is_passthrough:
            return rows
        if rows.dtype != self.flat_space.dtype:
            raise ValueError(
                f"Rows of this layout are {self.flat_space.dtype}, but these are {rows.dtype}. "
                "Keep them uncast until they are unpacked."
            )
        num_rows = rows.shape[0]
        shape = (num_rows, *self.dtype.shape)
        if self.size_bytes == 0:  # NumPy can't view nothing as nothing
            return _views(np.zeros(shape, self.dtype.base), self.dtype)
        flat = rows.reshape(num_rows, self.size_bytes // rows.itemsize)
        return _views(flat.view(self.dtype.base).reshape(shape), self.dtype)

    def find_out_of_bounds(self, row: np.ndarray[Any, Any]) -> tuple[str, str, str] | None:
        """Finds the first leaf of a row with a number outside of its space.

        Returns:
            (where, what the space promises, the number), or None if all numbers are inside.
        """
        data = np.ascontiguousarray(row).reshape(-1).view(np.uint8)
        for leaf in self._leaf_nodes:
            values = data[leaf.offset : leaf.offset + leaf.dtype.itemsize].view(leaf.base)
            low, high = _bounds(leaf)
            outside = np.flatnonzero(~((values >= low) & (values <= high)))
            if len(outside):
                i = outside[0]
                return describe_path(leaf.path), f"between {low[i]} and {high[i]}", f"{values[i]} at flat index {i}"
        return None

    def __eq__(self, other: object) -> bool:
        """Layouts of equal spaces are equal."""
        return isinstance(other, Layout) and self.space == other.space

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as its space, from which it is compiled again."""
        return (compile_layout, (self.space,))

    def __repr__(self) -> str:
        """Shows the row and the number of leaves."""
        return f"Layout({len(self.leaves)} leaves in {self.flat_space})"


def compile_layout(space: gymnasium.Space[Any]) -> Layout:
    """Compiles the flat form of a space.

    A Box stays as it is. Otherwise a row is one array of the dtype that all leaves share, or of bytes.

    Raises:
        UnsupportedSpace: a part has no flat form; the error says which and why.
    """
    return Layout(space)


def _views(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> Views:
    is_leaf = dtype.subdtype is not None or dtype.kind != "V"
    return array if is_leaf else {name: _views(array[name], dtype[name]) for name in dtype.names or ()}


def _gaps(leaves: tuple[Node, ...], size_bytes: int) -> tuple[int, ...]:
    """Holes between leaves, as offset, size, offset, size, ..."""
    gaps: list[int] = []
    end = 0
    for leaf in sorted(leaves, key=lambda leaf: (leaf.offset, leaf.dtype.itemsize)):
        if leaf.offset > end:
            gaps += [end, leaf.offset - end]
        end = max(end, leaf.offset + leaf.dtype.itemsize)
    if size_bytes > end:
        gaps += [end, size_bytes - end]
    return tuple(gaps)


def _flat_space(leaves: tuple[Node, ...], size_bytes: int) -> gymnasium.spaces.Box:
    dtypes = {leaf.base for leaf in leaves}
    if len(dtypes) != 1:
        return gymnasium.spaces.Box(0, 255, (size_bytes,), np.uint8)
    (dtype,) = dtypes
    bounds = [_bounds(leaf) for leaf in leaves]
    low = np.concatenate([low for low, _ in bounds])
    high = np.concatenate([high for _, high in bounds])
    return gymnasium.spaces.Box(low, high, dtype=dtype.type)


def _bounds(leaf: Node) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Lowest and highest number of every entry of a leaf, flattened."""
    low, high = bounds_of(leaf)
    if leaf.is_optional:
        low, high = np.minimum(low, leaf.base.type(0)), np.maximum(high, leaf.base.type(0))
    shape = leaf.dtype.shape
    return np.broadcast_to(low, shape).ravel().astype(leaf.base), np.broadcast_to(high, shape).ravel().astype(leaf.base)


def bounds_of(leaf: Node) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Lowest and highest number of one element of a leaf, (*leaf.shape) of its dtype."""
    space: Any = leaf.space
    if isinstance(space, gymnasium.spaces.Box):
        return space.low, space.high
    if isinstance(space, gymnasium.spaces.Text):
        low, high = 0, len(space.character_list)
    elif isinstance(space, gymnasium.spaces.MultiBinary):
        low, high = 0, 1
    elif isinstance(space, gymnasium.spaces.Discrete):
        low, high = space.start, int(space.start) + int(space.n) - 1
    else:
        return space.start, space.start + (space.nvec - 1)
    return np.full(leaf.shape, low, leaf.base), np.full(leaf.shape, high, leaf.base)


def _coerce_node(tree: tuple[Node, ...], node_id: int, value: Any) -> Any:
    """Brings a value into the exact form that the C code packs, or says what is wrong with it."""
    node = tree[node_id]
    exact = _coerce(node, value)
    if exact is None:
        raise ObservationMismatch(describe_path(node.path), _expectation(node), _summary(value))
    return exact


def _restack(tree: tuple[Node, ...], node_id: int, items: tuple[Any, ...]) -> Any:
    """Batches the elements of a stacked Sequence."""
    space: Any = tree[node_id].space
    batch: Any = create_empty_array(space.feature_space, len(items))
    return concatenate(space.feature_space, items, batch) if items else batch


def _coerce(node: Node, value: Any) -> Any:
    """The exact form of a value, or None where it has none."""
    match node.kind:
        case Kind.ARRAY:
            return _coerce_array(value, node.base, node.shape)
        case Kind.DICT:
            return dict(value) if hasattr(value, "keys") and set(value) == set(node.keys) else None
        case Kind.TUPLE | Kind.ONEOF | Kind.GRAPH:
            return _coerce_tuple(node, value)
        case Kind.SEQUENCE:
            return _coerce_sequence(node, value)
        case _:
            return None


def _coerce_array(value: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """A C-contiguous copy in the leaf's dtype, where no number changes by that.

    Python numbers and lists are cast as Gymnasium's Box does.
    """
    try:
        array = np.array(value, dtype if not isinstance(value, np.ndarray) else None, order="C")
        exact = array if array.dtype is dtype else array.astype(dtype)
    except (TypeError, ValueError, OverflowError):
        return None
    is_lossless = np.can_cast(array.dtype, dtype) or (array.dtype.kind in "iub" and np.array_equal(array, exact))
    return exact if exact.shape == shape and is_lossless else None


def _coerce_tuple(node: Node, value: Any) -> tuple[Any, ...] | None:
    num_items = {Kind.TUPLE: len(node.children), Kind.ONEOF: 2, Kind.GRAPH: 3}[node.kind]
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != num_items:
        return None
    items = tuple(value)
    if node.kind == Kind.ONEOF:
        is_choice = isinstance(items[0], int | np.integer) and 0 <= items[0] < len(node.children) - 1
        return items if isinstance(value, list) and is_choice else None
    # A tuple of the right length only comes here if something inside of it is wrong.
    return items if not isinstance(value, tuple) else None


def _coerce_sequence(node: Node, value: Any) -> tuple[Any, ...] | None:
    space: Any = node.space
    if space.stack:
        try:
            items = tuple(iterate(space.stacked_feature_space, value))
        except (TypeError, ValueError, KeyError):
            return None
    elif isinstance(value, tuple | list):
        items = tuple(value)
    else:
        return None
    return items if len(items) <= space.max_length else None


def _expectation(node: Node) -> str:
    space: Any = node.space
    match node.kind:
        case Kind.ARRAY:
            return f"an array of {node.base} and shape {node.shape}, of {space}"
        case Kind.TEXT:
            return f"a str of at most {space.max_length} characters out of {''.join(space.character_list)!r}"
        case Kind.DICT:
            return f"a dict with the keys {list(node.keys)}"
        case Kind.SEQUENCE:
            form = f"a batch of {space.feature_space}" if space.stack else "a tuple"
            return f"{form} with at most {space.max_length} elements"
        case Kind.ONEOF:
            return f"a tuple (choice, value) with a choice from 0 to {len(node.children) - 2}"
        case Kind.TUPLE:
            return f"a tuple of {len(node.children)} values"
        case _:
            return f"a value of {space}"


def _summary(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} and shape {value.shape}"
    if hasattr(value, "keys"):
        return f"a {type(value).__name__} with the keys {list(value)}"
    text = repr(value)
    text = text if len(text) <= 80 else text[:77] + "..."
    length = f" of length {len(value)}" if isinstance(value, str | tuple | list) else ""
    return f"a {type(value).__name__}{length}: {text}"
