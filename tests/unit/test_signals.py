"""The signals between a driver and its workers, without processes: both sides are threads here."""

import threading
import time

import numpy as np
import pytest

from pufferlib._native import core

pytestmark = pytest.mark.parametrize("use_futex", [True, False])


def make_lines(num_workers, use_futex):
    """Makes zeroed lines that start on a cache line."""
    size = core.signal_size(num_workers)
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    lines = raw[start : start + size]
    assert core.signal_use_futex(lines, use_futex) is use_futex
    return lines


def wait(lines, pending, need=1, cursor=0, group_size=1, timeout_s=0.0, spin_us=0):
    """Waits for groups; gives those that are ready."""
    ready = np.full(need, -1, np.int64)
    found = core.signal_wait(lines, np.array(pending, np.uint8), group_size, need, cursor, ready, spin_us, timeout_s)
    return ready[:found].tolist()


def test_signals__carry_a_command_and_its_status(use_futex):
    """A worker reads the opcode that was sent; the driver reads the status that was answered."""
    lines = make_lines(2, use_futex)
    core.signal_send(lines, 1, 1, 6)

    assert core.signal_status(lines, 1) == (False, 0)
    assert core.signal_next(lines, 1, 0, 1.0) == 6
    core.signal_done(lines, 1, 2)
    assert core.signal_status(lines, 1) == (True, 2)
    assert core.signal_status(lines, 0) == (True, 0)


def test_next__gives_minus_one_after_the_timeout(use_futex):
    """A worker without a command gets -1, not before the timeout."""
    lines = make_lines(1, use_futex)
    start = time.monotonic()

    assert core.signal_next(lines, 0, 10, 0.05) == -1
    assert time.monotonic() - start >= 0.05


def test_wait__gives_what_is_ready_after_the_timeout(use_futex):
    """A driver that waits for more than comes gets fewer groups, not before the timeout."""
    lines = make_lines(2, use_futex)
    core.signal_send(lines, 0, 2, 1)
    core.signal_next(lines, 0, 0, 1.0)
    core.signal_done(lines, 0, 0)
    start = time.monotonic()

    assert wait(lines, [1, 1], need=2, timeout_s=0.05, spin_us=10) == [0]
    assert time.monotonic() - start >= 0.05


def test_wait__begins_at_the_cursor_and_passes_over_what_is_not_pending(use_futex):
    """Ready groups come in ring order from the cursor, so that none starves."""
    lines = make_lines(4, use_futex)

    assert wait(lines, [1, 1, 1, 1], need=3, cursor=2) == [2, 3, 0]
    assert wait(lines, [1, 0, 1, 0], need=2, cursor=1) == [2, 0]
    assert wait(lines, [0, 0, 0, 0], need=1) == []


def test_wait__needs_every_worker_of_a_group(use_futex):
    """A group is ready when all its workers are."""
    lines = make_lines(4, use_futex)
    core.signal_send(lines, 0, 4, 1)
    for worker in (0, 2, 3):
        core.signal_next(lines, worker, 0, 1.0)
        core.signal_done(lines, worker, 0)

    assert wait(lines, [1, 1], group_size=2) == [1]
    assert wait(lines, [1, 1], need=2, group_size=2) == [1]


def serve(lines, worker, spin_us, delay_s=0.0):
    """Does a worker's loop until it hears opcode 9; gives the number of commands by a list."""
    while (opcode := core.signal_next(lines, worker, spin_us, 5.0)) != 9:
        assert opcode == 1
        if delay_s:
            time.sleep(delay_s)
        core.signal_done(lines, worker, 0)
    core.signal_done(lines, worker, 7)


@pytest.mark.parametrize("spin_us", [0, 50])
@pytest.mark.parametrize(("num_workers", "group_size", "need"), [(1, 1, 1), (4, 4, 1), (4, 2, 1), (4, 1, 2)])
def test_signals__lose_no_wakeup(use_futex, num_workers, group_size, need, spin_us):
    """Thousands of round trips: a lost wake-up would take the whole timeout of 5 s once, far over the sum of all."""
    lines = make_lines(num_workers, use_futex)
    threads = [threading.Thread(target=serve, args=(lines, worker, spin_us)) for worker in range(num_workers)]
    for thread in threads:
        thread.start()
    num_groups, rounds = num_workers // group_size, 3000 if use_futex else 100
    pending, ready, cursor = np.ones(num_groups, np.uint8), np.zeros(need, np.int64), 0
    core.signal_send(lines, 0, num_workers, 1)
    slowest = 0.0
    for _ in range(rounds):
        start = time.monotonic()
        assert core.signal_wait(lines, pending, group_size, need, cursor, ready, spin_us, 20.0) == need
        slowest = max(slowest, time.monotonic() - start)
        for group in ready.tolist():
            core.signal_send(lines, group * group_size, group_size, 1)
        cursor = (int(ready[-1]) + 1) % num_groups
    assert (
        core.signal_wait(lines, pending, group_size, num_groups, 0, np.zeros(num_groups, np.int64), 0, 5) == num_groups
    )
    core.signal_send(lines, 0, num_workers, 9)
    for thread in threads:
        thread.join(10)

    assert [core.signal_status(lines, worker) for worker in range(num_workers)] == [(True, 7)] * num_workers
    assert slowest < 4


def test_signals__survive_the_numbers_wrapping_around(use_futex):
    """Command numbers and rings are 32 bits wide; after 2**32 commands they begin at 0 again."""
    lines = make_lines(1, use_futex)
    words = lines.view(np.uint32)
    words[0] = words[2 * 16] = words[3 * 16] = 2**32 - 2  # rings, command, reply
    thread = threading.Thread(target=serve, args=(lines, 0, 0, 0.001))
    thread.start()
    for _ in range(5):
        core.signal_send(lines, 0, 1, 1)
        assert wait(lines, [1], timeout_s=5.0) == [0]
    core.signal_send(lines, 0, 1, 9)
    thread.join(10)

    assert core.signal_status(lines, 0) == (True, 7)


def test_use_futex__is_chosen_by_lines(use_futex):
    """Two pools in one process may differ."""
    one, other = make_lines(1, use_futex), make_lines(1, not use_futex)
    threads = [threading.Thread(target=serve, args=(lines, 0, 0)) for lines in (one, other)]
    for thread in threads:
        thread.start()
    start = time.monotonic()
    for _ in range(20):
        for lines in (one, other):
            core.signal_send(lines, 0, 1, 1)
            assert wait(lines, [1], timeout_s=5.0) == [0]
    took = time.monotonic() - start
    for lines, thread in zip((one, other), threads, strict=True):
        core.signal_send(lines, 0, 1, 9)
        thread.join(10)

    assert took < 4  # one sleep until the worker's own timeout would be 5


@pytest.mark.parametrize(("call", "match"), [
    (lambda lines: core.signal_send(lines, 0, 3, 1), "don't hold 3 workers"),
    (lambda lines: core.signal_send(lines, -1, 2, 1), "must be >= 0"),
    (lambda lines: core.signal_next(lines, -1, 0, 1.0), "don't hold"),
    (lambda lines: core.signal_status(lines, 2), "don't hold 3 workers"),
    (lambda lines: core.signal_done(lines[:-1], 1, 0), "don't hold 2 workers"),
    (lambda lines: core.signal_done(lines[1:], 0, 0), "64-byte line"),
    (lambda lines: core.signal_done(lines[::2], 0, 0), "contiguous"),
    (lambda lines: core.signal_done(b"bytes", 0, 0), "contiguous uint8 array"),
    (lambda lines: wait(lines, [1, 1], group_size=2), "don't hold 4 workers"),
    (lambda lines: wait(lines, [1, 1], need=0), "all counts positive"),
    (lambda lines: wait(lines, [1, 1], cursor=-1), "all counts positive"),
    (lambda lines: wait(lines, []), "all counts positive"),
])  # fmt: skip
def test_signals__refuse_wrong_memory_and_counts(use_futex, call, match):
    """Nothing outside the lines is ever touched."""
    with pytest.raises(ValueError, match=match):
        call(make_lines(2, use_futex))


@pytest.mark.parametrize("name", ["size", "use_futex", "send", "next", "done", "status", "wait"])
def test_signals__refuse_a_wrong_number_of_arguments(use_futex, name):
    """Each function says how many arguments it takes."""
    with pytest.raises(TypeError, match=f"signal_{name}.. takes"):
        getattr(core, f"signal_{name}")(1, 2, 3, 4, 5, 6, 7, 8, 9)
