"""The files that make the image: no second list of packages, no syntax that Docker 20.10 lacks, stages that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from recipes import read_recipes

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
BAKE = (ROOT / "docker" / "docker-bake.hcl").read_text(encoding="utf-8")
STAGES = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
BASICS = {"git", "gcc"}  # what the image has for its own sake too, or whose name is part of another word


def test_write_recipes__lists_the_packages_of_each_apt_txt(tmp_path):
    """What is installed from Debian is what the adapters' files say, sorted by what needs it."""
    subprocess.run([sys.executable, ROOT / "docker" / "write_recipes.py", tmp_path], check=True)
    lists = {name: (tmp_path / f"{name}.txt").read_text().split() for name in ("apt", "apt-build")}
    packages = [package for recipe in read_recipes(ROOT / "environments").values() for package in recipe.apt]

    assert packages
    for package in packages:
        assert package.names[0] in lists["apt-build" if package.kind == "build" else "apt"], package
    assert {name for names in lists.values() for name in names} == {package.names[0] for package in packages}


def test_dockerfile__names_no_package_of_an_adapter():
    """There is no second list: neither Python's nor Debian's packages of the adapters stand in the Dockerfile."""
    recipes = read_recipes(ROOT / "environments").values()
    names = {item.name for recipe in recipes for item in recipe.requirements}
    names |= {name for recipe in recipes for package in recipe.apt for name in package.names}
    instructions = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    words = set(re.findall(r"[\w.+-]+", instructions))

    assert words & names <= BASICS


def test_dockerfile__builds_with_docker_20():
    """No frontend is pulled, and what newer BuildKits added isn't used."""
    assert not re.search(r"^#\s*syntax\s*=", DOCKERFILE, re.MULTILINE)
    assert "<<" not in DOCKERFILE
    assert "--link" not in DOCKERFILE


def test_dockerfile__ends_each_image_as_an_ordinary_user():
    """The last USER of every stage that people run is `puffer`."""
    for stage in ("deps", "cpu", "dev", "test"):
        body = re.split(r"^FROM ", DOCKERFILE.split(f" AS {stage}\n")[1], flags=re.MULTILINE)[0]
        assert re.findall(r"^USER (\w+)$", body, re.MULTILINE)[-1] == "puffer", stage


def test_dockerfile__takes_a_certificate_only_as_a_secret():
    """Each step that asks an index can be given the bundle, and none copies it."""
    steps = re.split(r"^(?=RUN |COPY |FROM )", DOCKERFILE, flags=re.MULTILINE)
    online = [step for step in steps if "target=/root/.cache/pip" in step]

    assert len(online) >= 6
    assert all("--mount=type=secret,id=ca_bundle" in step for step in online)
    assert "ca.crt" not in "".join(step for step in steps if step.startswith("COPY"))


def test_bake__builds_stages_that_exist():
    """Each target names a stage of the Dockerfile, and inherits from targets of the file."""
    targets = re.findall(r'^target "([\w-]+)"', BAKE, re.MULTILINE)
    stages = re.findall(r'^\s+target\s+= "([\w-]+)"', BAKE, re.MULTILINE)
    parents = {name for names in re.findall(r"inherits = \[(.*)\]", BAKE) for name in re.findall(r'"([\w-]+)"', names)}
    groups = {name for names in re.findall(r"targets = \[(.*)\]", BAKE) for name in re.findall(r'"([\w-]+)"', names)}

    assert {"cuda", "cpu", "test", "publish-cuda", "publish-cpu"} <= set(targets)
    assert stages and set(stages) <= set(STAGES)
    assert parents and parents <= set(targets)
    assert groups and groups <= set(targets)


def test_context__leaves_out_what_the_image_must_not_hold():
    """The list of what goes in starts from nothing; git's data and environments with secrets aren't on it."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]

    assert patterns[0] == "*"
    assert not {"!.git", "!.env", "!.ci", "!runs", "!."} & set(patterns)


def test_record__says_what_was_tested():
    """docker/tested.json, if there is one, counts adapters and tests, and no failure."""
    path = ROOT / "docker" / "tested.json"
    records = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for record in records.values():
        assert record["failed"] == []
        assert record["adapters"] >= 24
