"""One block of memory that holds every array of a pool, and the views into it.

The block is a structure of arrays: each array starts on its own 64-byte line and has one row an agent slot. Whoever has
the `ArenaSpec` and the bytes can build the same views, so the block may be plain memory or memory shared between
processes.

Shapes: E environments, A agent slots in each, N = E*A rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from pufferlib.emulation import Buffers
from pufferlib.spaces import Emulated

ALIGNMENT_BYTES = 64  # a cache line: two arrays never share one


@dataclass(frozen=True, slots=True)
class Field:
    """One array of the arena."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int  # bytes from the start of the arena; a multiple of ALIGNMENT_BYTES


@dataclass(frozen=True, slots=True)
class ArenaSpec:
    """The plan of an arena: picklable, so that a worker can build the same views."""

    num_envs: int
    num_slots: int  # A, the same for every environment
    fields: tuple[Field, ...]
    size_bytes: int

    @classmethod
    def plan(cls, num_envs: int, num_slots: int, emulated: Emulated) -> ArenaSpec:
        """Lays out all arrays of `num_envs` environments with these emulated spaces."""
        num_rows = num_envs * num_slots
        observation = emulated.observation.flat_space
        action_dtype, action_shape = action_format(emulated.action.flat_space)
        wanted: list[tuple[str, npt.DTypeLike, tuple[int, ...]]] = [
            ("observations", observation.dtype, (num_rows, *observation.shape)),
            ("final_observations", observation.dtype, (num_rows, *observation.shape)),
            ("actions", action_dtype, (num_rows, *action_shape)),
            ("rewards", np.float64, (num_rows,)),
            ("terminals", np.bool_, (num_rows,)),
            ("truncations", np.bool_, (num_rows,)),
            ("mask", np.bool_, (num_rows,)),
            ("episode_over", np.bool_, (num_envs,)),
        ]
        fields = []
        offset = 0
        for name, dtype, shape in wanted:
            field = Field(name, np.dtype(dtype), shape, offset)
            fields.append(field)
            size = field.dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            offset += -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        return cls(num_envs, num_slots, tuple(fields), offset)


class Arena:
    """Views of every array of a pool over one block of bytes.

    `episode_over` is (E,), all others are (N, ...). The views are valid as long as the block is; each row has one
    writer.
    """

    def __init__(self, spec: ArenaSpec, block: npt.NDArray[np.uint8]) -> None:
        """Maps the arrays of `spec` onto `block`, (>= spec.size_bytes,) uint8, without touching its contents."""
        self.spec = spec
        self.block = block
        views = {field.name: _view(block, field) for field in spec.fields}
        self.observations = views["observations"]
        self.final_observations = views["final_observations"]
        self.actions = views["actions"]
        self.rewards = views["rewards"]
        self.terminals = views["terminals"]
        self.truncations = views["truncations"]
        self.mask = views["mask"]
        self.episode_over = views["episode_over"]

    @classmethod
    def allocate(cls, spec: ArenaSpec) -> Arena:
        """Makes a zeroed arena in this process's own memory."""
        raw = np.zeros(spec.size_bytes + ALIGNMENT_BYTES, np.uint8)
        start = -raw.ctypes.data % ALIGNMENT_BYTES
        return cls(spec, raw[start : start + spec.size_bytes])

    def rows(self, env_index: int) -> slice:
        """Gives the rows of one environment."""
        return slice(env_index * self.spec.num_slots, (env_index + 1) * self.spec.num_slots)

    def buffers(self, env_index: int) -> Buffers:
        """Gives one environment the rows that it writes, as views."""
        rows = self.rows(env_index)
        return Buffers(
            observations=self.observations[rows],
            rewards=self.rewards[rows],
            terminals=self.terminals[rows],
            truncations=self.truncations[rows],
            mask=self.mask[rows],
            final_observations=self.final_observations[rows],
        )


@dataclass(frozen=True, slots=True)
class LostRows:
    """What an environment's rows held before it was lost and made anew."""

    env_index: int
    observations: npt.NDArray[Any]
    mask: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, arena: Arena, env_index: int) -> LostRows:
        """Copies the rows of one environment."""
        rows = arena.rows(env_index)
        return cls(env_index, arena.observations[rows].copy(), arena.mask[rows].copy())

    def end(self, arena: Arena, autoreset: str) -> None:
        """Marks the lost episode as truncated, in rows that its environment was reset into.

        With autoreset "same_step" the rows keep the next episode's first observation. In the other modes they get the
        last one back: the next episode begins when the caller has seen the end.
        """
        rows = arena.rows(self.env_index)
        arena.final_observations[rows] = self.observations
        arena.truncations[rows] = self.mask
        if autoreset != "same_step":
            arena.observations[rows] = self.observations
            arena.mask[rows] = False
        arena.episode_over[self.env_index] = autoreset == "disabled"


def action_format(space: spaces.Space[Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Says which dtype and shape one flat action of `space` has in the arena."""
    dtype = np.dtype(np.int64) if space.dtype is None else np.dtype(space.dtype)
    return dtype, tuple(space.shape or ())


def _view(block: npt.NDArray[np.uint8], field: Field) -> npt.NDArray[Any]:
    """Views one array of the block; an array without elements needs no bytes."""
    return np.ndarray(field.shape, field.dtype, buffer=block, offset=field.offset)
