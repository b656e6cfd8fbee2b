"""Where metrics go: a small protocol, JSON lines always, TensorBoard if asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from pufferlib.exceptions import MissingDependency


class Logger(Protocol):
    """What the trainer writes its metrics to. Anything with these two methods will do."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Takes the metrics of one update; `step` counts agent steps."""

    def close(self) -> None:
        """Writes what is still unwritten."""


class JsonlLogger:
    """Appends one JSON object a line to `metrics.jsonl`, written out at once, so that a crash loses nothing."""

    def __init__(self, path: Path, step: int = 0) -> None:
        """Opens the file; when a run goes on from `step`, lines of later steps are dropped."""
        self.path = path
        if path.exists():
            kept = [json.dumps(row) for row in read_jsonl(path) if row["step"] <= step]
            path.write_text("".join(f"{line}\n" for line in kept))
        self._file = path.open("a", encoding="utf-8")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Appends a line; what isn't a finite number becomes null, as JSON knows no NaN."""
        row = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        self._file.write(json.dumps({"step": step, **row}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class TensorBoardLogger:
    """Writes event files for TensorBoard; each start of a run adds one to the folder."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        """Opens the folder; when a run goes on from `step`, TensorBoard hides what it logged of later steps.

        Raises:
            MissingDependency: the package tensorboard isn't installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingDependency("--tensorboard", "tensorboard", "pip install pufferlib[tensorboard]") from error
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Writes a scalar per metric, but for those that aren't a finite number."""
        for name, value in metrics.items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Closes the event file."""
        self._writer.close()


def read_jsonl(path: Path) -> Iterator[dict[str, float]]:
    """Reads the metrics of a run; a last line that a crash cut off is left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return
