"""What holds inside PufferTank, for its user, without a network: `make image-test` runs this there."""

from __future__ import annotations

import importlib.metadata
import os
import pwd
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

VARIANT = os.environ["PUFFERTANK"]
ROOT = Path(__file__).resolve().parents[2]
VENV = Path("/opt/venv")
TANK = 2000  # the group that packages belong to


def test_user__is_not_root_and_shares_its_files():
    """The user is `puffer`, in the packages' group, and what it writes is writable for that group."""
    assert pwd.getpwuid(os.getuid()).pw_name == "puffer"
    assert TANK in os.getgroups()
    mask = os.umask(0o002)
    os.umask(mask)
    assert mask == 0o002


def test_user__may_write_where_it_lands(tmp_path):
    """The folder in which a container starts can be written to, and so can the home folder."""
    for folder in (Path("/workspace"), Path.home(), VENV):
        file = folder / f"written-{os.getpid()}"
        file.write_text("x")
        file.unlink()


def test_packages__belong_to_the_group_and_not_to_the_user():
    """Another uid for the user needs no change of ownership: every file of /opt/venv is the group's, and writable."""
    wrong = []
    for folder, _, files in os.walk(VENV):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode) or path.suffix == ".pyc":  # a test run writes some of its own
                continue
            inherits = not stat.S_ISDIR(status.st_mode) or status.st_mode & stat.S_ISGID
            if status.st_gid != TANK or not status.st_mode & stat.S_IWGRP or not inherits or status.st_uid:
                wrong.append(f"{path} {stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}")

    assert wrong == []


def test_packages__are_those_of_the_lock():
    """Each package of the lock files is installed, in the locked version."""
    names = ["build", f"torch-{VARIANT}", "sources", "environments", "dev"]
    pins = []
    for name in names:
        lines = (ROOT / "docker" / "lock" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        pins += [line.split()[0].split("==") for line in lines if not line.startswith("#")]

    assert {name: importlib.metadata.version(name) for name, _ in pins} == dict(pins)


def test_torch__has_cuda_where_the_image_says_so():
    """The CPU variants carry no CUDA, the other the version of its compiler."""
    import torch

    if VARIANT == "cpu":
        assert torch.version.cuda is None
    else:
        nvcc = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, check=True).stdout
        assert re.search(r"release (\d+\.\d+)", nvcc)[1] == torch.version.cuda


@pytest.mark.timeout(900)
@pytest.mark.skipif(VARIANT == "cpu", reason="declared deviation, cpu: there is no nvcc in it")
def test_nvcc__compiles_an_extension_for_torch(tmp_path, monkeypatch):
    """The tool of torch builds a module with a CUDA kernel, without anything from a toolkit of the host."""
    from torch.utils import cpp_extension

    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "9.0")
    module = cpp_extension.load_inline(
        "tank",
        cpp_sources="int version();",
        cuda_sources="""
            #include <cuda_runtime.h>
            __global__ void twice(float *values) { values[threadIdx.x] *= 2; }
            int version() { int number = 0; cudaRuntimeGetVersion(&number); return number; }
        """,
        functions=["version"],
    )

    assert module.version() // 1000 == 13


def test_puffer__trains_without_a_network(tmp_path):
    """`puffer train` works for the user of the image, from start to checkpoint."""
    command = [sys.executable, "-m", "pufferlib.cli", "train", "CartPole-v1", "--ppo.total-steps", "4096"]
    done = subprocess.run([*command, "--eval.episodes", "2"], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "Checkpoint: " in done.stdout


def test_image__holds_no_leftovers_of_its_build():
    """There are neither package lists, caches nor secrets, and the temporary folder is empty but for our own files."""
    left = [path for folder in ("/var/lib/apt/lists", "/run/secrets") for path in Path(folder).glob("*")]
    left += [path for path in (Path("/tmp/sources"), Path("/tmp/log"), Path.home() / ".cache" / "pip") if path.exists()]

    assert left == []
