"""Runs the adapter suite on every adapter and measures each one: `python scripts/all_envs.py [ADAPTER...]`.

Each adapter is tested and then measured in processes of its own with a time limit, as many adapters at a time as there
are cores. A failed test, a test that was left out for another reason than a declared deviation, a crash and a timeout
all fail the adapter. A run over all adapters writes docs/environments.md and docs/environments.json.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from all_envs_report import Screen, write_docs

ROOT = Path(__file__).resolve().parent.parent
JSON = ROOT / "docs" / "environments.json"
SUITE = ("test_files", "test_contract", "test_seeds", "test_policies", "test_traces")
DECLARED = re.compile(r"(Skipped: )?declared deviation, \w+: ")
TEST_LIMIT_S, MEASURE_LIMIT_S = 1500.0, 240.0
INTERRUPTED = 130


@dataclass
class Job:
    """One adapter on its way: waiting, testing, measuring, passed or failed."""

    adapter: str
    logs: Path
    state: str = "waiting"
    num_passed: int = 0
    num_deviations: int = 0  # tests that are left out because the adapter declares a deviation
    problems: list[str] = field(default_factory=list)
    measured: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    limit_s: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether nothing more happens."""
        return self.state in ("passed", "failed")

    @property
    def log(self) -> Path:
        """Where the output of the tests goes."""
        return self.logs / f"{self.adapter}.log"

    def start(self, state: str, command: list[str], limit_s: float, output: Path) -> None:
        """Starts a process of the adapter's own, in a process group of its own."""
        environment = os.environ | {
            "PUFFERLIB_TEST_ADAPTERS": self.adapter,
            "OMP_NUM_THREADS": "1",
            "SDL_VIDEODRIVER": "dummy",
            "SDL_AUDIODRIVER": "dummy",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.state, self.limit_s, self.started = state, limit_s, time.monotonic()
        with output.open("wb") as file, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file if output != self.log else log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Ends whatever is left of the adapter's process group."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None


def advance(job: Job) -> None:
    """Takes an adapter one state further if its process has ended or has taken too long."""
    if job.state == "waiting":
        job.start("testing", test_command(job), TEST_LIMIT_S, job.log)
        return
    assert job.process is not None
    code = job.process.poll()
    took_s = time.monotonic() - job.started
    if code is None and took_s < job.limit_s:
        return
    job.stop()
    job.seconds += took_s
    if job.state == "testing":
        read_tests(job, code)
        path = job.logs / f"{job.adapter}.json"
        command = [sys.executable, "benchmarks/adapter.py", job.adapter]
        if job.num_passed:
            job.start("measuring", command, MEASURE_LIMIT_S, path)
            return
    else:
        read_measurement(job, code)
    job.state = "failed" if job.problems else "passed"


def test_command(job: Job) -> list[str]:
    """The call of pytest for one adapter."""
    files = [f"tests/adapters/{name}.py" for name in SUITE]
    options = [
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "--durations=10",
        f"--junitxml={job.logs}/{job.adapter}.xml",
    ]
    return [sys.executable, "-m", "pytest", "-q", *options, *files, f"environments/{job.adapter}"]


def read_tests(job: Job, code: int | None) -> None:
    """Reads what the tests of an adapter came to."""
    path = job.logs / f"{job.adapter}.xml"
    if code is None:
        job.problems.append(f"the tests took longer than {job.limit_s:.0f} s")
    elif code not in (0, 1) or not path.is_file():
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        job.problems.append(f"pytest ended with {how}")
    if not path.is_file():
        return
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            job.problems.append(f"{case.get('name')} failed")
        elif skipped is None:
            job.num_passed += 1
        elif DECLARED.match(skipped.get("message", "")):
            job.num_deviations += 1
        else:
            job.problems.append(f"{case.get('name')} was left out: {skipped.get('message')}")
    if not job.num_passed and not job.problems:
        job.problems.append("there was no test")


def read_measurement(job: Job, code: int | None) -> None:
    """Reads what the measurement of an adapter came to."""
    if code != 0:
        how = f"longer than {job.limit_s:.0f} s" if code is None else f"exit code {code}"
        job.problems.append(f"the measurement failed: {how}")
        return
    # What a package prints stands before the one line of ours.
    lines = (job.logs / f"{job.adapter}.json").read_text(errors="replace").strip().splitlines()
    job.measured = json.loads(lines[-1])


def run(jobs: list[Job], screen: Screen, num_slots: int) -> None:
    """Runs all jobs, `num_slots` at a time; whatever happens, no process is left."""
    try:
        while not all(job.is_done for job in jobs):
            active = [job for job in jobs if job.process is not None]
            waiting = [job for job in jobs if job.state == "waiting"]
            for job in active + waiting[: num_slots - len(active)]:
                advance(job)
            screen.show(jobs)
            time.sleep(0.2)
    finally:
        for job in jobs:
            job.stop()


def order(adapters: list[str]) -> list[str]:
    """Puts those first that took the longest the last time, so that no core idles at the end."""
    try:
        rows = json.loads(JSON.read_text(encoding="utf-8"))["environments"]
    except (OSError, ValueError, KeyError):
        return adapters
    seconds = {row["adapter"]: row["seconds"] for row in rows}
    return sorted(adapters, key=lambda name: -seconds.get(name, float("inf")))


def main(names: list[str]) -> int:
    """Runs the suite; gives the exit code."""
    from pufferlib.vector._cores import count_usable_cores

    adapters = sorted(path.parent.name for path in ROOT.glob("environments/*/environment.py"))
    for name in names:
        if name not in adapters:
            print(f"There is no adapter {name!r}. There are {', '.join(adapters)}.", file=sys.stderr)
            return 2
    logs = Path(tempfile.mkdtemp(prefix="pufferlib-envs-"))
    jobs = [Job(adapter, logs) for adapter in order(names or adapters)]
    cores, started = count_usable_cores(), time.monotonic()
    print(f"{len(jobs)} adapters, {cores} at a time; logs: {logs}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Screen(started) as screen:
            run(jobs, screen, cores)
    except KeyboardInterrupt:
        print(f"Interrupted. Logs: {logs}")
        return INTERRUPTED
    jobs.sort(key=lambda job: job.adapter)
    failed = [job for job in jobs if job.problems]
    for job in failed:
        print(f"\n{job.adapter}: {job.log}")
        print("\n".join(f"  {problem}" for problem in job.problems[:20]))
    seconds = time.monotonic() - started
    if not names:
        write_docs(jobs, seconds, ROOT / "docs")
    passed, left_out = sum(job.num_passed for job in jobs), sum(job.num_deviations for job in jobs)
    problems = sum(len(job.problems) for job in jobs)
    print("\nTests, the skipped ones by declared deviations:")
    print(f"{passed} passed, {problems} failed, {left_out} skipped in {seconds:.1f}s")  # as pytest says it
    print("Adapters:")
    print(f"{len(jobs) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
