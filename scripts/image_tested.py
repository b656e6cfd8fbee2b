"""Records what a run of the suite inside an image came to: image_tested.py VARIANT TAG environments.json.

Writes the image's table in docs/image-environments.md, and docker/tested.json, which says what it was made from.
`image_tested.py --is-current VARIANT` says by its exit code whether the checkout's image is that one.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from image_report import MIB, read_layers

ROOT = Path(__file__).resolve().parent.parent
TESTED = ROOT / "docker" / "tested.json"
PAGE = ROOT / "docs" / "image-environments.md"

HEAD = """\
# Environments inside the images

`make image-test` wrote this page: the suite of `make test-all-envs` on every adapter inside an image, as its user
`puffer`, without a network.
"""

# What decides what an image holds, but for the code of pufferlib itself, which CI tests outside too.
INPUTS = (
    ".dockerignore",
    "docker/Dockerfile",
    "docker/docker-bake.hcl",
    "docker/entrypoint",
    "docker/install-*",
    "docker/write_recipes.py",
    "docker/lock/*.txt",
    "environments/*/apt.txt",
    "environments/*/requirements.txt",
    "environments/*/recipe.toml",
    "tests/image/test_inside.py",
)


def digest() -> str:
    """Hashes the names and contents of what the image is made from."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in INPUTS for path in ROOT.glob(pattern)}):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(variant: str) -> bool:
    """Whether the image of this checkout has passed its tests already."""
    return bool(read_tested().get(variant, {}).get("inputs") == digest())


def read_tested() -> dict[str, Any]:
    """Reads the record; an empty one where there is none."""
    return json.loads(TESTED.read_text(encoding="utf-8")) if TESTED.is_file() else {}


def record(variant: str, size_bytes: float, results: dict[str, Any]) -> None:
    """Writes the record and the page."""
    rows = results["environments"]
    tested = read_tested()
    tested[variant] = {
        "inputs": digest(),
        "size_mib": round(size_bytes / MIB),
        "adapters": len(rows),
        "failed": [row["adapter"] for row in rows if row["result"] != "passed"],
        "tests": sum(row["tests"] for row in rows),
    }
    TESTED.write_text(json.dumps(tested, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sections = read_sections()
    sections[variant] = section(variant, tested[variant], results)
    PAGE.write_text("\n".join([HEAD, *(sections[name] for name in sorted(sections))]), encoding="utf-8")


def read_sections() -> dict[str, str]:
    """Reads what the page says of each variant so far."""
    if not PAGE.is_file():
        return {}
    parts = re.split(r"^(?=## puffertank:)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {part.split(":", 1)[1].split("\n")[0]: part.rstrip("\n") + "\n" for part in parts}


def section(variant: str, tested: dict[str, Any], results: dict[str, Any]) -> str:
    """Writes the table of the environments in one image."""
    lines = [
        f"## puffertank:{variant}",
        "",
        f"{tested['adapters']} adapters, {tested['tests']:,} tests, {results['seconds'] / 60:.0f} minutes; the image "
        f"unpacks to {tested['size_mib']:,} MiB.",
        "",
        "| environment | versions | tests | declared deviations | raw steps/s | seconds | result |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in results["environments"]:
        versions = ", ".join(f"{name} {version}" for name, version in row.get("versions", {}).items())
        speed = f"{row['raw_steps_per_s']:,.0f}" if "raw_steps_per_s" in row else ""
        result = row["result"] if not row["problems"] else f"{row['result']}: {row['problems'][0]}"
        lines.append(
            f"| {row.get('environment', row['adapter'])} | {versions} | {row['tests']} | {row['declared_deviations']} "
            f"| {speed} | {row['seconds']:.0f} | {result} |"
        )
    return "\n".join([*lines, ""])


def main(words: list[str]) -> int:
    """Records a run, or compares; gives the exit code."""
    if words[0] == "--is-current":
        return 0 if is_current(words[1]) else 1
    variant, tag, path = words
    command = ["docker", "history", "--no-trunc", "--format", "{{json .}}", tag]
    layers = read_layers(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    record(variant, sum(size for _, size in layers), json.loads(Path(path).read_text(encoding="utf-8")))
    print(f"Wrote {PAGE.relative_to(ROOT)} and {TESTED.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
