"""Other people's trainers take the sanity suite: the examples run as printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["sanity_cleanrl", "sanity_sb3"])
def test_example__solves_a_task_and_says_what_it_has_no_means_for(name: str):
    """The bandit is learned; a task that needs a memory is reported as not supported, which is no failure."""
    pytest.importorskip("stable_baselines3")
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), "memory", "bandit"]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=580, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )

    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert first.startswith("memory: not supported (")
    assert second.startswith("bandit: ") and second.endswith(", solved")
