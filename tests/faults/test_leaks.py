"""What pools cost over time: descriptors, processes, memory, and processor time while nothing is asked of them."""

import gc
import os
import time

import numpy as np
import pytest

import pufferlib.vector
from fault_envs import IS_SANITIZED, REPEATS, Faulty
from processes import count_descriptors, list_children, measure_cpu_s, measure_idle_s, measure_resident_bytes

NUM_CYCLES = 100 if REPEATS > 1 else 15


@pytest.mark.timeout(300)
def test_pools__leave_nothing_behind():
    """After many open/close cycles: the same descriptors and processes, and less than 5 MB more memory."""

    def cycle(num_cycles):
        for index in range(num_cycles):
            with pufferlib.vector.make(Faulty, num_envs=4, num_workers=2, backend="multiprocessing") as envs:
                envs.reset(seed=index)
                for _ in range(12):
                    envs.step(np.ones(4, int))
        gc.collect()

    cycle(3)  # what is allocated once
    before = count_descriptors(), len(list_children()), measure_resident_bytes()
    cycle(NUM_CYCLES)

    assert (count_descriptors(), len(list_children())) == before[:2]
    assert measure_resident_bytes() - before[2] < 5e6 or IS_SANITIZED


@pytest.mark.parametrize(("use_futex", "limit_s"), [(True, 0.05), (False, 0.2)])
@pytest.mark.parametrize("state", ["new", "ready", "done"])
def test_workers__use_no_processor_time_while_the_driver_does_something_else(state, use_futex, limit_s):
    """Over two seconds, in which a learner would train, all four workers together use at most some hundredths."""
    with pufferlib.vector.make(
        Faulty, num_envs=4, num_workers=4, backend="multiprocessing", use_futex=use_futex
    ) as envs:
        if state != "new":
            envs.reset()
        if state == "done":
            envs.send(np.ones(4, int))
            time.sleep(0.1)
        pids = [process.process.pid for process in envs._crew.processes]
        used_s = measure_idle_s(lambda: sum(measure_cpu_s(pid) for pid in pids), limit_s)

    print(f"4 idle workers used {used_s:.2f} s of processor time in 2 s")  # with `pytest -s`
    assert used_s <= limit_s


def test_driver__uses_no_processor_time_while_it_waits():
    """A driver whose workers are busy sleeps."""

    class Slow(Faulty):
        def step(self, action):
            time.sleep(1)
            return super().step(action)

    with pufferlib.vector.make(Slow, num_envs=2, num_workers=2, backend="multiprocessing") as envs:
        envs.reset()
        before = measure_cpu_s(os.getpid())
        envs.step([0, 0])

        assert measure_cpu_s(os.getpid()) - before <= 0.05
