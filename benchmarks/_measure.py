"""Fair timing on a shared machine: CPU time, everything that is compared runs in turns, and medians are compared."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
TITLE = """\
# Benchmark results

Ratios within one table are comparable; absolute times belong to the machine named below it.
"""


@dataclass(frozen=True)
class Timing:
    """What one contender needed for a call."""

    rounds_ns: tuple[float, ...]  # mean of each round, in the order of the rounds

    @property
    def median_ns(self) -> float:
        """The median over all rounds."""
        return statistics.median(self.rounds_ns)

    def ratio(self, other: Timing) -> float:
        """Median of the ratios round by round: both sides of each ratio ran within the same moment."""
        return statistics.median(a / b for a, b in zip(self.rounds_ns, other.rounds_ns, strict=True))

    def difference_ns(self, other: Timing) -> float:
        """Median of the differences round by round."""
        return statistics.median(a - b for a, b in zip(self.rounds_ns, other.rounds_ns, strict=True))


def alternate(
    contenders: Mapping[str, Callable[[int], None]], num_rounds: int = 9, round_s: float = 0.05
) -> dict[str, Timing]:
    """Times contenders in turns, A B C A B C, so that a slow moment of the machine hits all of them.

    Args:
        contenders: name -> function that does its work as often as it is told.
        num_rounds: turns that each contender gets.
        round_s: about how long one turn lasts.
    """
    counts = {name: _calibrate(work, round_s) for name, work in contenders.items()}
    rounds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(num_rounds):
        for name, work in contenders.items():
            start = time.process_time_ns()
            work(counts[name])
            rounds[name].append((time.process_time_ns() - start) / counts[name])
    return {name: Timing(tuple(times)) for name, times in rounds.items()}


def _calibrate(work: Callable[[int], None], round_s: float) -> int:
    """Finds how many calls fill a turn; also warms caches up."""
    count = 1
    while True:
        start = time.process_time_ns()
        work(count)
        elapsed_s = (time.process_time_ns() - start) / 1e9
        if elapsed_s >= round_s / 4:
            return max(1, round(count * round_s / elapsed_s))
        count *= 4


def describe_machine(*packages: str) -> str:
    """One line that says what the numbers were taken on."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [
        model.group(1).strip() if model else platform.processor() or platform.machine(),
        f"{cores} usable cores, shared, load {os.getloadavg()[0]:.1f}",
        f"{platform.system()}, Python {platform.python_version()}",
        *(f"{package} {version(package)}" for package in packages),
        f"commit {commit()}",
        time.strftime("%Y-%m-%d", time.gmtime()),
    ]
    return "; ".join(parts) + "."


def commit() -> str:
    """The commit of this checkout, marked if files other than results differ from it, or "unknown" outside one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    done = subprocess.run([*git, "describe", "--always"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ":/", ":!RESULTS.md", ":!results"], check=False)
    return (done.stdout.strip() + "-dirty" * (changed.returncode == 1)) or "unknown"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes a Markdown table: text to the left, numbers to the right."""
    rule = ["---" if column == 0 else "---:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows]) + "\n"


def write_section(name: str, text: str, path: Path = RESULTS) -> None:
    """Replaces one benchmark's section of the results, or appends it."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = path.read_text() if path.exists() else TITLE
    section = f"{begin}\n{text.strip()}\n{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new = pattern.sub(lambda _: section, old) if pattern.search(old) else f"{old.rstrip()}\n\n{section}\n"
    path.write_text(new)
