"""The backend of threads: when they work, when they sleep, and how they end."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import gymnasium
import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from processes import measure_idle_s
from pufferlib.exceptions import InvalidVectorOption, VectorStateError


def make(num_envs=64, **options):
    """A pool of threads that splits every batch."""
    options = {"num_workers": 3, "worth_us": 0, **options}
    creator = pufferlib.ocean.env_creator("squared")
    return pufferlib.vector.make(creator, num_envs=num_envs, backend="threads", **options)


def count_threads():
    """How many threads of pools there are."""
    return sum(thread.name.startswith("pufferlib-") for thread in threading.enumerate())


def test_threads__are_as_many_as_asked_for():
    """The caller is one of them where it steps too, and no share is smaller than an environment."""
    before = count_threads()
    for num_envs, num_workers, batch_size, expected in (
        (8, 3, None, 2),
        (8, 1, None, 0),
        (8, 3, 4, 3),
        (2, 7, None, 2),
    ):
        with make(num_envs, num_workers=num_workers, batch_size=batch_size):
            assert count_threads() - before == expected
    assert count_threads() == before


def test_threads__need_not_share_evenly():
    """The number of threads is free: 10 environments in 3 threads."""
    with make(10) as pool:
        pool.reset(seed=1)
        for _ in range(50):
            pool.step(np.zeros(10, np.int64))


@pytest.mark.parametrize("batch_size", [None, 16])
def test_threads__close_in_every_state(batch_size):
    """New, ready, stepping or closed already: `close` ends the threads, and a closed pool says so."""
    before = count_threads()
    for num_calls in range(4):
        pool = make(batch_size=batch_size)
        calls = [pool.async_reset, pool.recv, lambda pool=pool: pool.send(np.zeros(pool.agents_per_batch, np.int64))]
        for call in calls[:num_calls]:
            call()
        pool.close()
        pool.close()
        assert count_threads() == before
        with pytest.raises(VectorStateError, match="closed"):
            pool.recv()


def test_threads__end_with_their_pool():
    """A pool that is forgotten rather than closed takes its threads with it."""
    before = count_threads()
    pool = make()
    pool.reset()
    del pool
    gc.collect()

    assert count_threads() == before


@pytest.mark.parametrize("use_futex", [True, False])
def test_threads__rest_while_nothing_is_to_do(use_futex):
    """Idle threads, and a caller that does something else, cost no processor time worth mentioning."""
    with make(num_workers=5, use_futex=use_futex) as pool:
        pool.reset()
        pool.step(np.zeros(64, np.int64))
        time.sleep(0.1)
        spent_s = measure_idle_s(time.process_time, 0.1)

    assert spent_s <= 0.1


@pytest.mark.parametrize("state", ["pool.reset()", "pool.send(pool.action_space.sample())", "pass"])
def test_interpreter__ends_with_an_open_pool(state):
    """A script may end without closing its pool, in any state, and its exit code is its own."""
    code = (
        "import pufferlib.ocean, pufferlib.vector\n"
        "pool = pufferlib.vector.make(pufferlib.ocean.env_creator('squared'), num_envs=64, backend='threads',\n"
        "                             num_workers=3, worth_us=0)\n"
        f"pool.reset()\n{state}\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork__child_steps_and_closes_alone():
    """A forked child has no threads: it steps in its own, and what it closes is still open in its parent."""
    with make() as pool:
        pool.reset(seed=1)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                pool.step(np.zeros(64, np.int64))
                pool.close()
                status = 0
            finally:
                os._exit(status)
        deadline = time.monotonic() + 30
        while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        if ended[0] == 0:
            os.kill(pid, 9)
        assert ended[0] == pid
        assert os.waitstatus_to_exitcode(ended[1]) == 0
        pool.step(np.zeros(64, np.int64))


def test_threads__take_native_environments_only():
    """An environment in Python is refused, with what to use instead."""
    with pytest.raises(InvalidVectorOption, match="hold the GIL.*backend='multiprocessing'"):
        pufferlib.vector.make(lambda: gymnasium.make("CartPole-v1"), num_envs=2, backend="threads")


@pytest.mark.parametrize("worth_us", [-1, "20", None, True, float("nan")])
def test_worth_us__is_a_time(worth_us):
    """What isn't a number from 0 on is refused."""
    with pytest.raises(InvalidVectorOption, match="worth_us"):
        make(worth_us=worth_us)


def test_threads__small_batches_stay_with_the_caller():
    """Eight squares cost a microsecond: no job is ever posted."""
    with make(8, worth_us=1e9) as pool:
        pool.reset()
        for _ in range(3000):
            pool.step(np.zeros(8, np.int64))
        assert not pool._jobs.any()


def test_threads__large_batches_are_split():
    """What costs more than the limit goes to the threads, once that was measured."""
    with make(4096, worth_us=1.0) as pool:
        pool.reset()
        for _ in range(20):
            pool.step(np.zeros(4096, np.int64))
        assert pool._jobs[:, :, 1].any()
