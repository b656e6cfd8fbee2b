"""`import pufferlib` is quick, quiet and without side effects."""

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import pufferlib

# What must not be loaded by the core: it is slow, optional, or both.
HEAVY = {"torch", "rich", "tyro", "safetensors", "imageio", "PIL", "pettingzoo", "stable_baselines3"}

CORE = [
    "pufferlib",
    "pufferlib.exceptions",
    "pufferlib.spaces",
    "pufferlib.emulation",
    "pufferlib.wrappers",
    "pufferlib.vector",
    "pufferlib.environments",
]

PROBE = """
import json, random, signal, sys, threading, warnings
import numpy, gymnasium  # the core's own requirements: what they do isn't ours to judge

def state():
    handlers = {int(number): repr(signal.getsignal(number)) for number in signal.valid_signals()}
    return [
        handlers, repr(warnings.filters), repr(numpy.geterr()), threading.active_count(), repr(sys.excepthook),
        repr(random.getstate()), repr(numpy.random.get_state()), repr(sys.path), repr(sys.meta_path),
    ]

before, loaded = state(), set(sys.modules)
__import__(sys.argv[1])
after = state()
print(json.dumps({"changed": [i for i, (a, b) in enumerate(zip(before, after)) if a != b],
                  "loaded": sorted(set(sys.modules) - loaded)}))
"""


def run(*code: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a fresh interpreter that turns warnings into errors."""
    line = [sys.executable, "-W", "error", "-c", *code]
    return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)


@pytest.mark.parametrize("module", CORE)
def test_import__changes_nothing_but_sys_modules(module):
    """No signal handler, warning filter, seed, hook or thread differs after the import, and nothing heavy is loaded."""
    done = run(PROBE, module)

    report = json.loads(done.stdout)
    assert report["changed"] == []
    assert HEAVY.isdisjoint(name.partition(".")[0] for name in report["loaded"])
    assert done.stderr == ""


@pytest.mark.parametrize("module", CORE)
def test_import__prints_nothing(module):
    """Importing writes to neither output."""
    done = run(f"import {module}")

    assert (done.stdout, done.stderr) == ("", "")


def test_import__of_the_package_alone_loads_no_numpy():
    """`import pufferlib` loads itself and the standard library: its time is that of an empty module."""
    done = run("import sys; import pufferlib; print(*sys.modules)")

    assert {"numpy", "gymnasium", "torch"}.isdisjoint(done.stdout.split())


def public_packages() -> list[str]:
    """Gives the names of the library's packages without an underscore, adapters left out."""
    found = pkgutil.walk_packages(pufferlib.__path__, "pufferlib.")
    return sorted(
        module.name
        for module in found
        if module.ispkg and "._" not in module.name and not module.name.startswith("pufferlib.environments.")
    )


@pytest.mark.parametrize("package", public_packages())
def test_all__is_what_is_public(package):
    """A package's `__all__` lists every public name of the library in it, and each name in it exists."""
    try:
        module = importlib.import_module(package)
        listed = {name: getattr(module, name) for name in getattr(module, "__all__", [])}  # some load on first use
    except ModuleNotFoundError as error:
        pytest.skip(f"{package} needs {error.name}")
    ours = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("pufferlib")
    }

    assert ours <= set(listed)
