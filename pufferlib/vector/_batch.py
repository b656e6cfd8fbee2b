"""What a batch is: the rows that `recv` returns, and the rows of the arena behind them.

Shapes: B rows in a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pufferlib.vector._arena import Arena
from pufferlib.vector._infos import Info


class Batch(NamedTuple):
    """What `recv` returns: B rows of some of the environments."""

    observations: npt.NDArray[Any]  # (B, *single_observation_space.shape)
    rewards: npt.NDArray[np.float64]  # (B,)
    terminals: npt.NDArray[np.bool_]  # (B,)
    truncations: npt.NDArray[np.bool_]  # (B,)
    infos: Sequence[Info]  # one dict an environment of the batch, {} where there is nothing
    env_id: npt.NDArray[np.int64]  # (B,) which of the N rows these are
    mask: npt.NDArray[np.bool_]  # (B,) True where an agent acts on this observation; see `Pool`


class Block(NamedTuple):
    """Views of consecutive environments' rows in the arena."""

    envs: range  # in the arena that the block views
    observations: npt.NDArray[Any]
    final_observations: npt.NDArray[Any]
    actions: npt.NDArray[Any]
    rewards: npt.NDArray[np.float64]
    terminals: npt.NDArray[np.bool_]
    truncations: npt.NDArray[np.bool_]
    mask: npt.NDArray[np.bool_]
    episode_over: npt.NDArray[np.bool_]  # one an environment
    env_id: npt.NDArray[np.int64]

    @classmethod
    def of(cls, arena: Arena, envs: range) -> Block:
        """Views the rows of environments `envs`, a range with step 1."""
        num_slots = arena.spec.num_slots
        rows = slice(envs.start * num_slots, envs.stop * num_slots)
        return cls(
            envs=envs,
            observations=arena.observations[rows],
            final_observations=arena.final_observations[rows],
            actions=arena.actions[rows],
            rewards=arena.rewards[rows],
            terminals=arena.terminals[rows],
            truncations=arena.truncations[rows],
            mask=arena.mask[rows],
            episode_over=arena.episode_over[envs.start : envs.stop],
            env_id=np.arange(rows.start, rows.stop, dtype=np.int64),
        )

    def copied(self) -> Block:
        """Copies what a batch is made of; the rest stays views."""
        return self._replace(
            observations=self.observations.copy(),
            rewards=self.rewards.copy(),
            terminals=self.terminals.copy(),
            truncations=self.truncations.copy(),
            mask=self.mask.copy(),
        )

    def put(self, position: int, part: Block) -> None:
        """Copies the rows of a smaller block to place `position`, counted in blocks of its size; actions stay."""
        num_rows, num_envs = len(part.env_id), len(part.envs)
        rows = slice(position * num_rows, (position + 1) * num_rows)
        self.observations[rows] = part.observations
        self.rewards[rows] = part.rewards
        self.terminals[rows] = part.terminals
        self.truncations[rows] = part.truncations
        self.mask[rows] = part.mask
        self.env_id[rows] = part.env_id
        if (part.terminals | part.truncations).any():
            self.final_observations[rows] = part.final_observations
        self.episode_over[position * num_envs : (position + 1) * num_envs] = part.episode_over
