"""The project's files agree with each other: extras, pins, Makefile, scripts, adapters."""

import ast
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from recipes import read_recipes

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


def read_pins() -> dict[str, str]:
    """Reads constraints.txt: {name: version}."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


def read_requirements() -> list[str]:
    """Collects every requirement of the core, of the fixed extras and of the adapters."""
    found = [*PROJECT["project"]["dependencies"]]
    for extra in PROJECT["tool"]["pufferlib"]["extras"].values():
        found += extra
    for recipe in read_recipes(ROOT / "environments").values():
        found += [requirement.line for requirement in recipe.requirements]
    return sorted({line for line in found if not line.startswith("pufferlib[")})


@pytest.mark.parametrize("line", read_requirements())
def test_constraints__pin_a_version_that_the_requirement_allows(line):
    """The tested version of a package lies inside the bounds that are promised."""
    requirement = Requirement(line)
    pin = read_pins().get(canonicalize_name(requirement.name))

    assert pin is not None
    assert requirement.specifier.contains(pin)


def test_constraints__pin_the_torch_that_the_project_is_tested_with():
    """PyTorch is pinned to the version of DESIGN section 8, without a local part such as +cpu."""
    assert read_pins()["torch"] == "2.13.0"
    assert not [name for name, version in read_pins().items() if "+" in version]


@pytest.mark.parametrize("target", TARGETS)
def test_makefile__target_calls_an_executable_script(target):
    """Each target is one line that calls one script, which exists and can be run."""
    block = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    lines = block[1].strip().splitlines()
    script = ROOT / lines[0].strip().lstrip("@").split()[0]

    assert len(lines) == 1
    assert script.is_file() and script.stat().st_mode & stat.S_IXUSR


def test_scripts__work_in_the_environment_that_is_asked_for():
    """$PUFFERLIB_VENV stands in the place of .venv in each of them: in the image there is no .venv."""
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    fixed = [path.name for path in scripts if re.search(r"(?<!:-)\.venv\S*/bin/", path.read_text(encoding="utf-8"))]

    assert len(scripts) > 10
    assert fixed == []


def test_makefile__lists_its_targets_by_default():
    """Plain `make` prints one line per target."""
    done = subprocess.run(["make", "-C", str(ROOT), "-s"], capture_output=True, text=True, check=True)

    assert re.findall(r"^make ([\w-]+) +\w", done.stdout, re.M) == TARGETS


def test_find_python__names_the_package_of_a_missing_venv_module(tmp_path):
    """A python3 without venv, as on a fresh Debian, gets the apt package to install."""
    fake = tmp_path / "python3"
    fake.write_text('#!/bin/sh\ncase "$2" in *sys.version_info*) echo 3.11;; *) exit 1;; esac\n')
    fake.chmod(0o755)
    done = find_python(tmp_path)

    assert done.returncode == 1
    assert "apt-get install python3.11-venv" in done.stderr


def test_find_python__rejects_an_old_interpreter(tmp_path):
    """A Python below 3.11 is passed over, and the message says what is needed."""
    fake = tmp_path / "python3"
    fake.write_text("#!/bin/sh\necho 3.9; exit 1\n")
    fake.chmod(0o755)
    done = find_python(tmp_path)

    assert done.returncode == 1
    assert "No Python 3.11 or newer on PATH" in done.stderr


def test_find_python__takes_the_one_that_is_asked_for():
    """$PYTHON chooses the interpreter."""
    done = find_python(None, PYTHON=sys.executable)

    assert done.stdout.strip() == sys.executable


def test_find_python__refuses_a_wrong_choice():
    """A $PYTHON that isn't one is an error, not a fallback to another."""
    done = find_python(None, PYTHON="/bin/false")

    assert done.returncode == 1
    assert "PYTHON=/bin/false isn't a Python 3.11 or newer" in done.stderr


def find_python(folder: Path | None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs scripts/find-python with nothing but `folder` on PATH."""
    path = str(folder) if folder else os.environ["PATH"]
    line = ["/bin/sh", str(ROOT / "scripts" / "find-python")]
    return subprocess.run(line, capture_output=True, text=True, check=False, env={"PATH": path, **environment})


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("environments/*/*.py")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_adapters__import_only_public_names(path):
    """An adapter is written as a third party would write it: no private module of the library."""
    imported = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]

    private = [name for name in imported if re.match(r"pufferlib\.(?!environments\b).*(^|\.)_", name)]

    assert private == []
