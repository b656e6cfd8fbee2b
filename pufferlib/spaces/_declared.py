"""Sequence and Graph spaces that declare how large they can get, which a flat row must know."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import GraphInstance
from gymnasium.vector.utils import create_empty_array


class Sequence(gymnasium.spaces.Sequence):
    """A Gymnasium Sequence of at most `max_length` elements."""

    def __init__(
        self,
        space: gymnasium.Space[Any],
        max_length: int,
        seed: int | np.random.Generator | None = None,
        stack: bool = False,
    ) -> None:
        """Declares the maximum.

        Args:
            space: of one element.
            max_length: the most elements that a value can have; a flat row keeps room for all of them.
            seed: of sampling.
            stack: values are one batched element instead of a tuple, as in Gymnasium.

        Raises:
            ValueError: `max_length` is negative.
        """
        if max_length < 0:
            raise ValueError(f"max_length must be 0 or more, but it is {max_length}.")
        super().__init__(space, seed=seed, stack=stack)
        self.max_length = max_length

    def sample(self, mask: Any = None, probability: Any = None) -> Any:
        """Samples as Gymnasium does, with a length up to `max_length`, all as likely.

        The shortest is 0, or 1 for stacked values, of which Gymnasium can't sample empty ones.
        """
        if self.max_length == 0:
            return create_empty_array(self.feature_space, 0) if self.stack else ()
        if mask is None and probability is None:
            return super().sample(mask=(int(self.np_random.integers(int(self.stack), self.max_length + 1)), None))
        return super().sample(mask=mask, probability=probability)

    def contains(self, x: Any) -> bool:
        """Tells whether x is a value of the space and not longer than the maximum."""
        return super().contains(x) and self._length_of(x) <= self.max_length

    def _length_of(self, x: Any) -> int:
        if not self.stack:
            return len(x)
        return sum(1 for _ in gymnasium.vector.utils.iterate(self.stacked_feature_space, x))

    def __eq__(self, other: object) -> bool:
        """Compares the element space, the stacking and the maximum."""
        return super().__eq__(other) and isinstance(other, Sequence) and self.max_length == other.max_length

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Shows the maximum too."""
        return f"Sequence({self.feature_space}, max_length={self.max_length}, stack={self.stack})"


class Graph(gymnasium.spaces.Graph):
    """A Gymnasium Graph of at most `max_nodes` nodes and `max_edges` edges."""

    def __init__(
        self,
        node_space: gymnasium.Space[Any],
        edge_space: gymnasium.Space[Any] | None,
        max_nodes: int,
        max_edges: int,
        seed: Any = None,
    ) -> None:
        """Declares the maxima.

        Args:
            node_space: of one node.
            edge_space: of one edge, or None where edges carry nothing and aren't given.
            max_nodes: the most nodes, at least 1.
            max_edges: the most edges.
            seed: of sampling.

        Raises:
            ValueError: a maximum is too small.
        """
        if max_nodes < 1 or max_edges < 0:
            raise ValueError(
                f"max_nodes must be 1 or more and max_edges 0 or more, but they are {max_nodes} and {max_edges}."
            )
        super().__init__(node_space, edge_space, seed=seed)
        self.max_nodes, self.max_edges = max_nodes, max_edges

    def sample(
        self, mask: Any = None, probability: Any = None, num_nodes: int | None = None, num_edges: int | None = None
    ) -> GraphInstance:
        """Samples as Gymnasium does, with 1 to `max_nodes` nodes and 0 to `max_edges` edges, all as likely."""
        if num_nodes is None:
            num_nodes = int(self.np_random.integers(1, self.max_nodes + 1))
        if num_edges is None and self.edge_space is not None:
            num_edges = int(self.np_random.integers(self.max_edges + 1))
        return super().sample(mask=mask, probability=probability, num_nodes=num_nodes, num_edges=num_edges)

    def contains(self, x: Any) -> bool:
        """Tells whether x is a value of the space and not larger than the maxima."""
        if not super().contains(x):
            return False
        num_nodes = sum(1 for _ in gymnasium.vector.utils.iterate(self.batch_node_space, x.nodes))
        return num_nodes <= self.max_nodes and (x.edge_links is None or len(x.edge_links) <= self.max_edges)

    def __eq__(self, other: object) -> bool:
        """Compares the node and edge spaces and the maxima."""
        return (
            super().__eq__(other)
            and isinstance(other, Graph)
            and (self.max_nodes, self.max_edges) == (other.max_nodes, other.max_edges)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Shows the maxima too."""
        return f"Graph({self.node_space}, {self.edge_space}, max_nodes={self.max_nodes}, max_edges={self.max_edges})"
