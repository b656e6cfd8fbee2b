"""`puffer install`: the calls of pip in their order, what it refuses before it starts, and what it says of apt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pufferlib import _install
from pufferlib.cli import main
from pufferlib.environments._recipes import read_recipes
from pufferlib.exceptions import InstallError

CONSTRAINTS = ["constraints.txt"]


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Three adapters: a plain one, one with stale pins, and one that is built against what is there."""
    files = {
        "plain/requirements.txt": "maze==1.0\nwalls>=2\n",
        "stale/requirements.txt": "dungeon==3.0\nwalls>=2\n",
        "stale/recipe.toml": 'python = "==3.11.*"\n[dungeon]\nno_deps = true\n',
        "stale/apt.txt": "libmaze1 | libmaze1t64  # run: the game links to it\n",
        "built/requirements.txt": "castle==2.1\nscipy\n",
        "built/recipe.toml": "[castle]\nno_deps = true\nno_build_isolation = true\n"
        "ignore_requires_python = true\nextra = false\n",
        "built/apt.txt": "gcc  # build: it is C\n",
        "drawn/requirements.txt": "paint\n",
        "drawn/apt.txt": "libpaint  # render: frames\n",
    }
    for name, text in files.items():
        path = tmp_path / "environments" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(_install, "FOLDER", tmp_path / "environments")
    monkeypatch.setattr(sys, "version_info", (3, 11, 7, "final", 0))
    return tmp_path


@pytest.fixture
def pip(monkeypatch):
    """Collects the calls of pip and of apt-get instead of making them; dpkg-query is real."""
    calls = []
    run = subprocess.run

    def fake(command, **options):
        if Path(command[0]).name == "dpkg-query":
            return run(command, **options)
        calls.append(list(command))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(_install.subprocess, "run", fake)
    return calls


@pytest.fixture
def dpkg(monkeypatch, tmp_path):
    """Puts a dpkg-query on PATH that knows the packages which are written into the file that this returns."""
    installed = tmp_path / "installed"
    installed.touch()
    tool = tmp_path / "bin" / "dpkg-query"
    tool.parent.mkdir()
    tool.write_text(
        "#!/bin/sh\nshift 3\nfor name; do\n"
        f'  if grep -qx "$name" {installed}; then echo "$name ii "; else echo "not found: $name" >&2; fi\n'
        "done\nexit 1\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent) + os.pathsep + "/usr/bin" + os.pathsep + "/bin")
    return installed


def packages(command):
    """The requirements at the end of a call of pip, and its own flags before them."""
    words = command[command.index("install") + 1 :]
    flags = [word for word in words if word.startswith("--no-") or word == "--ignore-requires-python"]
    lines = [
        word for index, word in enumerate(words) if not word.startswith("-") and words[index - 1] != "--constraint"
    ]
    return flags, lines


def test_plan__one_resolve_then_the_others_in_their_order(folder):
    """Everything clean goes into one call; then what has stale pins; last what is built against the rest."""
    recipes = read_recipes(folder / "environments").values()
    steps = [packages(step.command) for step in _install.plan(recipes, CONSTRAINTS)]

    assert steps == [
        ([], ["scipy", "paint", "maze==1.0", "walls>=2", "setuptools", "wheel", "cython", "numpy"]),
        (["--no-deps"], ["dungeon==3.0"]),
        (["--no-build-isolation", "--no-deps", "--ignore-requires-python"], ["castle==2.1"]),
    ]


def test_plan__constraints_and_nothing_else_reach_pip(folder):
    """Each call has the constraints; indexes and wheel folders come from pip's own configuration."""
    for step in _install.plan(read_recipes(folder / "environments").values(), ["a.txt", "b.txt"]):
        words = list(step.command)
        assert words[:4] == [sys.executable, "-m", "pip", "install"]
        assert [words[i + 1] for i, word in enumerate(words) if word == "--constraint"] == ["a.txt", "b.txt"]
        assert not [word for word in words if "index" in word or "find-links" in word or "host" in word]


def test_install__plain_adapter_is_one_call(folder, pip, capsys):
    """Without flags there is one call of pip, and it ends with what is there and what to do next."""
    assert main(["install", "plain"]) == 0
    printed = capsys.readouterr().out

    assert [packages(call)[1] for call in pip] == [["maze==1.0", "walls>=2"]]
    assert "[1/1] pip install maze==1.0, walls>=2" in printed
    assert printed.splitlines()[-1].startswith("Next: puffer ")


def test_install__says_whose_complaints_are_no_problem(folder, pip, capsys):
    """Packages with stale pins make pip complain whenever it runs; the last lines name them."""
    assert main(["install", "all", "--no-apt"]) == 0

    assert "needs of castle, dungeon is no problem" in capsys.readouterr().out


def test_install__dry_run_prints_what_it_would_run(folder, pip, dpkg, capsys):
    """All commands are printed, apt's first, and none is run."""
    assert main(["install", "stale", "built", "--dry-run", "-c", "mine.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert pip == []
    assert "apt-get install --no-install-recommends gcc libmaze1" in lines[0]
    assert [line.split()[-1] for line in lines[2:]] == ["dungeon==3.0", "castle==2.1"]
    assert all("--constraint mine.txt" in line for line in lines[1:])


def test_install__missing_apt_packages_stop_it_before_pip(folder, pip, dpkg, capsys):
    """The exact command is printed with the reasons, the exit code is 1, and pip hasn't run."""
    assert main(["install", "stale", "built"]) == 1
    error = capsys.readouterr().err

    assert "apt-get install --no-install-recommends gcc libmaze1 " in error
    assert "libmaze1 (the game links to it)" in error
    assert pip == []


def test_install__any_of_the_names_of_an_apt_package_will_do(folder, pip, dpkg):
    """Ubuntu renamed some packages; the new name counts, too."""
    dpkg.write_text("libmaze1t64\ngcc\n")

    assert main(["install", "stale", "built"]) == 0
    assert len(pip) == 3


def test_install__rendering_is_no_reason_to_stop(folder, pip, dpkg, capsys):
    """What is only missing for frames is a warning."""
    assert main(["install", "drawn"]) == 0

    assert "Rendering needs more: " in capsys.readouterr().err
    assert len(pip) == 1


def test_install__apt_installs_first(folder, pip, dpkg, monkeypatch):
    """With --apt the missing packages are installed before pip runs; root needs no sudo, others do."""
    for user, prefix in ((0, []), (1000, ["sudo", "-n"])):
        pip.clear()
        monkeypatch.setattr(_install.os, "geteuid", lambda user=user: user)
        assert main(["install", "drawn", "stale", "--apt"]) == 0
        assert pip[0][: len(prefix) + 3] == [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        assert pip[0][-2:] == ["libpaint", "libmaze1"]
        assert len(pip) == 3


def test_install__no_apt_looks_at_nothing(folder, pip, dpkg):
    """--no-apt is for those who have the libraries from elsewhere."""
    assert main(["install", "built", "--no-apt"]) == 0


def test_install__without_dpkg_it_says_what_to_look_for(folder, pip, monkeypatch, capsys):
    """On other systems the Debian names are listed, and it goes on."""
    monkeypatch.setenv("PATH", "/nowhere")

    assert main(["install", "stale"]) == 0
    assert "libmaze1                 the game links to it" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "nearest"), [("stal", "stale"), ("Plain", "plain"), ("built/Castle-v0", "built")])
def test_install__unknown_name_is_answered_with_near_ones(folder, pip, capsys, name, nearest):
    """A wrong name stops it before anything is installed, and the nearest right one is said."""
    assert main(["install", "plain", name]) == 1

    assert f"Did you mean {nearest}" in capsys.readouterr().err
    assert pip == []


def test_install__wrong_python_stops_it_first(folder, pip, monkeypatch, capsys):
    """Where a package has no files for this Python, nothing is installed, also not for other adapters."""
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    assert main(["install", "all"]) == 1

    error = capsys.readouterr().err
    assert error.startswith("puffer: Installing stale: there are no packages for Python 3.12. Use Python ==3.11.*")
    assert pip == []
    assert main(["install", "plain"]) == 0


def test_install__a_failed_pip_is_an_error_with_the_command(folder, monkeypatch):
    """The later calls aren't made, and what failed can be run again by hand."""
    calls = []

    def fail(command, **options):
        calls.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(_install.subprocess, "run", fail)
    with pytest.raises(InstallError, match=r"pip failed, see above. Again: .* -m pip install .*maze==1.0"):
        _install.install(["plain"])

    assert len(calls) == 1


def test_install__without_pip_says_how_to_get_it(folder, monkeypatch, capsys):
    """Environments that uv has made come without pip."""
    monkeypatch.setattr(_install.importlib.util, "find_spec", lambda name: None)

    assert main(["install", "plain"]) == 1
    assert "this Python has no pip. Run: " in capsys.readouterr().err


def test_install__wrong_usage_is_2(capsys):
    """Without a name the usage is shown."""
    assert main(["install"]) == 2
    assert "usage: puffer install" in capsys.readouterr().err
