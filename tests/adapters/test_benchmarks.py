"""The benchmarks run; how fast anything is isn't tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pufferlib.ocean

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    """Runs a benchmark as a user would and returns what it prints."""
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_emulation__writes_its_section_and_keeps_the_others(tmp_path):
    """Results are written between two marks; what stands around them stays."""
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n\n<!-- emulation: begin -->\noutdated\n<!-- emulation: end -->\n\nMore.\n")
    options = ["--rounds", "1", "--round-s", "0.0001", "--cold", "2", "--output", str(path)]
    printed = run("benchmarks/emulation.py", *options)

    text = path.read_text()
    assert text.startswith("# Results\n\n<!-- emulation: begin -->\n## Emulation\n")
    assert text.endswith("<!-- emulation: end -->\n\nMore.\n")
    assert "outdated" not in text
    assert "NetHack-like Dict of 10 leaves | 17,016 |" in printed
    assert printed.strip() in text


def test_environments__prints_a_row_for_each():
    """One environment gives one row, with the number of its agents."""
    printed = run("benchmarks/environments.py", "CartPole-v1", "--rounds", "1", "--round-s", "0.001")

    assert "| CartPole-v1 | 1 | (4,) |" in printed


def test_vector__writes_a_row_for_each_case(tmp_path):
    """A case gives one row in its group's table and one a contender below, under its own marks."""
    path = tmp_path / "RESULTS.md"
    options = ["--case", "20 us, 64 B", "--peers", "ours", "--rounds", "1", "--round-s", "0.001"]
    run("benchmarks/vector.py", *options, "--output", str(path))

    text = path.read_text()
    assert "<!-- vector: begin -->" in text
    assert "\n| 20 us, 64 B; 8 envs, 2 workers | " in text
    assert "\n| Multiprocessing, 2 workers | " in text
    assert "### Losses\n\nNone." in text


def test_vector__a_case_measured_again_is_merged(tmp_path):
    """A run of one case replaces its numbers and leaves those of the others, in the tables and in the JSON file."""
    options = ["--peers", "ours", "--rounds", "1", "--round-s", "0.001", "--output", str(tmp_path / "RESULTS.md")]
    for case in ("20 us", "0 us, 64 B; 64", "20 us"):
        run("benchmarks/vector.py", "--case", case, *options)

    text = (tmp_path / "RESULTS.md").read_text()
    titles = ["20 us, 64 B; 8 envs, 2 workers", "0 us, 64 B; 64 envs, 2 workers"]
    assert [text.count(f"\n**{title}** (load ") for title in titles] == [1, 1]
    saved = json.loads((tmp_path / "results" / "vector.json").read_text())
    assert list(saved) == titles
    assert len(saved[titles[0]]["turns"]["Serial"]) == 1


def test_vector__a_peer_that_fails_is_told_of(tmp_path):
    """What can't run is a row that says why, and the other contenders are measured."""
    path = tmp_path / "RESULTS.md"
    options = ["--case", "1 agents", "--peers", "ours", "broken", "--rounds", "1", "--round-s", "0.001"]
    program = f"""
import sys
sys.path.insert(0, "benchmarks")
import _vector_cases
import vector
vector.GROUPS["Many agents"][0].contenders[0].__dict__["script"] = "broken"
_vector_cases.NAMES["broken", "loop"] = "a broken one"
sys.argv = ["vector.py", *{[*options, "--output", str(path)]!r}]
vector.main()
"""
    run("-c", program)

    text = path.read_text()
    assert "| a broken one | failed: it ended |" in text
    assert "\n| Serial | " in text


def test_ocean__has_a_row_for_each_size_and_environment(tmp_path):
    """One size fills one row of the first table; every environment of this build has one in the second."""
    path = tmp_path / "RESULTS.md"
    options = ["--rows", "64", "--scripts", "ours", "--rounds", "1", "--round-s", "0.001"]
    run("benchmarks/ocean.py", *options, "--output", str(path))

    text = path.read_text()
    assert "\n| 64 | " in text
    assert all(f"\n| ocean/{name} | " in text for name in pufferlib.ocean.names())
    assert "failed" not in text


def test_ppo__tells_speed_and_shares(tmp_path):
    """Our own trainer's rows are there without any peer, with where the time goes."""
    path = tmp_path / "RESULTS.md"
    options = ["--envs", "8", "--scripts", "ppo_ours", "--rounds", "1", "--round-s", "0.001"]
    run("benchmarks/ppo.py", *options, "--output", str(path))

    text = path.read_text()
    assert "\n| ours, ocean/cartpole | " in text
    assert text.count("| < 15% |") == 1
