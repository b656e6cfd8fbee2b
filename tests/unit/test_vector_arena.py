"""The arena: one block, aligned arrays, one writer a row."""

import pickle

import gymnasium
import numpy as np
import pytest

from pufferlib.spaces import Emulated, compile_action_layout, compile_layout
from pufferlib.vector._arena import ALIGNMENT_BYTES, Arena, ArenaSpec

ARRAYS = (
    "observations", "final_observations", "actions", "rewards", "terminals", "truncations", "mask", "episode_over"
)  # fmt: skip


def plan(num_envs=3, num_slots=2, space=None):
    """Plans an arena for a small space."""
    observation = space or gymnasium.spaces.Box(0, 255, (5, 3), np.uint8)
    action = gymnasium.spaces.MultiDiscrete([3, 4])
    return ArenaSpec.plan(num_envs, num_slots, Emulated(compile_layout(observation), compile_action_layout(action)))


def test_arena__arrays_have_rows_for_every_slot():
    """N = E*A rows, except one flag an environment."""
    arena = Arena.allocate(plan())

    assert arena.observations.shape == arena.final_observations.shape == (6, 5, 3)
    assert (arena.actions.shape, arena.actions.dtype) == ((6, 2), np.int64)
    assert (arena.rewards.shape, arena.rewards.dtype) == ((6,), np.float64)
    assert arena.terminals.dtype == arena.truncations.dtype == arena.mask.dtype == np.bool_
    assert arena.episode_over.shape == (3,)


@pytest.mark.parametrize("num_envs", [1, 3, 65])
def test_arena__every_array_starts_on_its_own_line(num_envs):
    """No two arrays share a cache line, and nothing reaches past the end."""
    arena = Arena.allocate(plan(num_envs))
    start = arena.block.ctypes.data
    spans = sorted((getattr(arena, name).ctypes.data - start, getattr(arena, name).nbytes) for name in ARRAYS)

    assert start % ALIGNMENT_BYTES == 0
    assert all(offset % ALIGNMENT_BYTES == 0 for offset, _ in spans)
    assert all(a + size <= b for (a, size), (b, _) in zip(spans, spans[1:], strict=False))
    assert spans[-1][0] + spans[-1][1] <= arena.spec.size_bytes == arena.block.nbytes


def test_arena__rows_of_environments_do_not_overlap():
    """Each environment writes its own rows and all rows belong to one."""
    arena = Arena.allocate(plan())
    for index in range(3):
        buffers = arena.buffers(index)
        buffers.rewards += index + 1
        buffers.observations += index + 1
        buffers.mask[:] = True

    assert arena.rewards.tolist() == [1, 1, 2, 2, 3, 3]
    assert arena.observations[:, 0, 0].tolist() == [1, 1, 2, 2, 3, 3]
    assert arena.mask.all()


def test_arena__spec_rebuilds_the_views_elsewhere():
    """A pickled spec and the same bytes give the same arrays: what a worker does."""
    arena = Arena.allocate(plan())
    other = Arena(pickle.loads(pickle.dumps(arena.spec)), arena.block)
    other.rewards[4] = 7
    other.actions[5] = [1, 2]

    assert arena.rewards[4] == 7
    assert arena.actions[5].tolist() == [1, 2]


def test_arena__takes_observations_without_bytes():
    """An empty Dict has rows of no bytes; the arena still has a row for each."""
    arena = Arena.allocate(plan(space=gymnasium.spaces.Dict({})))

    assert len(arena.observations) == 6
