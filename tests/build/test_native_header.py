"""The stand-in Python.h agrees with CPython's stable ABI."""

import ctypes
import re
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import pytest

from c_compiler import find_system_compiler

NATIVE = Path(__file__).resolve().parents[2] / "pufferlib" / "_native"
HEADER = (NATIVE / "standin" / "Python.h").read_text(encoding="utf-8")
FUNCTIONS = sorted(set(re.findall(r"^PyAPI_FUNC\(.*?\) (\w+)\(", HEADER, re.M)))
DATA = sorted(set(re.findall(r"\*?(PyExc_\w+|Py\w+_Type|_Py\w+Struct)[,;]", HEADER)))
CONSTANTS = sorted(set(re.findall(r"^#define ((?:PyBUF|METH|Py_tp|Py_TPFLAGS|Py_mod)_\w+) ", HEADER, re.M)))
OWN_HEADER = Path(sysconfig.get_path("include"), "Python.h")


@pytest.mark.parametrize("name", FUNCTIONS + DATA)
def test_standin__declares_only_what_the_interpreter_exports(name):
    """Every function and object that the stand-in declares is a symbol of the running interpreter."""
    assert ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value


def test_standin__uses_only_the_stable_abi():
    """Real headers limited to 3.11 declare all that the stand-in declares: nothing newer, nothing private."""
    source = "\n".join(f"void *use_{index} = (void *)&{name};" for index, name in enumerate(FUNCTIONS + DATA))
    assert_compiles("#include <Python.h>\n" + source)


def test_standin__constants_have_the_values_of_the_real_header():
    """Slots, flags and buffer requests have the numbers of the real headers."""
    standin = compile_values(NATIVE / "standin")
    real = compile_values(OWN_HEADER.parent)

    assert len(CONSTANTS) > 40
    assert standin == real


def test_standin__structs_have_the_layout_of_the_real_header():
    """All structs that cross the border have the same sizes and offsets with both headers."""
    names = ["PyObject", "PyModuleDef", "PyModuleDef_Base", "PyModuleDef_Slot", "PyMethodDef", "PyGetSetDef"]
    sizes = [f"sizeof({name})" for name in [*names, "PyType_Spec", "PyType_Slot", "Py_buffer"]]
    fields = [
        "buf",
        "obj",
        "len",
        "itemsize",
        "readonly",
        "ndim",
        "format",
        "shape",
        "strides",
        "suboffsets",
        "internal",
    ]
    offsets = [f"offsetof(Py_buffer, {field})" for field in fields] + ["offsetof(PyModuleDef, m_slots)"]

    assert compile_values(NATIVE / "standin", sizes + offsets) == compile_values(OWN_HEADER.parent, sizes + offsets)


def test_standin__is_not_needed_where_every_call_is_declared():
    """The C files call no `Py` function that the stand-in lacks."""
    called = set()
    for path in NATIVE.glob("*.[ch]"):
        called |= set(re.findall(r"\b_?(Py[A-Z]\w*|Py_[A-Z]\w+)\(", path.read_text(encoding="utf-8")))
    declared = set(re.findall(r"\b(Py\w+)\b", HEADER))

    assert called - declared - {"PyInit_core", "PyMODINIT_FUNC"} == set()


def compile_values(include: Path, expressions: list[str] | None = None) -> list[int]:
    """Evaluates C expressions with one of the headers."""
    expressions = expressions or CONSTANTS
    lines = [f'printf("%lld\\n", (long long)({expression}));' for expression in expressions]
    program = "#include <stdio.h>\n#include <stddef.h>\n#include <Python.h>\nint main(void) {" + "\n".join(lines) + "}"
    return [int(line) for line in assert_compiles(program, include, run=True).split()]


def assert_compiles(program: str, include: Path | None = None, run: bool = False) -> str:
    """Compiles a program with the machine's compiler, or skips the test where there is no compiler or no header."""
    compiler = find_system_compiler()
    if compiler is None or not OWN_HEADER.is_file():
        pytest.skip("needs a C compiler and the interpreter's own Python.h, to compare with")
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "probe.c"), Path(folder, "probe")
        source.write_text(program, encoding="utf-8")
        target = ["-o", str(output)] if run else ["-c", "-o", str(output)]
        flags = ["-std=c11", "-DPy_LIMITED_API=0x030B0000", f"-I{include or OWN_HEADER.parent}"]
        done = subprocess.run([*compiler, *flags, str(source), *target], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return subprocess.run([str(output)], capture_output=True, text=True, check=True).stdout if run else ""
