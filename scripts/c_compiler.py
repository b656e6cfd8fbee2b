"""Finds the C compiler and the Python header that the extension is built with.

The compiler is `$CC`, else `cc`, `gcc` or `clang` from PATH, else the one in the PyPI package `ziglang`. The header is
the interpreter's own `Python.h`, else the stand-in of `pufferlib/_native/standin` (Debian's and Ubuntu's python3 come
without one). `PUFFERLIB_PYTHON_H=standin` forces the stand-in, so that CI can build both ways on one machine.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

FLAGS = [
    "-std=c11",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
]
STANDIN = Path(__file__).resolve().parent.parent / "pufferlib" / "_native" / "standin"

# What a compiler must be able to do: C11 with a libc's headers, linked to a shared object.
PROBE = """
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
int probe(void) { return 0; }
"""


def find_compiler() -> list[str]:
    """Gives the command of a working C compiler.

    Returns:
        The command's words, such as `["cc"]` or `[python, "-m", "ziglang", "cc", ...]`.

    Raises:
        SystemExit: there is none; the text says how to get one.
    """
    command = find_system_compiler()
    if command:
        return command
    if importlib.util.find_spec("ziglang"):
        # Without -mcpu, zig compiles for the very processor it runs on: such a wheel would crash on older machines.
        return [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]
    raise SystemExit(
        "pufferlib: there is no working C compiler (tried $CC, cc, gcc, clang) and the package ziglang isn't "
        "installed. Build with `pip install .`, which fetches it, or install a compiler."
    )


def find_system_compiler() -> list[str] | None:
    """Gives the command of the machine's own C compiler, or None where there is none that works."""
    asked = os.environ.get("CC")
    for command in [shlex.split(asked)] if asked else [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]) and _works(command):
            return command
    return None


def find_include_dirs() -> list[str]:
    """Gives the folders of `Python.h`: the interpreter's own or the stand-in's."""
    own = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    if os.environ.get("PUFFERLIB_PYTHON_H") != "standin" and any(Path(path, "Python.h").is_file() for path in own):
        return sorted(own)
    return [str(STANDIN)]


def _works(command: list[str]) -> bool:
    """Says whether a compiler builds a shared object out of a tiny C11 file."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "probe.c"), Path(folder, "probe.so")
        source.write_text(PROBE, encoding="utf-8")
        line = [*command, "-std=c11", "-shared", "-fPIC", str(source), "-o", str(output)]
        try:
            done = subprocess.run(line, capture_output=True, check=False, timeout=120)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0 and output.is_file()
