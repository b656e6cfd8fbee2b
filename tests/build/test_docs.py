"""The pages of the documentation: their links lead somewhere, and the site has all of them."""

import re
import tomllib
from pathlib import Path

import pytest

import site_pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "environments/*/*.md", "docker/*.md", ".devcontainer/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page__links_lead_to_files(page):
    """Every relative link points to a file of the repository."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_site__has_every_guide_and_data_sheet_in_its_menu(tmp_path):
    """A new page in docs/ or a new adapter needs no second list."""
    site_pages.gather(tmp_path)
    menu = tomllib.loads((tmp_path / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    flat = [path for line in menu for value in line.values() for path in ([value] if isinstance(value, str) else [])]
    sheets = [
        path
        for line in menu
        for value in line.values()
        if isinstance(value, list)
        for e in value
        for path in e.values()
    ]

    assert {path for path in flat if path.startswith("docs/")} == {f"docs/{p.name}" for p in ROOT.glob("docs/*.md")}
    assert set(sheets) == {f"environments/{p.parent.name}/README.md" for p in ROOT.glob("environments/*/README.md")}
    assert [path for path in [*flat, *sheets] if not (tmp_path / "pages" / path).is_file()] == []
