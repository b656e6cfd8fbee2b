"""The README's samples run as printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_readme__samples_run_in_order(tmp_path):
    """The Python blocks of the README, run one after the other in a fresh process, neither raise nor warn."""
    pytest.importorskip("torch")
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", str(script)], capture_output=True, text=True, check=False)

    assert len(blocks) == 3
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["(1832,) uint8", "MultiDiscrete([5 3 8])"]
