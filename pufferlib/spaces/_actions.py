"""Flat forms of action spaces: one array row that any policy can fill, and the way back to the original action.

A flat action has D discrete entries, each 0..n-1, and then C continuous ones. Shapes: B rows in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces

from pufferlib.exceptions import ActionMismatch, UnsupportedSpace
from pufferlib.spaces._layout import Layout, bounds_of
from pufferlib.spaces._nodes import Kind, Node, compile_tree, describe_path, leaves_of, walk

Kinds = Literal["discrete", "multidiscrete", "continuous", "mixed"]


@dataclass(frozen=True, slots=True, eq=False)
class _Scatter:
    """Entries of the flat action that land in leaves of one dtype."""

    dtype: np.dtype[Any]
    source: np.ndarray[Any, Any]  # entry
    target: np.ndarray[Any, Any]  # number within the row, in units of dtype
    start: np.ndarray[Any, Any]  # added to the entry
    is_rounded: bool  # continuous entries of an integer leaf


class ActionLayout:
    """The flat form of one action space. Immutable; made by `compile_action_layout`."""

    __slots__ = ("_layout", "_scatters", "flat_space", "high", "kind", "low", "num_continuous", "nvec", "space")

    space: gymnasium.Space[Any]  # the original
    flat_space: spaces.Discrete | spaces.MultiDiscrete | spaces.Box  # the emulated action space
    kind: Kinds
    nvec: tuple[int, ...]  # D sizes: entry i takes the whole numbers 0..nvec[i] - 1
    num_continuous: int  # C
    low: np.ndarray[Any, Any]  # (C,) lowest value of each continuous entry, maybe -inf
    high: np.ndarray[Any, Any]  # (C,)

    def __init__(self, space: gymnasium.Space[Any]) -> None:
        """Compiles the space; see `compile_action_layout`."""
        self.space = space
        self._layout: Layout | None = None
        self._scatters: tuple[_Scatter, ...] = ()
        if isinstance(space, spaces.Box):
            compile_tree(space)  # refuses what no Box may be
            self._describe("continuous", (), space.low.ravel(), space.high.ravel(), space)
        elif isinstance(space, spaces.Discrete) and space.start == 0:
            self._describe("discrete", (int(space.n),), np.zeros(0), np.zeros(0), space)
        elif isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1 and not space.start.any():
            self._describe("multidiscrete", tuple(space.nvec.tolist()), np.zeros(0), np.zeros(0), space)
        else:
            self._compile(space)

    def _describe(self, kind: Kinds, nvec: tuple[int, ...], low: Any, high: Any, flat_space: Any) -> None:
        self.kind, self.nvec, self.low, self.high, self.flat_space = kind, nvec, low, high, flat_space
        self.num_continuous = len(low)

    def _compile(self, space: gymnasium.Space[Any]) -> None:
        root = compile_tree(space)
        for node in walk(root):
            if node.kind == Kind.GRAPH:
                reason = "actions can't be Graphs: not every combination of entries is a valid graph."
                raise UnsupportedSpace(describe_path(node.path), repr(node.space), reason)
        leaves = leaves_of(root)
        discrete = [leaf for leaf in leaves if not _is_continuous(leaf)]
        continuous = [leaf for leaf in leaves if _is_continuous(leaf)]
        sizes = [_sizes(leaf) for leaf in discrete]
        nvec = tuple(int(n) for size in sizes for n in size)
        bounds = [_continuous_bounds(leaf) for leaf in continuous]
        low = np.concatenate([low for low, _ in bounds]) if bounds else np.zeros(0, np.float32)
        high = np.concatenate([high for _, high in bounds]) if bounds else np.zeros(0, np.float32)

        if discrete and not continuous:
            is_one = isinstance(space, spaces.Discrete)
            flat: Any = spaces.Discrete(nvec[0]) if is_one else spaces.MultiDiscrete(np.array(nvec, np.int64))
            self._describe("discrete" if is_one else "multidiscrete", nvec, low, high, flat)
        else:
            dtype = _entry_dtype(discrete, continuous, nvec)
            low, high = low.astype(dtype), high.astype(dtype)
            lows = np.concatenate([np.zeros(len(nvec), dtype), low])
            highs = np.concatenate([np.array(nvec, dtype) - 1, high]) if nvec else high
            flat = spaces.Box(lows, highs, dtype=dtype.type)
            self._describe("mixed" if discrete else "continuous", nvec, low, high, flat)
        self._layout = Layout(space)
        self._scatters = _compile_scatters(discrete + continuous, flat.dtype)

    @property
    def is_passthrough(self) -> bool:
        """Whether flat actions are the original ones, untouched."""
        return self._layout is None

    def unpack(self, row: Any) -> Any:
        """Rebuilds the original action out of one flat action; see `unpack_batch`."""
        if self._layout is None:
            return row
        return self.unpack_batch(np.asarray(row)[None])[0]

    def unpack_batch(self, rows: np.ndarray[Any, Any]) -> list[Any]:
        """Rebuilds the original actions.

        Args:
            rows: (B, *flat_space.shape).

        Returns:
            B actions of `space`. Where the space passes through, they are the rows themselves.

        Raises:
            ActionMismatch: a wrong number of entries, or a discrete entry outside 0..n-1.
        """
        if self._layout is None:
            return list(rows)
        num_rows, num_entries = len(rows), len(self.nvec) + self.num_continuous
        entries = rows.reshape(num_rows, -1)
        if entries.shape[1] != num_entries:
            raise ActionMismatch(f"a row of {num_entries} numbers, of {self.flat_space}", f"{entries.shape[1]} numbers")
        if self.nvec:
            entries = self._round(entries)
        packed = np.zeros((num_rows, *self._layout.flat_space.shape), self._layout.flat_space.dtype)
        for scatter in self._scatters:
            values = entries[:, scatter.source]
            if scatter.is_rounded:
                values = np.rint(values)
            packed.view(scatter.dtype)[:, scatter.target] = values + scatter.start
        return [self._layout.unpack_from(packed, i) for i in range(num_rows)]

    def pack(self, action: Any) -> Any:
        """Turns an original action into the flat one: the inverse of `unpack`.

        Raises:
            ActionMismatch: the action isn't in the space.
        """
        if action not in self.space:
            raise ActionMismatch(f"a value of {self.space}", repr(action))
        if self._layout is None:
            return action
        packed = self._layout.pack(action)
        entries = np.zeros(len(self.nvec) + self.num_continuous, self.flat_space.dtype)
        for scatter in self._scatters:
            entries[scatter.source] = packed.view(scatter.dtype)[scatter.target] - scatter.start
        # Places without a value hold zeros, which may lie outside of start..start + n - 1.
        entries[: len(self.nvec)] = np.clip(entries[: len(self.nvec)], 0, np.array(self.nvec, entries.dtype) - 1)
        return entries.reshape(self.flat_space.shape)

    def _round(self, entries: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Checks the discrete entries and, in a mixed action, makes them whole."""
        num_discrete = len(self.nvec)
        if self.kind == "mixed":
            entries = np.concatenate([np.rint(entries[:, :num_discrete]), entries[:, num_discrete:]], axis=1)
        discrete = entries[:, :num_discrete]
        if not ((discrete >= 0) & (discrete < self.nvec)).all():
            raise ActionMismatch(f"whole numbers from 0 to below {self.nvec}", str(discrete.tolist()))
        return entries

    def __eq__(self, other: object) -> bool:
        """Layouts of equal spaces are equal."""
        return isinstance(other, ActionLayout) and self.space == other.space

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as its space, from which it is compiled again."""
        return (compile_action_layout, (self.space,))

    def __repr__(self) -> str:
        """Shows the kind and the emulated space."""
        return f"ActionLayout({self.kind}, {self.flat_space})"


def compile_action_layout(space: gymnasium.Space[Any]) -> ActionLayout:
    """Compiles the flat form of an action space.

    Discrete, one-dimensional MultiDiscrete (both without a start) and Box stay as they are. Other trees of discrete
    spaces become a MultiDiscrete, trees of Boxes one Box, and mixed trees one Box whose first D entries are whole
    numbers.

    Raises:
        UnsupportedSpace: a part has no flat form; the error says which and why.
    """
    return ActionLayout(space)


def _is_continuous(leaf: Node) -> bool:
    return isinstance(leaf.space, spaces.Box) and leaf.base.kind != "b"


def _sizes(leaf: Node) -> np.ndarray[Any, Any]:
    """How many values each entry of a discrete leaf takes, flattened."""
    space: Any = leaf.space
    if isinstance(space, spaces.Text):
        # A text can't end before its minimum, so those places have no end mark.
        places = np.arange(space.max_length)
        size = len(space.character_list) + (places >= space.min_length)
    elif isinstance(space, spaces.MultiDiscrete):
        size = space.nvec
    else:
        size = np.full(leaf.shape, getattr(space, "n", 2) if isinstance(space, spaces.Discrete) else 2)
    return np.broadcast_to(size, leaf.dtype.shape).ravel()


def _starts(leaf: Node) -> np.ndarray[Any, Any]:
    """What is added to each entry of a leaf, flattened."""
    space: Any = leaf.space
    if isinstance(space, spaces.Text):
        start: Any = (np.arange(space.max_length) < space.min_length).astype(np.int64)
    else:
        start = getattr(space, "start", 0)
    return np.broadcast_to(start, leaf.dtype.shape).ravel()


def _continuous_bounds(leaf: Node) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    low, high = bounds_of(leaf)
    return np.broadcast_to(low, leaf.dtype.shape).ravel(), np.broadcast_to(high, leaf.dtype.shape).ravel()


def _entry_dtype(discrete: list[Node], continuous: list[Node], nvec: tuple[int, ...]) -> np.dtype[Any]:
    """The dtype of a Box row that holds every value exactly (64-bit integers beyond 2**53 excepted)."""
    dtypes = {leaf.base for leaf in continuous}
    if not discrete and len(dtypes) == 1:
        return dtypes.pop()
    is_small = max(nvec, default=0) <= 2**24
    return np.result_type(np.float32 if is_small else np.float64, *dtypes)


def _compile_scatters(leaves: list[Node], entry_dtype: np.dtype[Any]) -> tuple[_Scatter, ...]:
    """Groups the leaves, discrete ones first, by dtype and by whether they are rounded."""
    groups: dict[tuple[np.dtype[Any], bool], list[tuple[Any, Any, Any]]] = {}
    first = 0
    for leaf in leaves:
        count = int(np.prod(leaf.dtype.shape, dtype=np.int64))
        is_rounded = _is_continuous(leaf) and leaf.base.kind in "iu" and entry_dtype.kind == "f"
        target = leaf.offset // leaf.base.itemsize + np.arange(count)
        part = (first + np.arange(count), target, _starts(leaf))
        groups.setdefault((leaf.base, is_rounded), []).append(part)
        first += count
    scatters = []
    for (dtype, is_rounded), parts in groups.items():
        source, target, start = (np.concatenate(column) for column in zip(*parts, strict=True))
        scatters.append(_Scatter(dtype, source, target, start, is_rounded))
    return tuple(scatters)
