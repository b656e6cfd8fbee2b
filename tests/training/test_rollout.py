"""The rollout's storage: each row's results stay with its own choices, in whatever order rows arrive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pufferlib.training.rollout import Rollout

HORIZON, ROWS, UNITS = 3, 4, 2


class Counting:
    """Rows whose n-th observation is 100 * row + n; every number that is stored can be told from that."""

    def __init__(self, lockstep: bool, recurrent: bool = False) -> None:
        """Starts all rows at 0."""
        state = (torch.zeros(1, ROWS, UNITS), torch.zeros(1, ROWS, UNITS)) if recurrent else None
        example = torch.zeros(1, 1, dtype=torch.int32), torch.zeros(1, dtype=torch.int64)
        self.rollout = Rollout(HORIZON, ROWS, *example, state, lockstep, torch.device("cpu"))
        self.recurrent = recurrent
        self.seen = np.zeros(ROWS, np.int64)

    def arrive(self, *rows: int, mask: Any = True, terminals: Any = False, final_values: Any = None) -> None:
        """Lets a batch with these rows arrive."""
        where = np.array(rows)
        ids = 100 * where + self.seen[where]
        ends = np.broadcast_to(np.array(terminals), where.shape)
        present = np.broadcast_to(np.array(mask), where.shape)
        self.rollout.add_results(where, ids - 0.5, ends, ~ends & False, present, final_values)
        numbers = torch.from_numpy(ids).float()
        state = (numbers[None, :, None].repeat(1, 1, UNITS), -numbers[None, :, None].repeat(1, 1, UNITS))
        self.rollout.add_choices(
            where,
            torch.from_numpy(ids)[:, None].int(),
            ends,
            present,
            state if self.recurrent else None,
            torch.from_numpy(ids) + 1000,
            -numbers,
            numbers + 0.25,
        )
        self.seen[where] += 1


@settings(deadline=None)
@given(st.lists(st.permutations(range(ROWS)).flatmap(lambda p: st.integers(1, ROWS).map(lambda n: p[:n])), max_size=40))
def test_rollout__keeps_each_rows_story_together(arrivals: list[list[int]]):
    """However batches are mixed, slot t of a row holds one observation, its choice, and what that led to."""
    counting = Counting(lockstep=False, recurrent=True)
    rollout = counting.rollout
    everyone = [list(range(ROWS))] * (HORIZON + 1)
    for rows in [*arrivals, *everyone]:
        counting.arrive(*rows)
        if rollout.full:
            break

    first = rollout.observations[0, :, 0].clone()
    assert first.tolist() == [0, 100, 200, 300]
    steps = torch.arange(HORIZON + 1)[:, None]
    assert torch.equal(rollout.observations[..., 0], (first + steps).int())
    assert torch.equal(rollout.actions, first + steps + 1000)
    assert torch.equal(rollout.log_probs, -(first + steps).float())
    assert torch.equal(rollout.values, first + steps + 0.25)
    assert np.array_equal(rollout.rewards, (first + steps)[1:].numpy() - 0.5)
    assert rollout.alive.all()
    assert torch.equal(rollout.first_state[0][0, :, 0], first.float())


def test_advance__opens_the_next_rollout_with_the_last_observation():
    """The next rollout continues without a gap: its first slot is the last one's last."""
    counting = Counting(lockstep=True, recurrent=True)
    rollout = counting.rollout
    for _ in range(HORIZON + 1):
        counting.arrive(0, 1, 2, 3)
    assert rollout.full
    rollout.advance()
    assert not rollout.full
    for _ in range(HORIZON):
        counting.arrive(0, 1, 2, 3)

    assert rollout.full
    assert rollout.observations[:, 1, 0].tolist() == [103, 104, 105, 106]
    assert rollout.rewards[:, 1].tolist() == [103.5, 104.5, 105.5]
    assert rollout.first_state[1][0, 1].tolist() == [-103, -103]


def test_advance__a_row_that_ran_ahead_starts_anew():
    """A full row that arrives again doesn't wait: its surplus isn't stored, and its next rollout has no gap inside."""
    counting = Counting(lockstep=False)
    rollout = counting.rollout
    for _ in range(HORIZON + 3):
        counting.arrive(0)
    assert rollout.num_surplus == 2
    for _ in range(HORIZON + 1):
        counting.arrive(1, 2, 3)
    assert rollout.full
    assert rollout.observations[:, 0, 0].tolist() == [0, 1, 2, 3]
    rollout.advance()
    for _ in range(HORIZON):
        counting.arrive(0, 1, 2, 3)
    assert not rollout.full
    counting.arrive(0)

    assert rollout.full
    assert rollout.observations[:, :2, 0].T.tolist() == [[6, 7, 8, 9], [103, 104, 105, 106]]
    assert rollout.rewards[:, 0].tolist() == [6.5, 7.5, 8.5]


@pytest.mark.parametrize("lockstep", [True, False])
def test_alive__leaves_out_choices_that_nobody_took(lockstep: bool):
    """A choice counts where an agent was present and there or ended after it; a dead agent's last look doesn't."""
    counting = Counting(lockstep)
    everyone = (0, 1, 2, 3)
    counting.arrive(*everyone, mask=[True, True, False, True])
    counting.arrive(*everyone, mask=[True, True, True, False], terminals=[False, True, False, True])
    counting.arrive(*everyone, mask=[True, False, True, False])
    counting.arrive(*everyone)

    assert counting.rollout.alive.T.tolist() == [[1, 1, 1], [1, 0, 0], [0, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize("recurrent", [False, True])
def test_minibatches__go_through_living_steps_once(recurrent: bool):
    """All parts together hold every step in which an agent acted, once, each with what belongs to it."""
    counting = Counting(lockstep=True, recurrent=recurrent)
    for mask in (True, [True, True, False, True], True, True):
        counting.arrive(0, 1, 2, 3, mask=mask)
    rollout = counting.rollout
    targets = rollout.observations[:-1, :, 0].float()
    seen: list[float] = []
    for batch in rollout.minibatches(targets * 2, targets * 3, 2):
        actions = batch.actions if batch.alive is None else batch.actions[batch.alive]
        ids = -batch.log_probs
        assert torch.equal(actions - 1000, ids.long())
        assert torch.equal(batch.advantages, ids * 2)
        assert torch.equal(batch.returns, ids * 3)
        assert torch.equal(batch.values, ids + 0.25)
        flat = batch.observations.reshape(-1) if batch.alive is None else batch.observations.reshape(-1)[batch.alive]
        assert torch.equal(flat, ids.int())
        if batch.state is not None:
            assert torch.equal(batch.state[0][0, :, 0], batch.observations[:, 0, 0].float())
        seen += ids.tolist()

    alive = torch.from_numpy(rollout.alive)
    assert sorted(seen) == sorted(targets[alive].tolist())
    assert len(seen) == 4 * 3 - 2


@pytest.mark.parametrize("recurrent", [False, True])
def test_minibatches__of_nobody_are_none(recurrent: bool):
    """A rollout in which no agent acted gives nothing to learn from."""
    counting = Counting(lockstep=True, recurrent=recurrent)
    for _ in range(HORIZON + 1):
        counting.arrive(0, 1, 2, 3, mask=False)
    numbers = torch.zeros(HORIZON, ROWS)

    assert list(counting.rollout.minibatches(numbers, numbers, 2)) == []


def test_add_results__keeps_the_values_of_cut_episodes():
    """A cut episode's last observation is valued in the slot of the action that led to it."""
    counting = Counting(lockstep=False)
    counting.arrive(0, 1, 2, 3)
    counting.arrive(2, 1, final_values=np.array([7.0, 8.0], np.float32))

    assert counting.rollout.final_values[0].tolist() == [0, 8, 7, 0]
