"""The scripts around the image: what they say and call, with a docker that only writes down what it is asked."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import image_report
import image_scan
import image_tested

ROOT = Path(__file__).resolve().parents[2]
LOG = """\
#5 [os 1/2] FROM docker.io/library/debian:bookworm-slim
#5 CACHED

#6 [os 2/2] RUN --mount=type=bind,source=docker/install-debian,target=/install-debian     /install-debian git less
#6 4.721 Reading package lists...
#6 DONE 43.5s

#7 exporting to image
#7 exporting layers 30.1s done
#7 DONE 76.0s
"""
FAKE_DOCKER = """#!/bin/sh
case "$1 $2" in
    "info --format") echo '{"runc":{}}' ;;
    "info "*|"buildx version") ;;
    "image inspect") [ "$3" = puffertank:cpu ] ;;
    "buildx imagetools") exit 1 ;;
    *) echo "$@"; for word; do case $word in *.hcl) cat "$word" ;; esac; done ;;
esac
"""


@pytest.fixture
def run(tmp_path):
    """Runs a script with the fake docker first on PATH."""
    docker = tmp_path / "docker"
    docker.write_text(FAKE_DOCKER)
    docker.chmod(0o755)

    def run(*command, cwd=ROOT, **variables):
        clean = {name: value for name, value in os.environ.items() if name not in ("BUILD_ARGS", "IMAGE", "VARIANT")}
        environment = clean | {"PATH": f"{tmp_path}:{os.environ['PATH']}"} | variables
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
        )

    return run


def test_bake__hands_on_what_a_network_needs(run):
    """BUILD_ARGS, as one would give them to `docker buildx build`, reach every target."""
    done = run(
        "scripts/bake",
        "cpu",
        BUILD_ARGS="--network=host --secret=id=ca_bundle,src=/etc/x.crt --build-arg=BASE_IMAGE=a:b",
    )

    assert done.returncode == 0, done.stderr
    assert "--allow fs.read=/etc/x.crt --allow network.host cpu" in done.stdout
    assert 'network = "host"' in done.stdout
    assert 'secret = ["id=ca_bundle,src=/etc/x.crt"]' in done.stdout
    assert 'BASE_IMAGE = "a:b"' in done.stdout


def test_bake__refuses_options_that_it_would_lose(run):
    """An option that bake has no word for is named, instead of being dropped."""
    done = run("scripts/bake", "cpu", BUILD_ARGS="--ulimit=nofile=1")

    assert done.returncode == 2
    assert "--ulimit=nofile=1" in done.stderr


def test_docker__is_asked_for_with_the_command_that_brings_it(run, tmp_path):
    """Without docker on PATH, the message says how to get it."""
    for name in ("sh", "dirname", "sed", "git"):
        target = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / "bin" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "bin" / name).symlink_to(target)
    done = run("scripts/bake", "cpu", PATH=str(tmp_path / "bin"))

    assert done.returncode == 1
    assert "apt-get install docker.io" in done.stderr


def test_publish__asks_where_to(run):
    """Without a registry nothing is published, and the message shows how to name one."""
    done = run("scripts/publish")

    assert done.returncode == 2
    assert "make publish REGISTRY=" in done.stderr


def test_publish__does_nothing_in_a_dry_run(run):
    """DRY_RUN prints the targets of bake, with the registry and tags that never move asked for."""
    done = run("scripts/publish", "localhost:5000", "cpu", DRY_RUN="1")

    assert done.returncode == 0, done.stderr
    assert "bake" in done.stdout and "--print publish-cpu" in done.stdout
    assert "--push" not in done.stdout


def test_publish__wants_a_base_by_digest_for_a_release(run):
    """To a registry that others read, an image isn't pushed whose base can't be named."""
    done = run("scripts/publish", "registry.example", "cpu", DRY_RUN="1")

    assert done.returncode == 1
    assert "BASE_IMAGE=NAME@sha256:" in done.stderr


def test_publish__takes_what_is_committed(run, tmp_path):
    """Changes of the checkout stop it and are named, but for what a test of the image has just written down."""
    checkout = tmp_path / "checkout"
    for name in ("scripts/publish", "scripts/find-python", ".dockerignore"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    (checkout / "scripts" / "bake").write_text('#!/bin/sh\necho bake "$@"\necho {} >dist/published.json\n')
    (checkout / "scripts" / "bake").chmod(0o755)
    records = ("docker/tested.json", "docs/image-environments.md")
    for name in (*records, "README.md"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("before\n")
    (checkout / ".gitignore").write_text("dist/\n")
    git = ["git", "-C", checkout, "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *words], check=True, timeout=60)

    for name in records:
        (checkout / name).write_text("after\n")
    published = run("scripts/publish", "localhost:5000", "cuda", cwd=checkout, SBOM="true")
    (checkout / "README.md").write_text("after\n")
    refused = run("scripts/publish", "localhost:5000", "cuda", cwd=checkout, SBOM="true")

    assert published.returncode == 0, published.stderr
    assert "bake --push" in published.stdout
    assert set(records) <= set((checkout / ".dockerignore").read_text().split())
    assert refused.returncode == 1
    assert "README.md" in refused.stderr and "tested.json" not in refused.stderr
    assert "bake" not in refused.stdout


def test_shell__opens_what_is_there(run):
    """The slim image is taken where the large one isn't built; without an NVIDIA runtime no GPU is asked for."""
    done = run("scripts/shell", "--network", "none")

    assert done.stdout.split()[:2] == ["run", "--rm"]
    assert done.stdout.split()[-3:] == ["--network", "none", "puffertank:cpu"]
    assert "--gpus" not in done.stdout


def test_report__reads_times_and_sizes():
    """Steps keep their stage and lose their mounts; sizes are docker's own."""
    assert image_report.read_steps(LOG) == [
        ("[os 1/2] FROM docker.io/library/debian:bookworm-slim", "cached"),
        ("[os 2/2] RUN /install-debian git less", "43.5 s"),
        ("packing the layers and writing the image", "76.0 s"),
    ]
    history = [
        {"CreatedBy": 'CMD ["bash"]', "Size": "0B"},
        {"CreatedBy": "RUN |1 VARIANT=cpu /bin/sh -c /install-locked /lock.txt # buildkit", "Size": "1.5GB"},
    ]
    assert image_report.read_layers("\n".join(map(json.dumps, history))) == [("RUN /install-locked /lock.txt", 1.5e9)]


def archive(files):
    """Packs {name: bytes} into a tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"etc/pip.conf": b"index-url = http://mirror.inside/simple"}, "etc/pip.conf: pip's index-url"),
        ({"root/.cache/pip/http/a": b"x"}, "layer 0: root/.cache/pip/http/a"),
        ({"opt/key": b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"b" * 40}, "opt/key: something like a token"),
        ({"opt/settings": b'key = "' + b"AKIA" + b"B2C4" * 4 + b'"'}, "opt/settings: something like a token"),
        ({"opt/node": b"AKIA" + b"B2C4" * 4 + b"jkl"}, ""),  # letters of a word table
        ({"run/secrets/ca.crt": b"x"}, "run/secrets/ca.crt"),
        ({"opt/venv/bin/puffer": b"#!/opt/venv/bin/python"}, ""),
    ],
)
def test_scan__finds_what_must_not_be_in_a_layer(files, found):
    """Addresses of this machine, caches, keys and secrets are found; ordinary files aren't."""
    scanner = image_scan.Scanner({b"http://mirror.inside/simple": "pip's index-url"})
    scanner.look_through(io.BytesIO(archive({"blobs/sha256/1": archive(files), "index.json": b"{}"})))

    assert scanner.num_files >= 2
    assert found in "".join(scanner.findings)
    assert bool(scanner.findings) == bool(found)


def test_scan__looks_at_provenance_too():
    """What describes an image is JSON among its layers."""
    scanner = image_scan.Scanner({b"http://mirror.inside/simple": "pip's index-url"})
    scanner.look_through(io.BytesIO(archive({"blobs/sha256/1": b'{"args": "http://mirror.inside/simple"}'})))

    assert len(scanner.findings) == 1


def test_record__is_current_until_an_input_changes(tmp_path, monkeypatch):
    """A record holds for the files that it was made from, and a changed list of packages ends it."""
    (tmp_path / "docker" / "lock").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    lock = tmp_path / "docker" / "lock" / "environments.txt"
    lock.write_text("numpy==1\n")
    monkeypatch.setattr(image_tested, "ROOT", tmp_path)
    monkeypatch.setattr(image_tested, "TESTED", tmp_path / "docker" / "tested.json")
    monkeypatch.setattr(image_tested, "PAGE", tmp_path / "docs" / "page.md")
    row = {"adapter": "maze", "result": "passed", "tests": 7, "declared_deviations": 1, "seconds": 3.2, "problems": []}
    assert not image_tested.is_current("cpu")

    image_tested.record("cpu", 2**30, {"environments": [row], "seconds": 60})

    assert image_tested.is_current("cpu") and not image_tested.is_current("cuda")
    assert "| maze |  | 7 | 1 |  | 3 | passed |" in (tmp_path / "docs" / "page.md").read_text()
    lock.write_text("numpy==2\n")
    assert not image_tested.is_current("cpu")


def test_record__keeps_what_it_knows_of_other_images(tmp_path, monkeypatch):
    """The page has a table an image, in order; a new run of one replaces its own."""
    page = tmp_path / "page.md"
    monkeypatch.setattr(image_tested, "TESTED", tmp_path / "tested.json")
    monkeypatch.setattr(image_tested, "PAGE", page)
    row = {"adapter": "maze", "result": "passed", "tests": 7, "declared_deviations": 0, "seconds": 3.2, "problems": []}
    for variant, num_tests in (("cuda", 7), ("cpu", 8), ("cuda", 9)):
        image_tested.record(variant, 2**30, {"environments": [row | {"tests": num_tests}], "seconds": 60})

    lines = page.read_text().splitlines()
    assert [line for line in lines if line.startswith("#")][1:] == ["## puffertank:cpu", "## puffertank:cuda"]
    assert [line.split(" | ")[2] for line in lines if line.startswith("| maze")] == ["8", "9"]
    assert page.read_text().count("wrote this page") == 1
