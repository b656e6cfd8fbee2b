"""The sample of docs/ocean.md runs as printed."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ocean.md"


def test_sample__runs_as_printed():
    """Pools, Gymnasium's two doors and PettingZoo's: each line of the page works."""
    (sample,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    done = subprocess.run([sys.executable, "-W", "error", "-c", sample], capture_output=True, text=True, timeout=100)

    assert done.stderr == ""
    frame, leaves, agents = done.stdout.splitlines()
    assert frame == "(259, 259, 3)"
    assert leaves == "['height', 'nested', 'votes']"
    assert agents == "['agent_0', 'agent_1', 'agent_2']"
