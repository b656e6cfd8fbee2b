"""Brings a virtual environment in line with the checkout: `scripts/install_venv.py [OPTIONS] NAME...`.

A name is an extra of pyproject.toml, an adapter, `everyday` (the adapters that pyproject.toml calls so) or `all` (every
adapter). Adapters whose extras are all that they need are installed as extras, others with `puffer install`.

A stamp in the environment remembers which names are there and hashes of what they were installed from, so a call that
has nothing to do costs milliseconds. Changed C sources alone rebuild only the extension.

The environment is .venv, or what the variable PUFFERLIB_VENV says. With --adopt the packages are there already, as in
the image: only the checkout is installed, without network, and later calls take the names given for installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path
from typing import Any

from recipes import Recipe, read_recipes

ROOT = Path(__file__).resolve().parent.parent

# What decides which packages are installed, and what decides which extension is built.
PACKAGES = (
    "pyproject.toml",
    "constraints.txt",
    "environments/constraints.txt",
    "environments/*/requirements.txt",
    "environments/*/recipe.toml",
    "environments/*/apt.txt",
)
NATIVE = (
    "setup.py",
    "scripts/build_backend.py",
    "scripts/c_compiler.py",
    "pufferlib/_native/**/*.[ch]",
    "pufferlib/ocean/*.[ch]",
)
# An environment that has all packages has the build's too.
WITHOUT_NETWORK = ("--no-deps", "--no-index", "--no-build-isolation")


def main(words: list[str]) -> None:
    """Installs what is missing; does nothing when the stamp says that all is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", default=os.environ.get("PUFFERLIB_VENV") or ".venv", type=Path)
    parser.add_argument("--apt", action="store_true", help="install missing Debian packages too")
    parser.add_argument("--adopt", action="store_true", help="the packages are there: install the checkout alone")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(words)
    folder, names = ROOT / options.venv, expand(options.names)
    if options.adopt:
        adopt(folder, names)
    else:
        install(folder, names, options.apt)


def adopt(folder: Path, names: list[str]) -> None:
    """Installs the checkout into an environment that has all packages, and takes the names given for installed."""
    pip(folder, *WITHOUT_NETWORK, "--editable", ".")
    write_stamp(folder, digest(PACKAGES), digest(NATIVE), sorted(set(names)), adopted=True)


def install(folder: Path, names: list[str], apt: bool = False) -> None:
    """Brings the environment in a folder up to date with the names given and those that it has already."""
    stamp = read_stamp(folder)
    packages, native = digest(PACKAGES), digest(NATIVE)
    wanted = sorted({*names, *(name for name in stamp["names"] if name in known_names())})
    if (stamp["packages"], stamp["native"], stamp["names"]) == (packages, native, wanted):
        return
    started = time.monotonic()
    if not python_of(folder).exists():
        print(f"Creating {folder.name} with Python {sys.version.split()[0]}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
    if (stamp["packages"], stamp["names"]) == (packages, wanted):
        print("Rebuilding the C core", flush=True)
        pip(folder, *(WITHOUT_NETWORK if stamp["adopted"] else ["--no-deps"]), "--editable", ".")
    else:
        recipes = read_recipes(ROOT / "environments")
        adapters = [name for name in wanted if name in recipes]
        # One that needs more than pip's extra takes the others with it: one resolve finds versions that suit all.
        special = [] if all(is_extra(recipes[name]) for name in adapters) else adapters
        extras = [name for name in wanted if name not in special]
        names_there = ",".join(extras).replace("_", "-")  # pip before 23.3 finds an extra by its normal form only
        print(
            f"Installing pufferlib[{names_there}] into {folder.name}; the first time this takes a minute or two",
            flush=True,
        )
        pip(folder, "--constraint", "constraints.txt", "--editable", f".[{names_there}]" if extras else ".")
        if special:
            puffer_install(folder, special, apt)
    write_stamp(folder, packages, native, wanted, adopted=stamp["adopted"])
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)


def expand(names: list[str]) -> list[str]:
    """Puts adapters in the place of `everyday` and `all`, and refuses names that don't exist."""
    groups = {"everyday": list(read_project()["everyday"]), "all": list(read_recipes(ROOT / "environments"))}
    found = [expanded for name in names for expanded in groups.get(name, [name])]
    unknown = [name for name in found if name not in known_names()]
    if unknown:
        there = ", ".join(sorted(known_names()))
        raise SystemExit(f"There is neither an extra nor an adapter {unknown[0]!r}. These exist: {there}.")
    return found


def known_names() -> set[str]:
    """Gives the names of the extras of pyproject.toml and of the adapters."""
    return {*read_project()["extras"], *read_recipes(ROOT / "environments")}


def read_project() -> dict[str, Any]:
    """Reads our own table of pyproject.toml."""
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pufferlib"])


def is_extra(recipe: Recipe) -> bool:
    """Says whether pip's extra is all that an adapter needs."""
    return bool(recipe.is_plain and not recipe.apt and not recipe.python)


def python_of(folder: Path) -> Path:
    """Gives the interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def read_stamp(folder: Path) -> dict[str, Any]:
    """Reads what the last install left, or an empty stamp where there was none."""
    empty = {"packages": "", "native": "", "names": [], "adopted": False}
    try:
        stamp = json.loads((folder / "installed.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return empty
    return {key: stamp.get(key, value) for key, value in empty.items()}


def write_stamp(folder: Path, packages: str, native: str, names: list[str], adopted: bool) -> None:
    """Notes what an environment was installed from."""
    text = json.dumps({"packages": packages, "native": native, "names": names, "adopted": adopted})
    (folder / "installed.json").write_text(text, encoding="utf-8")


def digest(patterns: tuple[str, ...]) -> str:
    """Hashes the names and contents of the files that match, and where the checkout lies."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def pip(folder: Path, *arguments: str) -> None:
    """Runs `pip install` in an environment, with its progress where someone watches and in silence elsewhere."""
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    line = [str(python_of(folder)), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *arguments]
    if subprocess.run(line, cwd=ROOT, check=False).returncode:
        raise SystemExit(f"pip failed, see above. For a fresh start, remove {folder}.")


def puffer_install(folder: Path, adapters: list[str], apt: bool) -> None:
    """Runs `puffer install` in an environment."""
    line = [str(python_of(folder)), "-m", "pufferlib.cli", "install", "--constraint", "constraints.txt"]
    if subprocess.run([*line, *(["--apt"] if apt else []), *adapters], cwd=ROOT, check=False).returncode:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
