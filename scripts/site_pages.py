"""Gathers what the documentation site is made of: `python scripts/site_pages.py FOLDER`.

The pages keep the places that they have in the repository, so every relative link holds on both.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "benchmarks/RESULTS.md", "environments/*/README.md")


def gather(folder: Path) -> None:
    """Copies the pages with what they link to, and writes the generator's settings beside them."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    for path in sorted(path for pattern in FILES for path in ROOT.glob(pattern)):
        target = pages / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copytree(ROOT / "docs", pages / "docs")
    (folder / "zensical.toml").write_text(settings(pages), encoding="utf-8")


def settings(pages: Path) -> str:
    """Gives the generator's settings: what belongs to the site, in the order of the menu."""
    guides = {title_of(path): path for path in sorted((pages / "docs").glob("*.md"))}
    sheets = {path.parent.name: path for path in sorted((pages / "environments").glob("*/README.md"))}
    menu = [
        entry("pufferlib", pages / "README.md", pages),
        *(entry(title, path, pages) for title, path in guides.items()),
        f"{{ {json.dumps('Data sheets')} = [{', '.join(entry(name, path, pages) for name, path in sheets.items())}] }}",
        entry("Benchmarks", pages / "benchmarks" / "RESULTS.md", pages),
        entry("Contributing", pages / "CONTRIBUTING.md", pages),
        entry("Changes", pages / "CHANGELOG.md", pages),
    ]
    lines = [
        "[project]",
        'site_name = "pufferlib"',
        'site_description = "Any environment, one flat array"',
        'docs_dir = "pages"',
        'site_dir = "site"',
        "nav = [",
        *(f"    {line}," for line in menu),
        "]",
        "[project.theme]",
        "font = false  # nothing is loaded from elsewhere",
    ]
    return "\n".join(lines) + "\n"


def entry(title: str, path: Path, pages: Path) -> str:
    """Writes one line of the menu."""
    return f"{{ {json.dumps(title)} = {json.dumps(path.relative_to(pages).as_posix())} }}"


def title_of(page: Path) -> str:
    """Reads a page's first heading."""
    return page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
