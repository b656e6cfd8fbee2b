"""Brings `.venv` in line with the checkout: `python scripts/install_venv.py EXTRA...`.

A stamp in `.venv` remembers which extras are there and hashes of what they were installed from, so a call that has
nothing to do costs milliseconds. Changed C sources alone rebuild only the extension.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
STAMP = VENV / "installed.json"

# What decides which packages are installed, and what decides which extension is built.
PACKAGES = ("pyproject.toml", "constraints.txt", "environments/*/requirements.txt")
NATIVE = ("setup.py", "scripts/build_backend.py", "scripts/c_compiler.py", "pufferlib/_native/**/*.[ch]")


def main(extras: list[str]) -> None:
    """Installs what is missing; does nothing when the stamp says that all is there."""
    unknown = [name for name in extras if name not in known_extras()]
    if unknown:
        raise SystemExit(f"There is no extra {unknown[0]!r}. These exist: {', '.join(sorted(known_extras()))}.")
    stamp = read_stamp()
    packages, native = digest(PACKAGES), digest(NATIVE)
    wanted = sorted({*extras, *stamp["extras"]})
    if (stamp["packages"], stamp["native"], stamp["extras"]) == (packages, native, wanted):
        return
    started = time.monotonic()
    if not PYTHON.exists():
        print(f"Creating {VENV.name} with Python {sys.version.split()[0]}", flush=True)
        venv.create(VENV, with_pip=True, clear=True)
    if (stamp["packages"], stamp["extras"]) == (packages, wanted):
        print("Rebuilding the C core", flush=True)
        pip("--no-deps", "--editable", ".")
    else:
        names = ",".join(wanted).replace("_", "-")  # pip before 23.3 finds an extra by its normal form only
        print(f"Installing pufferlib[{names}] into {VENV.name}; the first time this takes a minute or two", flush=True)
        pip("--constraint", "constraints.txt", "--editable", f".[{names}]")
    STAMP.write_text(json.dumps({"packages": packages, "native": native, "extras": wanted}), encoding="utf-8")
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)


def known_extras() -> set[str]:
    """Gives the names of all extras: the fixed ones of pyproject.toml and one per adapter."""
    fixed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pufferlib"]["extras"]
    return {*fixed, *(path.parent.name for path in ROOT.glob("environments/*/requirements.txt"))}


def read_stamp() -> dict[str, Any]:
    """Reads what the last install left, or an empty stamp where there was none."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {"packages": "", "native": "", "extras": []}


def digest(patterns: tuple[str, ...]) -> str:
    """Hashes the names and contents of the files that match, and where the checkout lies."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def pip(*arguments: str) -> None:
    """Runs `pip install` in `.venv`, with its progress where someone watches and in silence elsewhere."""
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    line = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *arguments]
    if subprocess.run(line, cwd=ROOT, check=False).returncode:
        raise SystemExit("pip failed, see above. `make clean` removes .venv, for a fresh start.")


if __name__ == "__main__":
    main(sys.argv[1:])
