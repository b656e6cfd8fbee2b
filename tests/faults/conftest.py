"""What all tests of faults share: repetition, and a check that nothing is left behind."""

import gc

import pytest

from fault_envs import REPEATS
from processes import count_descriptors, list_children


@pytest.fixture(params=range(REPEATS))
def repeat(request):
    """Repeats a test: once, or as often as PUFFERLIB_FAULT_REPEATS says."""
    return request.param


@pytest.fixture(autouse=True)
def nothing_is_left():
    """After every test there are no more children, zombies or descriptors than before it."""
    gc.collect()
    before = count_descriptors(), sorted(list_children())
    yield
    gc.collect()

    assert (count_descriptors(), sorted(list_children())) == before
