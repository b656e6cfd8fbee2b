"""The dev container's definitions fit the image, ask for no GPU, and differ only where they must."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GPU, CPU = (ROOT / ".devcontainer" / name for name in ("devcontainer.json", "cpu/devcontainer.json"))


def read(path):
    """Reads JSON whose lines may be comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))


@pytest.mark.parametrize(("path", "variant"), [(GPU, "cuda"), (CPU, "cpu")])
def test_devcontainer__is_built_from_a_stage_of_the_image(path, variant):
    """File, context and stage exist; the variant is one that the Dockerfile knows."""
    build = read(path)["build"]
    dockerfile = path.parent / build["dockerfile"]

    assert dockerfile.resolve() == ROOT / "docker" / "Dockerfile"
    assert (path.parent / build["context"]).resolve() == ROOT
    assert re.search(rf"^FROM \S+ AS {build['target']}$", dockerfile.read_text(encoding="utf-8"), re.M)
    assert re.search(rf"^FROM \S+ AS torch-{variant}$", dockerfile.read_text(encoding="utf-8"), re.M)
    assert build["args"] == {"VARIANT": variant}


@pytest.mark.parametrize("path", [GPU, CPU], ids=["cuda", "cpu"])
def test_devcontainer__needs_no_gpu_and_no_more_rights(path):
    """It opens on any machine: options that Docker may refuse stay out."""
    config = read(path)

    assert config["hostRequirements"].get("gpu", "optional") == "optional"
    assert config["runArgs"] == ["--shm-size=2g"]
    assert not {"privileged", "capAdd", "securityOpt"} & set(config)


@pytest.mark.parametrize("path", [GPU, CPU], ids=["cuda", "cpu"])
def test_devcontainer__runs_scripts_that_exist(path):
    """Each lifecycle command is a script of the repository."""
    commands = [command for key, command in read(path).items() if key.endswith("Command")]

    assert ".devcontainer/post-create" in commands
    assert [command for command in commands if not os.access(ROOT / command, os.X_OK)] == []


def test_devcontainers__differ_only_in_what_cuda_needs():
    """A setting that is changed in one is changed in both."""
    gpu, cpu = read(GPU), read(CPU)
    differing = {key for key in {*gpu, *cpu} if gpu.get(key) != cpu.get(key)}

    assert differing == {"name", "build", "hostRequirements", "initializeCommand"}
