"""How a build finds its C compiler and its Python.h."""

import os
import sys
from pathlib import Path

import pytest

import build_backend
import c_compiler


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    """A machine without any C compiler: nothing on PATH, no $CC."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def make_program(path: Path, script: str) -> Path:
    """Writes an executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_find_system_compiler__is_none_on_an_empty_path(no_compiler):
    """Where PATH holds no compiler, none is found."""
    assert c_compiler.find_system_compiler() is None


def test_find_system_compiler__rejects_one_that_cannot_compile(no_compiler):
    """A `cc` that fails, as one without a libc's headers does, counts as no compiler."""
    make_program(no_compiler / "cc", "exit 1")

    assert c_compiler.find_system_compiler() is None


def test_find_system_compiler__goes_on_to_the_next_name(no_compiler):
    """A broken `cc` doesn't hide a working `gcc`."""
    make_program(no_compiler / "cc", "exit 1")
    make_program(no_compiler / "gcc", 'while [ "$1" != -o ]; do shift; done; : > "$2"')

    assert c_compiler.find_system_compiler() == ["gcc"]


def test_find_system_compiler__takes_cc_from_the_environment(no_compiler, monkeypatch):
    """$CC may name a command with options; nothing else is tried then."""
    program = make_program(
        no_compiler / "my cc", '[ "$1" = -m64 ] || exit 1; while [ "$1" != -o ]; do shift; done; : > "$2"'
    )
    monkeypatch.setenv("CC", f"'{program}' -m64")

    assert c_compiler.find_system_compiler() == [str(program), "-m64"]


def test_find_compiler__falls_back_to_ziglang(no_compiler, monkeypatch):
    """Without a system compiler the one of the PyPI package builds, for any processor of the architecture."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "ziglang")

    assert c_compiler.find_compiler() == [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]


def test_find_compiler__says_what_to_do_where_there_is_nothing(no_compiler, monkeypatch):
    """Neither compiler nor ziglang: the message names the command that works."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(SystemExit, match="Build with `pip install .`"):
        c_compiler.find_compiler()


@pytest.mark.parametrize("hook", ["get_requires_for_build_wheel", "get_requires_for_build_editable"])
def test_build_backend__asks_for_ziglang_only_where_nothing_compiles(hook, monkeypatch):
    """The 100 MB compiler is downloaded on no machine that has one."""
    monkeypatch.setattr(build_backend.build_meta, hook, lambda settings: ["other"])

    monkeypatch.setattr(build_backend, "find_system_compiler", lambda: ["cc"])
    with_compiler = getattr(build_backend, hook)()
    monkeypatch.setattr(build_backend, "find_system_compiler", lambda: None)
    without_compiler = getattr(build_backend, hook)()

    assert with_compiler == ["other"]
    assert without_compiler == ["other", build_backend.ZIG]


def test_find_include_dirs__can_be_forced_to_the_standin(monkeypatch):
    """PUFFERLIB_PYTHON_H=standin hides the interpreter's own header."""
    monkeypatch.setenv("PUFFERLIB_PYTHON_H", "standin")

    folders = c_compiler.find_include_dirs()

    assert folders == [str(c_compiler.STANDIN)]
    assert os.path.isfile(os.path.join(folders[0], "Python.h"))


def test_find_include_dirs__uses_the_standin_where_there_is_no_header(monkeypatch, tmp_path):
    """Debian's python3 comes without Python.h: then the stand-in is used."""
    monkeypatch.delenv("PUFFERLIB_PYTHON_H", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))

    assert c_compiler.find_include_dirs() == [str(c_compiler.STANDIN)]
