"""Writes docker/lock/*.txt: every package of the image, its version and the hash of its file.

    python scripts/lock_packages.py            keep the versions that are locked already, add what is new
    python scripts/lock_packages.py --upgrade  take the newest that the bounds allow
    python scripts/lock_packages.py --check    only say whether the files still fit what they were made from

The bounds are those of the repository: every adapter's requirements.txt and recipe.toml, the extras of pyproject.toml,
and both constraints.txt. One resolve with uv (which must be installed beside this Python) finds one version of each
package; the files differ only in how often they change, so that each can be a layer of the image. They hold no address
of an index, and only hashes of files for CPython 3.11 on x86-64 Linux: pip, called with --require-hashes, takes nothing
else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import read_recipes

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "docker" / "lock"
WHEELS = ROOT / "docker" / "wheels"
PLATFORM = ("--python-version", "3.11.2", "--python-platform", "x86_64-manylinux_2_28")
CONSTRAINTS = ("constraints.txt", "environments/constraints.txt")

# torch brings CUDA's libraries; these bring the compiler of the same version. The host has nothing but NVIDIA's driver.
TOOLKIT = "cuda-toolkit[nvcc,cudart,cccl,crt,nvvm]"
OF_TORCH = re.compile(r"torch|triton|nvidia-.*|cuda-.*")
# Build backends: the sources below are built without isolation, so that these too are locked. One that lacks here makes
# the build fail by its name.
BUILD = ("pip", "setuptools", "wheel", "cython", "numpy", "poetry-core")
DEVELOPERS = ("dev", "wasm")  # extras that have a file of their own
# Extras for this repository's pages (which want Python 3.11.5, Debian has 3.11.2), for CI, and for whoever has a Ray
# cluster: 200 MB.
LEFT_OUT = ("docs", "ray", "workflows")

FILES = {
    "build": "The tools that install packages, and those that build the ones of sources.txt.",
    "torch-cuda": "PyTorch with the CUDA libraries that it needs, and nvcc of the same version.",
    "torch-cpu": "PyTorch without CUDA. PyPI doesn't have this file: PyTorch's own index of CPU wheels does.",
    "sources": "Packages of environments that exist as sources only; they are built in a stage of their own.",
    "environments": "What every environment and the trainer need.",
    "dev": "What developing and testing need besides.",
}


@dataclass(frozen=True)
class Package:
    """One line of a lock file."""

    name: str
    version: str
    hashes: tuple[str, ...]
    is_wheel: bool

    def __str__(self) -> str:
        return f"{self.name}=={self.version} " + " ".join(f"--hash=sha256:{value}" for value in self.hashes)


def main(words: list[str]) -> int:
    """Writes or checks the files; gives the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description="Locks the packages of the image.")
    parser.add_argument("--check", action="store_true", help="only say whether the files are current")
    parser.add_argument("--upgrade", action="store_true", help="forget the versions that are locked")
    options = parser.parse_args(words)
    if options.check:
        problems = check()
        print("\n".join(problems) or "docker/lock fits the requirements.")
        return 1 if problems else 0
    write(lock(upgrade=options.upgrade))
    return 0


def read_requirements() -> tuple[list[str], list[str], list[str]]:
    """Collects what is wanted: for the image, for developers, and those packages that come without dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras: dict[str, list[str]] = project["tool"]["pufferlib"]["extras"]
    requirements = [item for recipe in read_recipes(ROOT / "environments").values() for item in recipe.requirements]
    image = [*project["project"]["dependencies"], *(item.line for item in requirements if not item.no_deps)]
    image += [line for name, lines in extras.items() if name not in (*DEVELOPERS, *LEFT_OUT) for line in lines]
    dev = [line for name in DEVELOPERS for line in extras[name] if not line.startswith("pufferlib")]
    alone = [item.line for item in requirements if item.no_deps]
    return sorted(set(image)), sorted(set(dev)), sorted(set(alone))


def digest(names: Iterable[str]) -> str:
    """Hashes what the lock is made from; of the constraints only those on the packages that are locked."""
    locked = set(names)
    lines = [line for path in CONSTRAINTS for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]
    bounds = sorted(line for line in lines if normalize(re.split("[<>=!~ ]", line)[0]) in locked)
    parts = [*read_requirements(), [TOOLKIT, *BUILD], bounds]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def lock(upgrade: bool) -> dict[str, list[Package]]:
    """Resolves everything; gives the packages of each file."""
    image, dev, alone = read_requirements()
    torch = f"torch=={pinned('torch')}"
    old = [] if upgrade else read_pins()
    everything = resolve([*image, *dev, *BUILD, torch, TOOLKIT], old)
    pins = [f"{package.name}=={package.version}" for package in everything.values()]
    without_deps = resolve(alone, old, "--no-deps")
    in_image = {**resolve([*image, torch], pins), **without_deps}
    ours = {name: package for name, package in in_image.items() if not OF_TORCH.fullmatch(name)}
    files = {
        "build": resolve(BUILD, pins).values(),
        "torch-cuda": [package for name, package in everything.items() if OF_TORCH.fullmatch(name)],
        "torch-cpu": [find_cpu_wheel(torch)],
        "sources": [package for package in ours.values() if not package.is_wheel],
        "environments": [package for package in ours.values() if package.is_wheel],
        "dev": [p for name, p in everything.items() if name not in in_image and not OF_TORCH.fullmatch(name)],
    }
    return {name: sorted(packages, key=lambda package: package.name) for name, packages in files.items()}


def pinned(name: str) -> str:
    """Gives the version that constraints.txt pins."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith(f"{name}=="))


def read_pins() -> list[str]:
    """Reads the versions that are locked, less those of packages that constraints.txt decides about."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    decided = {normalize(line.partition("==")[0]) for line in lines}
    locked = [package for name in FILES for package in read_lock(name) if normalize(package.name) not in decided]
    return [f"{package.name}=={package.version}" for package in locked if "+" not in package.version]


def normalize(name: str) -> str:
    """Writes a package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def resolve(requirements: Iterable[str], pins: Iterable[str], *options: str) -> dict[str, Package]:
    """Finds a version and its files for every package that the requirements lead to."""
    bounds = [word for path in CONSTRAINTS for word in ("--constraint", path)]
    with tempfile.TemporaryDirectory() as folder:
        wanted, chosen = Path(folder, "wanted.txt"), Path(folder, "pins.txt")
        wanted.write_text("\n".join(requirements), encoding="utf-8")
        chosen.write_text("\n".join(pins), encoding="utf-8")
        uv = Path(sys.executable).parent / "uv"
        command = [uv, "pip", "compile", "-q", "--no-config", "--format", "pylock.toml", *PLATFORM, *bounds, *options]
        done = subprocess.run(
            [*map(str, command), "--constraint", str(chosen), str(wanted)], cwd=ROOT, text=True, stdout=subprocess.PIPE
        )
        if done.returncode:
            raise SystemExit("There is no such set of versions, see above. With other versions: scripts/lock --upgrade")
    return {item["name"]: read_package(item) for item in tomllib.loads(done.stdout).get("packages", [])}


def read_package(item: dict[str, Any]) -> Package:
    """Reads a package of a pylock.toml: the hashes of its wheels for our platform or, without any, of its source."""
    files = item.get("wheels") or [item["sdist"]]
    hashes = tuple(sorted(file["hashes"]["sha256"] for file in files))
    return Package(item["name"], item["version"], hashes, bool(item.get("wheels")))


def find_cpu_wheel(torch: str) -> Package:
    """Hashes the CPU wheel of torch, as this machine's pip finds it; without one, keeps a line that still fits."""
    locked = [package for package in read_lock("torch-cpu") if f"torch=={package.version}" == f"{torch}+cpu"]
    WHEELS.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", str(WHEELS), f"{torch}+cpu"]
    if not locked and subprocess.run(command, check=False).returncode:
        raise SystemExit(
            f"pip finds no {torch}+cpu. It lies on PyTorch's own index of CPU wheels (pytorch.org, Get Started): "
            "set PIP_EXTRA_INDEX_URL to that and try again."
        )
    if locked:
        return locked[0]
    path = next(WHEELS.glob(f"torch-{torch.partition('==')[2]}+cpu-cp311-*x86_64.whl"))
    return Package("torch", torch.partition("==")[2] + "+cpu", (hashlib.sha256(path.read_bytes()).hexdigest(),), True)


def write(files: dict[str, list[Package]]) -> None:
    """Writes the files."""
    LOCK.mkdir(parents=True, exist_ok=True)
    for name, packages in files.items():
        head = f"# {FILES[name]}\n# Made by scripts/lock; don't edit.\n"
        (LOCK / f"{name}.txt").write_text(head + "".join(f"{package}\n" for package in packages), encoding="utf-8")
        print(f"docker/lock/{name}.txt: {len(packages)} packages")
    # In a file of its own: a layer of the image must not change because another one's requirements did.
    names = [package.name for packages in files.values() for package in packages]
    (LOCK / "inputs.sha256").write_text(f"{digest(names)}\n", encoding="utf-8")


def read_lock(name: str) -> list[Package]:
    """Reads one of the files; one that isn't there is empty."""
    path = LOCK / f"{name}.txt"
    packages = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        if not line.startswith("#"):
            package, *hashes = line.split()
            title, _, version = package.partition("==")
            values = tuple(value.removeprefix("--hash=sha256:") for value in hashes)
            packages.append(Package(title, version, values, name != "sources"))
    return packages


def check() -> list[str]:
    """Says what is wrong with the files, without the network."""
    missing = [f"{name}.txt" for name in FILES if not (LOCK / f"{name}.txt").is_file()]
    if missing:
        return [f"docker/lock/{name} is missing. Run: scripts/lock" for name in missing]
    inputs = LOCK / "inputs.sha256"
    current = digest(package.name for name in FILES for package in read_lock(name))
    if not inputs.is_file() or inputs.read_text(encoding="utf-8").strip() != current:
        return ["docker/lock was made from other requirements than those of this checkout. Run: scripts/lock"]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
