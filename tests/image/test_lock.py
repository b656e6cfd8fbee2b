"""What the image installs: every package that something asks for, once, with the hash of its file and no address."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import lock_packages
from recipes import read_recipes

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"python_version": "3.11", "python_full_version": "3.11.2", "sys_platform": "linux", "extra": ""}


def locked():
    """Reads all files of the lock: {file: {package: version}}."""
    return {name: {p.name: p.version for p in lock_packages.read_lock(name)} for name in lock_packages.FILES}


def test_lock__was_made_from_these_requirements():
    """docker/lock fits the adapters' files, the extras and the constraints; `scripts/lock` mends it."""
    assert lock_packages.check() == []


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_lock__covers_every_requirement(variant):
    """Each adapter's requirements, each extra and each constraint hold for the locked versions."""
    files = locked()
    versions = files["build"] | files[f"torch-{variant}"] | files["sources"] | files["environments"] | files["dev"]
    image, dev, alone = lock_packages.read_requirements()
    bounds = [
        line.split(" #")[0] for path in lock_packages.CONSTRAINTS for line in (ROOT / path).read_text().splitlines()
    ]
    bounds = [line for line in bounds if not line.startswith("#")]
    unmet = []
    for line in [*image, *dev, *alone, *bounds]:
        requirement = Requirement(line)
        name = lock_packages.normalize(requirement.name)
        if line in bounds and name not in versions:
            continue
        version = Version(versions[name]) if name in versions else None
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            unmet.append(f"{line}: {version}")

    assert unmet == []


def test_lock__reads_the_folders_of_all_adapters():
    """A requirement of each adapter, clean or not, is in the image's list: there is no other list."""
    image, _, alone = lock_packages.read_requirements()
    recipes = read_recipes(ROOT / "environments")

    assert len(recipes) >= 24
    for recipe in recipes.values():
        assert {item.line for item in recipe.requirements} <= {*image, *alone}, recipe.adapter


def test_lock__pins_and_hashes_each_line_and_names_no_index():
    """By its hash pip can check each file, and nothing tells where this lock was made."""
    for name in lock_packages.FILES:
        lines = (ROOT / "docker" / "lock" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        for line in lines[2:]:
            assert re.fullmatch(r"[a-z0-9-]+==\S+( --hash=sha256:[0-9a-f]{64})+", line), line


def test_lock__has_one_version_of_each_package():
    """Files may overlap, and never disagree; both variants have the same torch."""
    files = locked()
    pairs = {(name, version.removesuffix("+cpu")) for packages in files.values() for name, version in packages.items()}

    assert len(pairs) == len(dict(pairs))
    assert files["torch-cpu"] == {"torch": f"{files['torch-cuda']['torch']}+cpu"}
    assert files["torch-cuda"]["torch"] == lock_packages.pinned("torch")


def test_lock__has_the_compiler_of_the_cuda_that_torch_has():
    """nvcc, the runtime and its headers come in the version of the toolkit that torch pins."""
    packages = locked()["torch-cuda"]
    toolkit = packages["cuda-toolkit"].rsplit(".", 2)[0]

    for name in ("nvidia-cuda-nvcc", "nvidia-cuda-runtime", "nvidia-cuda-cccl", "nvidia-cuda-crt", "nvidia-nvvm"):
        assert packages[name].startswith(f"{toolkit}."), name


def test_check__notices_a_new_requirement(tmp_path, monkeypatch):
    """An adapter that asks for more makes the lock stale, and the message says what to run."""
    for name in ("environments", "docker/lock"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.md"))
    for name in ("constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(lock_packages, "ROOT", tmp_path)
    monkeypatch.setattr(lock_packages, "LOCK", tmp_path / "docker" / "lock")
    assert lock_packages.check() == []

    with (tmp_path / "environments" / "atari" / "requirements.txt").open("a") as file:
        file.write("one-more>=1\n")

    assert lock_packages.check() == [
        "docker/lock was made from other requirements than those of this checkout. Run: scripts/lock"
    ]
