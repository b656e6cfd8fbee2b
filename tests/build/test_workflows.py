"""The workflows of .github: what they run exists, and what they run it with can't be exchanged for something else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow__pins_every_action_to_a_commit(path):
    """A tag can be moved, a commit can't; the version stands beside it for the reader."""
    text = path.read_text(encoding="utf-8")

    assert len(re.findall(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.M)) == text.count("uses: ")


def test_workflows__agree_on_the_commit_of_an_action():
    """An update that forgets one place is noticed."""
    pins = {}
    for path in WORKFLOWS:
        for action, pin in re.findall(r"uses: ([\w./-]+)@(.*)$", path.read_text(encoding="utf-8"), re.M):
            pins.setdefault(action, set()).add(pin)

    assert pins
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow__calls_targets_and_scripts_that_exist(path):
    """What CI runs is what people run: targets of the Makefile and scripts of the repository."""
    text = path.read_text(encoding="utf-8")
    called = re.findall(r"^ +(?:run: |- run: )?make ([a-z-]+)", text, re.M)
    scripts = re.findall(r"(?:run: |bash )((?:\.ci|scripts)/[\w-]+)", text)
    watched = re.findall(r'^      - "([\w./-]+)"$', text, re.M)

    assert [name for name in called if name not in TARGETS] == []
    assert [name for name in [*scripts, *watched] if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow__leaves_no_credentials_in_the_checkout(path):
    """The token that fetched the code is gone before any of our code, or anyone else's, runs."""
    text = path.read_text(encoding="utf-8")

    assert text.count("persist-credentials: false") == text.count("uses: actions/checkout@")
    assert re.search(r"^permissions: \{\}$", text, re.M)
