"""The arrays that an emulated environment writes its steps into.

Shapes: A agent slots of one environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Buffers:
    """Rows of one environment, often a slice of the rows of many.

    The environment writes them, their owner reads them; nothing is kept from one step to the next.
    """

    observations: NDArray[Any]  # (A, *flat_space.shape) of its dtype, C-contiguous
    rewards: NDArray[np.float64]  # (A,)
    terminals: NDArray[np.bool_]  # (A,) the agent's episode ended in the MDP's sense
    truncations: NDArray[np.bool_]  # (A,) the agent's episode was cut
    mask: NDArray[np.bool_]  # (A,) the row holds an agent that was there in this step
    final_observations: NDArray[Any]  # like observations; valid in rows that ended in this step

    @classmethod
    def allocate(cls, num_slots: int, flat_space: gymnasium.spaces.Box) -> Buffers:
        """Makes zeroed buffers for `num_slots` agents."""
        shape = (num_slots, *flat_space.shape)
        return cls(
            observations=np.zeros(shape, flat_space.dtype),
            rewards=np.zeros(num_slots),
            terminals=np.zeros(num_slots, np.bool_),
            truncations=np.zeros(num_slots, np.bool_),
            mask=np.zeros(num_slots, np.bool_),
            final_observations=np.zeros(shape, flat_space.dtype),
        )

    def rows(self, start: int, stop: int) -> Buffers:
        """Views the rows from `start` to `stop - 1`."""
        return Buffers(
            self.observations[start:stop],
            self.rewards[start:stop],
            self.terminals[start:stop],
            self.truncations[start:stop],
            self.mask[start:stop],
            self.final_observations[start:stop],
        )
