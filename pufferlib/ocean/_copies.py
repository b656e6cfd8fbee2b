"""Copies of one native environment over numpy arrays: what a call into C needs, built once.

Shapes: E copies, A agents in each, N = E*A rows.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from pufferlib._native import core
from pufferlib.emulation import Buffers

AUTORESETS = {"same_step": 0, "next_step": 1, "disabled": 2}  # as in puffer_env.h
_STATE_ALIGNMENT = 16


class Memory:
    """What E copies remember from one step to the next: their states and the statistics of their episodes."""

    def __init__(self, num_envs: int, num_agents: int, num_numbers: int, state_bytes: int) -> None:
        """Allocates it, zeroed.

        Args:
            num_envs: E.
            num_agents: A.
            num_numbers: how many numbers an environment reports of an episode, besides return and length.
            state_bytes: of the largest of the states.
        """
        num_rows = num_envs * num_agents
        stride = -(-state_bytes // _STATE_ALIGNMENT) * _STATE_ALIGNMENT
        self.states = np.zeros((num_envs, stride // 8), np.uint64)  # uint64: aligned for any field
        self.returns = np.zeros(num_rows)
        self.finished_returns = np.zeros(num_rows)
        self.lengths = np.zeros(num_rows, np.int64)
        self.finished_lengths = np.zeros(num_rows, np.int64)
        self.numbers = np.zeros((num_rows, num_numbers))


class Copies:
    """E copies that write rows which belong to someone else.

    The rows and the memory must stay as long as this object; it keeps references to all of them.
    """

    def __init__(
        self,
        name: str,
        memory: Memory,
        buffers: Buffers,
        actions: npt.NDArray[Any],
        episode_over: npt.NDArray[np.bool_],
        autoreset: str = "disabled",
    ) -> None:
        """Checks the arrays and hands them to C.

        Args:
            name: of the environment.
            memory: of E copies.
            buffers: N rows.
            actions: (N, ...) which C reads.
            episode_over: (E,) which C writes: in mode "next_step" the next step begins an episode there.
            autoreset: as in `pufferlib.vector.make`.

        Raises:
            ValueError: an array isn't C-contiguous, or has a wrong size or dtype.
        """
        num_rows = len(buffers.rewards)
        self.num_envs = len(memory.states)
        self.num_agents = num_rows // self.num_envs
        self.memory = memory
        self.width = 3 + memory.numbers.shape[1]
        self.batch = core.env_batch(
            name,
            AUTORESETS[autoreset],
            self.num_envs,
            self.num_agents,
            buffers.observations.nbytes // num_rows,
            actions.nbytes // num_rows,
            memory.states.nbytes // self.num_envs,
            memory.numbers.shape[1],
            (
                memory.states,
                buffers.observations,
                buffers.final_observations,
                actions,
                buffers.rewards,
                buffers.terminals,
                buffers.truncations,
                buffers.mask,
                episode_over,
                memory.returns,
                memory.finished_returns,
                memory.lengths,
                memory.finished_lengths,
                memory.numbers,
            ),
        )

    def init(self, first: int, count: int, config: bytes) -> None:
        """Gives copies a config; they forget everything, their random numbers included."""
        core.env_init(self.batch, first, count, config)

    def reset(
        self,
        first: int,
        count: int,
        selected: npt.NDArray[np.bool_] | None = None,
        seeds: npt.NDArray[np.uint64] | None = None,
        seeded: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Begins episodes in copies `first` to `first + count - 1`, or in those of them that are selected.

        Args:
            first: the first copy.
            count: how many.
            selected: (E,) or None for all.
            seeds: (E,) for new random numbers, or None.
            seeded: (E,) where `seeds` holds; None for all.
        """
        core.env_reset(self.batch, first, count, selected, seeds, seeded)

    def step(self, first: int, count: int) -> int:
        """Steps copies `first` to `first + count - 1`; gives how many agents' episodes ended."""
        return core.env_step(self.batch, first, count)

    def ends(self, first: int, count: int, num_ended: int) -> npt.NDArray[np.float64]:
        """Reads which agents' episodes ended in the last step of these copies.

        Returns:
            (num_ended, 3 + numbers) float64: row (0 is the first agent of copy `first`), return, length, numbers.
        """
        records = np.empty((num_ended, self.width))
        core.env_ends(self.batch, first, count, records)
        return records

    def draw(self, index: int, frame: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Draws one copy, (height, width, 3) RGB."""
        pixels = np.zeros((*frame, 3), np.uint8)
        core.env_render(self.batch, index, 1, pixels)
        return pixels


def draw_seeds(count: int) -> npt.NDArray[np.uint64]:
    """Seeds from the operating system, (count,)."""
    return np.frombuffer(os.urandom(8 * count), np.uint64).copy()
