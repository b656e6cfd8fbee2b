"""What happened since the last update: storage with a write pointer for every row.

Rows needn't move together: each batch may hold any of them, so asynchronous environments fill their rows at their own
pace. A rollout is full when every row has T steps and the observation after them, whose value the advantages need.
That last observation, and the action already chosen for it, open the next rollout. A row that is received again before
the others are full doesn't wait: its surplus steps are played but not stored, and it starts the next rollout anew.

Shapes: T steps, N rows, B rows in a batch, L layers and H units of a recurrent policy's state. Arrays are time-major.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pufferlib.training.advantage import compute_advantages

State: TypeAlias = tuple[Tensor, Tensor]  # an LSTM's h and c, (L, N, H) each
Rows: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Minibatch:
    """A part of a rollout to learn from; M samples.

    A recurrent policy gets whole rows in order, observations (B, T, ...): `alive` then picks the M samples in which an
    agent acted out of the B * T that it returns.
    """

    observations: Tensor
    starts: Tensor | None  # (B, T)
    state: State | None  # before the first step, (L, B, H)
    alive: Tensor | None  # (B * T,)
    actions: Tensor  # (B * T or M, ...)
    log_probs: Tensor  # (M,), as this and the rest
    values: Tensor
    advantages: Tensor
    returns: Tensor


class Rollout:
    """The storage. Observations, actions and what the network said live on its device, the rest on the CPU."""

    def __init__(
        self,
        horizon: int,
        num_rows: int,
        observation: Tensor,
        action: Tensor,
        state: State | None,
        lockstep: bool,
        device: torch.device,
    ) -> None:
        """Allocates everything once.

        Args:
            horizon: T.
            num_rows: N.
            observation: a batch of observations; its dtype and the shape of its rows are kept.
            action: a batch of actions, likewise.
            state: the recurrent state of all rows, or None.
            lockstep: every batch holds all rows, in order: then nothing needs an index per row.
            device: of the network.
        """
        slots = (horizon + 1, num_rows)
        self.horizon, self.num_rows, self.lockstep = horizon, num_rows, lockstep
        self.observations = torch.zeros(*slots, *observation.shape[1:], dtype=observation.dtype, device=device)
        self.actions = torch.zeros(*slots, *action.shape[1:], dtype=action.dtype, device=device)
        self.log_probs = torch.zeros(slots, device=device)
        self.values = torch.zeros(slots, device=device)
        # The same memory as arrays where NumPy reaches it: its assignments cost a tenth of PyTorch's.
        self._tensors = (self.observations, self.actions, self.log_probs, self.values)
        self._arrays = [tensor.numpy() for tensor in self._tensors] if device.type == "cpu" else None
        self.starts = np.zeros(slots, bool)
        self.present = np.zeros(slots, bool)
        self.rewards = np.zeros((horizon, num_rows), np.float32)
        self.final_values = np.zeros((horizon, num_rows), np.float32)
        self.terminals = np.zeros((horizon, num_rows), bool)
        self.truncations = np.zeros((horizon, num_rows), bool)
        self.alive = np.zeros((horizon, num_rows), bool)
        self.first_state, self.last_state = (
            None if state is None else (torch.zeros_like(state[0]), torch.zeros_like(state[1])) for _ in range(2)
        )
        self.num_surplus = 0  # steps that were played but not stored
        self.restart()

    def restart(self) -> None:
        """Forgets everything, as when the environments were reset."""
        self._written = np.zeros(self.num_rows, np.int64)  # observations of each row
        self._surplus = np.zeros(self.num_rows, bool)

    @property
    def full(self) -> bool:
        """Whether every row has T steps and the observation after them."""
        if self.lockstep:
            return int(self._written[0]) > self.horizon
        return bool((self._written > self.horizon).all())

    def add_results(
        self,
        rows: Rows,
        rewards: NDArray[Any],
        terminals: Flags,
        truncations: Flags,
        mask: Flags,
        final_values: NDArray[np.float32] | None,
    ) -> None:
        """Stores what the last action of each row led to.

        Args:
            rows: which rows came, (B,).
            rewards: already scaled, (B,).
            terminals: (B,).
            truncations: (B,).
            mask: the row holds an agent, (B,).
            final_values: the value of the last observation of rows that were cut, (B,); None if none was.
        """
        if self.lockstep:
            at: Any = int(self._written[0]) - 1
            if not 0 <= at < self.horizon:
                return
            keep: Any = slice(None)
        else:
            steps = self._written[rows] - 1
            self._surplus[rows[steps == self.horizon]] = True
            self.num_surplus += int((steps == self.horizon).sum())
            keep = (steps >= 0) & (steps < self.horizon)
            at = (steps[keep], rows[keep])
        self.rewards[at] = rewards[keep]
        self.terminals[at] = terminals[keep]
        self.truncations[at] = truncations[keep]
        # An action counts if an agent was there to choose it and there or ended after it: an agent that ended is shown
        # once more with its last observation, but what it does then is ignored.
        self.alive[at] = self.present[at] & (mask | terminals | truncations)[keep]
        if final_values is not None:
            self.final_values[at] = final_values[keep]

    def add_choices(
        self,
        rows: Rows,
        observations: Tensor,
        starts: Flags,
        mask: Flags,
        state: State | None,
        actions: Tensor,
        log_probs: Tensor,
        values: Tensor,
    ) -> None:
        """Stores what each row observed and what the policy chose.

        Args:
            rows: which rows came, (B,).
            observations: (B, ...).
            starts: the observation is the first of an episode, (B,).
            mask: the row holds an agent, (B,).
            state: the recurrent state of these rows before they observed, (L, B, H).
            actions: (B, ...).
            log_probs: (B,).
            values: (B,).
        """
        if self.lockstep:
            at: Any = int(self._written[0])
            on_device: Any = at
            keep: Any = slice(None)
            self._keep_state(rows, state, at)
        else:
            steps = self._written[rows]
            if (steps > self.horizon).any():
                stored = steps <= self.horizon
                rows, steps, starts, mask = rows[stored], steps[stored], starts[stored], mask[stored]
                keep = torch.from_numpy(stored).to(observations.device)
            else:
                keep = slice(None)
            at = (steps, rows)
            on_device = tuple(torch.from_numpy(index).to(observations.device) for index in at)
            for step in (0, self.horizon):
                which = steps == step
                if state is not None and which.any():
                    self._keep_state(rows[which], (state[0][:, keep][:, which], state[1][:, keep][:, which]), step)
        seen = (observations, actions, log_probs, values)
        if self._arrays is not None:
            keep = keep.numpy() if isinstance(keep, Tensor) else keep
            for array, tensor in zip(self._arrays, seen, strict=True):
                array[at] = tensor.numpy()[keep]
        else:
            for kept, tensor in zip(self._tensors, seen, strict=True):
                kept[on_device] = tensor[keep]
        self.starts[at] = starts
        self.present[at] = mask
        if self.lockstep:
            self._written += 1
        else:
            self._written[rows] += 1

    def _keep_state(self, rows: Rows, state: State | None, step: int) -> None:
        """Keeps the recurrent state from which a rollout starts."""
        kept = {0: self.first_state, self.horizon: self.last_state}.get(step)
        if state is None or kept is None:
            return
        for ours, theirs in zip(kept, state, strict=True):
            ours[:, torch.from_numpy(rows)] = theirs

    def advance(self) -> None:
        """Moves the last observation of each row to the front: the next rollout starts with it."""
        for tensor in self._tensors:
            tensor[0] = tensor[-1]
        for array in (self.starts, self.present):
            array[0] = array[-1]
        if self.first_state is not None and self.last_state is not None:
            for first, last in zip(self.first_state, self.last_state, strict=True):
                first.copy_(last)
        self._written[:] = np.where(self._surplus, 0, 1)
        self._surplus[:] = False
        self.num_surplus = 0

    def compute_returns(self, gamma: float, gae_lambda: float) -> tuple[Tensor, Tensor]:
        """Computes advantages and the critic's targets, (T, N) each, on the network's device."""
        values = self.values.cpu().numpy()
        advantages = compute_advantages(
            self.rewards, values, self.final_values, self.terminals, self.truncations, self.alive, gamma, gae_lambda
        )
        device = self.values.device
        return torch.from_numpy(advantages).to(device), torch.from_numpy(advantages + values[:-1]).to(device)

    def minibatches(self, advantages: Tensor, returns: Tensor, count: int) -> Iterator[Minibatch]:
        """Goes through the steps in which agents acted, once, in random order, in `count` parts.

        A recurrent policy's rows stay whole: it needs at least `count` of them.
        """
        if self.first_state is None:
            yield from self._minibatches_of_steps(advantages, returns, count)
        else:
            yield from self._minibatches_of_rows(advantages, returns, count, self.first_state)

    def _minibatches_of_steps(self, advantages: Tensor, returns: Tensor, count: int) -> Iterator[Minibatch]:
        device = self.values.device
        alive = np.flatnonzero(self.alive)
        order = torch.from_numpy(alive)[torch.randperm(len(alive))].to(device)
        observations = self.observations.flatten(0, 1)
        flat = [tensor.flatten(0, 1) for tensor in (self.actions, self.log_probs, self.values)]
        flat += [advantages.flatten(), returns.flatten()]
        # Small columns are shuffled as a whole, observations part by part: a copy of all may not fit in memory.
        columns = [tensor.index_select(0, order).tensor_split(count) for tensor in flat]
        for part, *of_part in zip(order.tensor_split(count), *columns, strict=True):
            if len(part):
                yield Minibatch(observations.index_select(0, part), None, None, None, *of_part)

    def _minibatches_of_rows(
        self, advantages: Tensor, returns: Tensor, count: int, first_state: State
    ) -> Iterator[Minibatch]:
        device = self.values.device
        starts = torch.from_numpy(self.starts[:-1]).to(device)
        all_alive = torch.from_numpy(self.alive).to(device)
        for rows in torch.randperm(self.num_rows).to(device).tensor_split(count):
            alive = all_alive[:, rows].T.flatten()
            if not self.alive[:, rows.cpu().numpy()].any():
                continue
            columns = [tensor[: self.horizon, rows].T.flatten()[alive] for tensor in (self.log_probs, self.values)]
            columns += [tensor[:, rows].T.flatten()[alive] for tensor in (advantages, returns)]
            yield Minibatch(
                self.observations[:-1, rows].transpose(0, 1),
                starts[:, rows].T,
                (first_state[0][:, rows], first_state[1][:, rows]),
                alive,
                self.actions[:-1, rows].transpose(0, 1).flatten(0, 1),
                *columns,
            )
