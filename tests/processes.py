"""What the system says of this process and its children: descriptors, memory, processor time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

# What bounds in seconds are multiplied by: more than 1 on a machine whose cores have other work.
PATIENCE = float(os.environ.get("PUFFERLIB_TEST_PATIENCE", "1"))
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def count_descriptors() -> int:
    """Counts the open file descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


def list_children(pid: int | str = "self") -> list[int]:
    """Lists the children of a process, zombies too."""
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, path.read_text().split())
        except OSError:  # the thread has ended
            continue
    return children


def list_descendants(pid: int) -> list[int]:
    """Lists the children of a process, and theirs."""
    children = list_children(pid)
    return children + [grandchild for child in children for grandchild in list_descendants(child)]


def read_state(pid: int) -> str:
    """Gives the letter of a process's state: T is stopped, Z a zombie, X one that doesn't exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return "X"


def is_running(pid: int) -> bool:
    """Says whether a process exists and is no zombie."""
    return read_state(pid) not in "ZX"


def measure_cpu_s(pid: int) -> float:
    """Gives the processor time that a process has used, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def measure_idle_s(measure_s: Callable[[], float], limit_s: float) -> float:
    """Gives the processor time of two seconds, or of two more: in the first a start may still have been under way."""
    for _ in range(2):
        before = measure_s()
        time.sleep(2)
        used_s = measure_s() - before
        if used_s <= limit_s:
            break
    return used_s


def measure_resident_bytes() -> int:
    """Gives the memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition: Callable[[], bool], timeout_s: float) -> float:
    """Waits until something is true, PATIENCE x timeout_s at most; gives how long it took, or fails."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < PATIENCE * timeout_s, "it didn't become true in time"
        time.sleep(0.01)
    return time.monotonic() - start
