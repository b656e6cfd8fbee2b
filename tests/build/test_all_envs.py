"""`make test-all-envs`: what counts as a failure, that nothing is left running, and what it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import all_envs
import all_envs_report
from processes import is_running, wait_until

ROOT = Path(__file__).resolve().parents[2]
MEASURED = {
    "environment": "maze/Maze-v0",
    "observation": "(4,) float32",
    "action": "Discrete(2)",
    "agents": 1,
    "raw_steps_per_s": 123456.7,
    "serial_steps_per_s": 100000.0,
    "overhead_us": 1.26,
    "overhead_percent": 15.4,
    "memory_mb": 0.25,
    "versions": {"maze": "1.0", "walls": "2"},
}


@pytest.fixture
def job(tmp_path):
    """An adapter whose tests have just ended."""
    return all_envs.Job("maze", tmp_path, state="testing", limit_s=60)


def write_xml(job, *cases):
    """Writes what pytest would: one test for each of (name, child element)."""
    body = "".join(f'<testcase name="{name}">{child}</testcase>' for name, child in cases)
    (job.logs / f"{job.adapter}.xml").write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")


def test_tests__passed_and_declared_are_fine(job):
    """A test that an adapter's declared deviation leaves out is counted, and isn't a problem."""
    declared = "<skipped type='pytest.skip' message='declared deviation, seed: it has a clock'/>"
    write_xml(job, ("one", ""), ("two", declared))
    all_envs.read_tests(job, 0)

    assert (job.num_passed, job.num_deviations, job.problems) == (1, 1, [])


@pytest.mark.parametrize(
    ("child", "problem"),
    [
        ("<failure message='no'/>", "two failed"),
        ("<error message='no'/>", "two failed"),
        ("<skipped message='could not import maze'/>", "two was left out: could not import maze"),
        ("<skipped message='a declared deviation'/>", "two was left out"),
    ],
)
def test_tests__everything_else_is_a_problem(job, child, problem):
    """Failures and errors, and tests that are left out for a reason that isn't a declared deviation."""
    write_xml(job, ("one", ""), ("two", child))
    all_envs.read_tests(job, 1)

    assert job.problems and job.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("code", "problem"),
    [(-11, "pytest ended with signal SIGSEGV"), (4, "exit code 4"), (None, "longer than 60 s"), (0, "exit code 0")],
)
def test_tests__a_crash_and_a_timeout_are_problems(job, code, problem):
    """A process that leaves no results failed, however it ended."""
    all_envs.read_tests(job, code)

    assert problem in job.problems[0]


def test_tests__no_test_is_a_problem(job):
    """An empty suite hasn't shown anything."""
    write_xml(job)
    all_envs.read_tests(job, 0)

    assert job.problems == ["there was no test"]


def test_measurement__takes_the_last_line(job):
    """What a package prints stands before; a failed measurement is a problem."""
    (job.logs / "maze.json").write_text("hello from maze\n" + json.dumps(MEASURED) + "\n")
    all_envs.read_measurement(job, 0)
    assert job.measured == MEASURED
    all_envs.read_measurement(job, 1)
    assert job.problems == ["the measurement failed: exit code 1"]


@pytest.fixture
def jobs(monkeypatch, tmp_path):
    """Three adapters whose tests are small programs: one that passes, one that crashes, one that hangs."""
    passes = f"""open('{tmp_path}/good.xml', 'w').write('<t><testcase name="one"/></t>')"""
    programs = {"good": passes, "crash": "import os; os.abort()", "hang": "import time; time.sleep(600)"}
    monkeypatch.setattr(all_envs, "test_command", lambda job: [sys.executable, "-c", programs[job.adapter]])
    monkeypatch.setattr(all_envs, "TEST_LIMIT_S", 3.0)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "adapter.py").write_text(f"print('noise'); print({json.dumps(MEASURED)!r})")
    monkeypatch.setattr(all_envs, "ROOT", tmp_path)
    return [all_envs.Job(name, tmp_path) for name in programs]


def test_run__tells_the_good_from_the_bad(jobs, capsys):
    """Each adapter ends for itself, and without a terminal each change is a line."""
    with all_envs_report.Screen(time.monotonic()) as screen:
        all_envs.run(jobs, screen, num_slots=2)
    printed = capsys.readouterr().out

    assert [job.state for job in jobs] == ["passed", "failed", "failed"]
    assert jobs[0].measured == MEASURED
    assert jobs[1].problems == ["pytest ended with signal SIGABRT"]
    assert jobs[2].problems == ["the tests took longer than 3 s"]
    assert [line.split()[2:4] for line in printed.splitlines() if " good " in line] == [
        ["good", "testing"],
        ["good", "measuring"],
        ["good", "passed"],
    ]
    assert "123,457" in printed


def test_run__an_interruption_leaves_no_process(tmp_path):
    """Ctrl-C ends the adapters' processes and what they started, too."""
    (tmp_path / "hang.py").write_text(
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    program = (
        "import pathlib, signal, sys, all_envs\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"all_envs.test_command = lambda job: [sys.executable, {str(tmp_path / 'hang.py')!r}]\n"
        "sys.exit(all_envs.main(['toy_text']))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    wait_until(lambda: pid.exists() and bool(pid.read_text()), timeout_s=60)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Interrupted. Logs: " in printed
    wait_until(lambda: not is_running(int(pid.read_text())), timeout_s=10)


def test_docs__table_stands_between_its_marks(job, tmp_path):
    """The page keeps its prose; the JSON holds everything; a failed adapter has a row, too."""
    page = tmp_path / "environments.md"
    page.write_text("Before.\n<!-- table: begin -->\nold\n<!-- table: end -->\nAfter.\n")
    job.state, job.measured, job.num_passed = "passed", MEASURED, 50
    bad = all_envs.Job("walls", tmp_path, state="failed", problems=["one failed"])
    all_envs_report.write_docs([job, bad], 90.0, tmp_path)
    text = page.read_text()

    assert text.startswith("Before.\n<!-- table: begin -->\n| environment |")
    assert text.endswith("<!-- table: end -->\nAfter.\n")
    assert "old" not in text
    assert "| maze/Maze-v0 | maze 1.0 | (4,) float32 | Discrete(2) | 1 | 123,457 | 100,000 | 1.3 us, 15.4 % |" in text
    assert "% | 0.2 | 50 | passed |" in text
    assert "| walls |" in text and "**failed**" in text
    rows = json.loads((tmp_path / "environments.json").read_text())["environments"]
    assert rows[0]["versions"] == {"maze": "1.0", "walls": "2"}
    assert rows[1]["problems"] == ["one failed"]


def test_order__longest_first_and_new_ones_before_all(monkeypatch, tmp_path):
    """What took long the last time starts early; what has never run may take long."""
    monkeypatch.setattr(all_envs, "JSON", tmp_path / "environments.json")
    assert all_envs.order(["a", "b", "c"]) == ["a", "b", "c"]
    rows = [{"adapter": "a", "seconds": 3.0}, {"adapter": "c", "seconds": 9.0}]
    (tmp_path / "environments.json").write_text(json.dumps({"environments": rows}))
    assert all_envs.order(["a", "b", "c"]) == ["b", "c", "a"]


def test_main__unknown_adapter_is_wrong_usage(capsys):
    """A misspelt adapter runs nothing."""
    assert all_envs.main(["toytext"]) == 2
    assert "There is no adapter 'toytext'. There are " in capsys.readouterr().err
