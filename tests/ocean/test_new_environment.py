"""Follows docs/new_environment.md: its files, in a copy of the checkout, become an environment that a policy learns."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "new_environment.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)).splitlines()
(SAMPLE,) = re.findall(r"^```python\n# a sample\n(.*?)^```$", PAGE, re.M | re.S)
(PRINTED,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.M | re.S)
(TABLE,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)

# A second virtual environment takes minutes: `make` does what it does with the packages of this one.
MAKE = """\
#!/bin/sh
set -eu
case $1 in
install) exec {python} setup.py --quiet build_ext --inplace ;;
test) shift; eval "set -- ${{1#ARGS=}}"; exec {python} -m pytest -q -p no:cacheprovider "$@" ;;
train) env=${{2#ENV=}}; eval "set -- ${{3#ARGS=}}"; exec {python} -m pufferlib.cli train "$env" "$@" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """A copy of what an environment is built from."""
    for name in ("pufferlib", "environments", "scripts", "tests"):
        ignored = shutil.ignore_patterns("*.so", "__pycache__", Path(__file__).name)
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "pufferlib" / "environments").symlink_to(tmp_path / "environments")  # as the installed package has it
    (tmp_path / "bin").mkdir()
    make = tmp_path / "bin" / "make"
    make.write_text(MAKE.format(python=sys.executable))
    make.chmod(0o755)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_walk__ends_with_a_trained_policy(checkout):
    """The files that are printed compile, pass the shared suite, and are learned with the commands that are printed."""
    assert {Path(name).name for name in FILES} == {"line.c", "line.py", "test_line.py"}
    for name, text in FILES.items():
        (checkout / name).write_text(text, encoding="utf-8")
    environ = os.environ | {
        "PATH": f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "PYTEST_ADDOPTS": "-p no:randomly",
        "PUFFERLIB_TEST_BACKENDS": "serial",
    }

    def run(command, **options):
        done = subprocess.run(
            command, cwd=checkout, env=environ, capture_output=True, text=True, timeout=600, check=False, **options
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout

    install, test, train = COMMANDS
    run(install, shell=True)
    assert run([sys.executable, "-W", "error", "-c", SAMPLE]) == PRINTED
    printed = run(test, shell=True)
    assert int(re.search(r"(\d+) passed", printed)[1]) > 10
    trained = run(train, shell=True)
    assert float(re.search(r"Mean return: (\S+)", trained)[1]) > 0.95, trained


def test_walk__is_in_the_house_style(tmp_path):
    """What readers copy passes the linter, and its config table names options that exist."""
    config = pytest.importorskip("pufferlib.training.config")
    for name, text in FILES.items():
        if name.endswith(".py"):
            path = tmp_path / Path(name).name
            path.write_text(text, encoding="utf-8")
            for options in (["check"], ["format", "--check"]):
                command = [sys.executable, "-m", "ruff", *options, "--config", str(ROOT / "pyproject.toml"), str(path)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
                assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "config.toml").write_text(textwrap.dedent(TABLE))

    assert tomllib.loads(TABLE)["env"]["line"]["ppo"]["total_steps"] == 100_000
    assert config.load(tmp_path / "config.toml", env_name="line").ppo.total_steps == 100_000
