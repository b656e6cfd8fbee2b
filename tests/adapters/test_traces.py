"""An adapter's environments leave no trace: nothing stays after `close`, and the process around them is as it was."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from adapter_checks import SLOW_S, play
from processes import count_descriptors, list_children

pytestmark = pytest.mark.timeout(SLOW_S)

# Prints nothing and ends with exit code 0, or names what playing a sample has changed in its process.
GLOBAL_STATE = """
import locale, logging, os, random, signal, sys, warnings
import gymnasium, numpy, pufferlib.emulation, pufferlib.environments, pufferlib.wrappers
from adapter_checks import play

def look():
    state = numpy.random.get_state()
    return {
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "warning filters": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "environment variables": dict(os.environ),
        "numpy's global generator": (state[1].tobytes(), *state[2:]),
        "numpy's error handling": numpy.geterr(),
        "numpy's print options": numpy.get_printoptions(),
        "random's global generator": random.getstate(),
        "working directory": os.getcwd(),
        "sys.dont_write_bytecode": sys.dont_write_bytecode,
        "sys.path": list(sys.path),
        "sys.stdout": (sys.stdout, sys.stderr),
        "sys.excepthook": sys.excepthook,
        "locale": locale.setlocale(locale.LC_ALL),
        "root logger": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "recursion limit": sys.getrecursionlimit(),
    }

def difference(before, after):
    if isinstance(before, dict):
        return {key: (before.get(key), after.get(key)) for key in before | after if before.get(key) != after.get(key)}
    if isinstance(before, list):
        return [item for item in before if item not in after], [item for item in after if item not in before]
    return before, after

numpy.random.seed(1)
random.seed(1)
name, samples = sys.argv[1], pufferlib.environments.load(sys.argv[1]).SAMPLES
changed = []
for sample, options in samples:
    before = look()
    env = pufferlib.environments.make_creator(f"{name}/{sample}", **options)()
    play(env, 30)
    env.close()
    after = look()
    for what in before:
        if before[what] != after[what]:
            changed.append(f"{sample}: {what}: {difference(before[what], after[what])}")
    if any(what.startswith("gym") and sys.modules[what].__name__.startswith("gymnasium")
           for what in sys.modules if what.partition(".")[0] == "gym"):
        changed.append(f"{sample}: sys.modules: gym is still an alias of gymnasium")
print(*(line[:2000] for line in changed), sep="\\n", end="")
sys.stdout.flush()
os._exit(1 if changed else 0)
"""


def test_adapter__changes_nothing_around_it(adapter):
    """Making, resetting and stepping every sample prints nothing and leaves the process's global state alone."""
    tests = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.append({tests!r})\n{GLOBAL_STATE}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, adapter], capture_output=True, text=True, timeout=SLOW_S - 20
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_environment__close_leaves_nothing(creator, monkeypatch, tmp_path):
    """A closed environment leaves no child process, no thread, no open descriptor and no file."""
    here, temporary = tmp_path / "here", tmp_path / "temporary"
    here.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def cycle() -> None:
        env = creator()
        play(env, 40)
        env.close()
        del env
        gc.collect()

    cycle()  # what is opened once and stays: libraries, caches
    before = look()
    cycle()

    assert look() == before
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path not in (here, temporary)] == []


def look() -> dict[str, object]:
    """What the system says of this process."""
    return {
        "children": sorted(list_children()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "tasks": len(list(Path("/proc/self/task").iterdir())),
        "descriptors": count_descriptors(),
    }
