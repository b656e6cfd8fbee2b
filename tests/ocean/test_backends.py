"""The same seeds give the same trajectories on every backend, bit for bit, for every native environment."""

from __future__ import annotations

import os

import pytest

import pufferlib.ocean
from native_play import trajectories

NAMES = pufferlib.ocean.names()
MODES = ("same_step", "next_step", "disabled")
NUM_STEPS = 120
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=MODES)
def mode(request):
    """Each autoreset mode."""
    return request.param


@pytest.mark.parametrize("name", NAMES)
def test_threads__step_as_one(name, mode):
    """Any number of threads, batches of all environments or of a few, split or not: what Serial gives."""
    expected = trajectories(name, NUM_STEPS, autoreset=mode)
    for num_workers in (1, 2, 3, 7):
        found = trajectories(name, NUM_STEPS, autoreset=mode, backend="threads", num_workers=num_workers, worth_us=0)
        assert found == expected, num_workers
    if mode != "disabled":
        for batch_size in (1, 2, 3):
            options = {"backend": "threads", "num_workers": 2, "batch_size": batch_size}
            assert trajectories(name, NUM_STEPS, autoreset=mode, worth_us=0, **options) == expected, batch_size


KINDS = [name for name in ("snake", "mixed", "squared") if name in NAMES]  # several agents, packed actions, a plain one
PROCESSES = [(name, mode) for i, name in enumerate(NAMES) for mode in (MODES if name in KINDS else [MODES[i % 3]])]


@pytest.mark.parametrize(("name", "mode"), PROCESSES)
def test_processes__step_as_one(name, mode):
    """Worker processes, with batches of all environments or of half, give what Serial gives."""
    if os.environ.get("PUFFERLIB_TEST_BACKENDS") == "serial":
        pytest.skip("this run leaves out worker processes")
    expected = trajectories(name, NUM_STEPS, autoreset=mode)
    batch_size = None if mode == "disabled" else 3
    zero_copy = mode != "next_step"  # copied batches are gathered in another order
    options = {"backend": "multi" + "processing", "num_workers": 2, "batch_size": batch_size, "zero_copy": zero_copy}

    assert trajectories(name, NUM_STEPS, autoreset=mode, **options) == expected
