"""How many cores a process may use: affinity, and quotas of control groups of both versions."""

import os

import pytest

from pufferlib.vector._cores import count_usable_cores, find_memory_limit


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Makes a system with 16 cores and the files given, and counts."""

    def count(files, affinity=16):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(affinity)), raising=False)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return count_usable_cores(tmp_path)

    return count


def test_cores__without_quota_are_those_of_the_affinity(system):
    """No control groups, or none with a quota, leave the affinity."""
    assert system({}, affinity=5) == 5
    assert system({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, affinity=3) == 3


@pytest.mark.parametrize(("quota", "cores"), [("200000", 2), ("150000", 2), ("50000", 1), ("9900000", 16)])
def test_cores__are_limited_by_the_quota(system, quota, cores):
    """A quota of 1.5 cores counts as two, of half a core as one; more than there are changes nothing."""
    files = {"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": f"{quota} 100000\n"}

    assert system(files) == cores


def test_cores__are_limited_by_groups_above(system):
    """The smallest quota on the way to the root counts."""
    files = {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
        "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
    }

    assert system(files) == 3


def test_cores__are_limited_by_groups_of_version_1(system):
    """There the quota and the period have files of their own; -1 is no quota."""
    files = {
        "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/x\n",
        "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "400000\n",
        "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    }

    assert system(files) == 4


def test_cores__are_those_of_the_machine_where_there_is_no_affinity(system, monkeypatch, tmp_path):
    """Some systems can't tell the affinity."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)

    assert count_usable_cores(tmp_path) == 7


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/a/b\n", {"a/memory.max": "4096\n", "a/b/memory.max": "max\n"}, 4096),
        ("5:memory:/a\n4:cpu:/b\n", {"memory/a/memory.limit_in_bytes": "8192\n", "cpu/b/memory.max": "1"}, 8192),
        ("0::/\n", {}, None),
    ],
)
def test_memory__limit_is_the_smallest_on_the_way_to_the_root(tmp_path, groups, files, limit):
    """Control groups of both versions; `max` is no limit."""
    for name, text in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert find_memory_limit(tmp_path) == limit
