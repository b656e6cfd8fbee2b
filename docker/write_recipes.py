"""Writes Debian's packages that the adapters ask for into a folder: apt.txt (run, render) and apt-build.txt (build).

Runs inside the build of the image, with the Python of Debian and nothing installed. It fails where docker/lock was made
from other requirements than those of the checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from lock_packages import check  # noqa: E402 (lies in another folder)
from recipes import read_recipes  # noqa: E402


def list_packages(kinds: tuple[str, ...]) -> list[str]:
    """Lists the packages of some kinds, sorted; of alternatives the first."""
    recipes = read_recipes(ROOT / "environments").values()
    return sorted({package.names[0] for recipe in recipes for package in recipe.apt if package.kind in kinds})


def main(folder: Path) -> None:
    """Writes the two files."""
    problems = check()
    if problems:
        raise SystemExit("\n".join(problems))
    folder.mkdir(parents=True, exist_ok=True)
    for name, kinds in (("apt.txt", ("run", "render")), ("apt-build.txt", ("build",))):
        (folder / name).write_text("".join(f"{package}\n" for package in list_packages(kinds)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
