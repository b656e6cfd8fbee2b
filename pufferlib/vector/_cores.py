"""How many processor cores, and how much memory, this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path


def count_usable_cores(root: Path = Path("/")) -> int:
    """Counts the cores that affinity and the control group's quota leave to this process, at least 1.

    Args:
        root: where /proc and /sys are found; only tests give another one.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = read_quota(root)
    return max(1, count if quota is None else min(count, math.ceil(quota)))


def read_quota(root: Path = Path("/")) -> float | None:
    """The smallest quota, in cores, of this process's control groups and those above them (versions 2 and 1)."""
    quotas = []
    for folder in _cgroup_folders(root, "cpu"):
        text = (
            _read(folder / "cpu.max") or f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
        )
        quota, _, period = text.strip().partition(" ")
        if quota.strip().isdigit() and period.strip().isdigit():
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def find_memory_limit(root: Path = Path("/")) -> int | None:
    """The smallest limit on memory, in bytes, of this process's control groups and those above them."""
    limits = []
    for folder in _cgroup_folders(root, "memory"):
        text = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if text.strip().isdigit():
            limits.append(int(text))
    return min(limits, default=None)


def _cgroup_folders(root: Path, kind: str) -> list[Path]:
    folders = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and kind not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / (kind if controllers else "")
        group = base / path.lstrip("/")
        while group != base and base in group.parents:
            folders.append(group)
            group = group.parent
        folders.append(base)
    return folders


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
