"""Runs a policy, feed-forward or recurrent, and keeps the recurrent state of every row.

Shapes: N rows, B rows in a batch, L layers and H units of the recurrent state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pufferlib.models import LSTMWrapper
from pufferlib.training.rollout import Minibatch, State


class Actor:
    """A policy with a memory for each row, so that batches may hold any of them."""

    def __init__(self, policy: nn.Module, num_rows: int, device: torch.device) -> None:
        """Starts with an empty memory."""
        self.policy, self.device = policy, device
        self.num_rows = num_rows
        self.recurrent = isinstance(policy, LSTMWrapper)
        self.state: State | None = None
        if isinstance(policy, LSTMWrapper):
            self.state = policy.initial_state(num_rows)

    def step(
        self, observations: Tensor, rows: NDArray[np.int64], starts: NDArray[np.bool_]
    ) -> tuple[Any, Tensor, State | None]:
        """Runs the policy on what some rows observe now, and remembers.

        Args:
            observations: (B, ...) on the policy's device.
            rows: which rows these are, (B,).
            starts: the observation is the first of an episode: the memory is cleared before, (B,).

        Returns:
            The output for `sample_actions`, values (B, 1), and the state before the step, (L, B, H).
        """
        if self.state is None:
            output, values = self.policy(observations)
            return output, values.float(), None
        before = self._state_of(rows)
        output, values, after = self.policy(observations, before, torch.from_numpy(starts).to(self.device))
        if len(rows) == self.num_rows:
            self.state = after
        else:
            index = torch.from_numpy(rows).to(self.device)
            for kept, new in zip(self.state, after, strict=True):
                kept[:, index] = new
        return output, values.float(), before

    def value(self, observations: Tensor, rows: NDArray[np.int64]) -> Tensor:
        """Values what some rows observe, without remembering it; (B,)."""
        if self.state is None:
            values: Tensor = self.policy(observations)[1]
            return values.float().flatten()
        starts = torch.zeros(len(rows), dtype=torch.bool, device=self.device)
        values = self.policy(observations, self._state_of(rows), starts)[1]
        return values.float().flatten()

    def replay(self, batch: Minibatch) -> tuple[Any, Tensor]:
        """Runs the policy on stored steps, with gradients; a recurrent one from the stored state of each row.

        Returns:
            The output and values of M samples, or of B * T, row by row, if the policy is recurrent.
        """
        if isinstance(self.policy, LSTMWrapper):
            assert batch.state is not None and batch.starts is not None
            output, values = self.policy.replay(batch.observations, batch.state, batch.starts)
        else:
            output, values = self.policy(batch.observations)
        return output, values.float()

    def _state_of(self, rows: NDArray[np.int64]) -> State:
        assert self.state is not None
        if len(rows) == self.num_rows:
            return self.state
        index = torch.from_numpy(rows).to(self.device)
        return self.state[0][:, index], self.state[1][:, index]
