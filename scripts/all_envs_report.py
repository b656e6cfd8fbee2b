"""What `make test-all-envs` shows while it runs, and the pages that it writes."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from all_envs import Job

COLORS = {"waiting": "dim", "testing": "yellow", "measuring": "cyan", "passed": "green", "failed": "bold red"}
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


class Screen(AbstractContextManager["Screen"]):
    """A table that lives in a terminal; elsewhere a line for each adapter that starts or ends."""

    def __init__(self, started: float) -> None:
        """Takes when the run started, of the monotonic clock."""
        self.started = started
        self._said: dict[str, str] = {}
        self._live: Any = None
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(auto_refresh=False)

    def __enter__(self) -> Screen:
        """Takes the terminal."""
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the terminal back; the table stays."""
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def show(self, jobs: Sequence[Job]) -> None:
        """Shows how far the adapters are."""
        if self._live is not None:
            self._live.update(self._table(jobs), refresh=True)
            return
        for job in jobs:
            if self._said.get(job.adapter, "waiting") != job.state:
                self._said[job.adapter] = job.state
                line = " ".join(f"{cell:>10}" for cell in cells(job)[2:]) if job.is_done else ""
                seconds = time.monotonic() - self.started
                print(f"{seconds:6.0f} s  {job.adapter:<16} {job.state:<10} {line}".rstrip(), flush=True)

    def _table(self, jobs: Sequence[Job]) -> Any:
        from rich.table import Table

        table = Table(title=f"{time.monotonic() - self.started:.0f} s", title_justify="left")
        for index, name in enumerate(("adapter", "state", "tests", "s", "raw steps/s", "Serial", "overhead", "MB")):
            table.add_column(name, justify="right" if index > 1 else "left")
        for job in jobs:
            table.add_row(*cells(job), style=COLORS[job.state])
        return table


def cells(job: Job) -> list[str]:
    """Writes one adapter's row of the live table."""
    seconds = job.seconds + (time.monotonic() - job.started if job.process is not None else 0)
    tests = f"{job.num_passed}" if job.num_passed else ""
    row = [job.adapter, job.state, tests, f"{seconds:.0f} s" if job.state != "waiting" else ""]
    if not job.measured:
        return [*row, "", "", "", ""]
    m = job.measured
    return [
        *row,
        f"{m['raw_steps_per_s']:,.0f}",
        f"{m['serial_steps_per_s']:,.0f}",
        f"{m['overhead_us']:.1f} us",
        f"{m['memory_mb']:.0f} MB",
    ]


def write_docs(jobs: Sequence[Job], seconds: float, folder: Path) -> None:
    """Writes the table into docs/environments.md, between its marks, and all of it into docs/environments.json."""
    rows = [
        {
            "adapter": job.adapter,
            "result": job.state,
            "tests": job.num_passed,
            "declared_deviations": job.num_deviations,
            "seconds": round(job.seconds, 1),
            "problems": job.problems,
            **{key: round(value, 3) if isinstance(value, float) else value for key, value in job.measured.items()},
        }
        for job in jobs
    ]
    machine = describe_machine()
    data = {"machine": machine, "seconds": round(seconds), "environments": rows}
    (folder / "environments.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    path = folder / "environments.md"
    text = path.read_text(encoding="utf-8")
    table = f"{BEGIN}\n{markdown(rows)}\n\n{len(rows)} adapters in {seconds / 60:.0f} min on {machine}.\n{END}"
    path.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: table, text, flags=re.DOTALL), encoding="utf-8")


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Writes the table."""
    header = ["environment", "version", "observation", "action", "agents", "raw steps/s", "Serial steps/s"]
    header += ["overhead", "MB", "tests", "result"]
    lines = [header, ["---"] * 4 + ["---:"] * 6 + ["---"]]
    for row in rows:
        result = row["result"] if row["result"] == "passed" else f"**{row['result']}**"
        if "raw_steps_per_s" not in row:
            lines.append([row["adapter"], *[""] * 8, str(row["tests"]), result])
            continue
        package, number = next(iter(row["versions"].items()), ("", ""))
        lines.append(
            [
                row["environment"],
                f"{package} {number}",
                row["observation"],
                row["action"],
                str(row["agents"]),
                f"{row['raw_steps_per_s']:,.0f}",
                f"{row['serial_steps_per_s']:,.0f}",
                f"{row['overhead_us']:.1f} us, {row['overhead_percent']:.1f} %",
                f"{row['memory_mb']:.1f}",
                str(row["tests"]),
                result,
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def describe_machine() -> str:
    """Says what the numbers were taken on."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    name = model[1].strip() if model else platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{name}, {cores} usable cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d', time.gmtime())}"
    )
