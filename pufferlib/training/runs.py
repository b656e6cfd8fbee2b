"""What became of earlier runs: `puffer runs` lists them, with the options in which they differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pufferlib.exceptions import CheckpointError, ConfigError
from pufferlib.training.config import TrainConfig, load
from pufferlib.training.logger import read_jsonl

HEADER = ("run", "steps", "done", "seconds", "return", "evaluated", "options that differ")
LEFT_ALIGNED = (0, 6)
NOT_COMPARED = ("env", "runs", "eval", "device", "threads", "checkpoint_updates", "keep_checkpoints", "tensorboard")
NONE_YET = "-"


@dataclass(frozen=True)
class Run:
    """One run's folder, read."""

    folder: Path
    config: TrainConfig
    last: Mapping[str, Any]  # metrics of the last update; empty before the first
    result: Mapping[str, Any] | None  # of the newest evaluation

    @property
    def steps(self) -> int:
        """Agent steps done."""
        return int(self.last.get("step", 0))

    @property
    def done(self) -> float:
        """Share of the steps that were asked for, 0-1."""
        return min(1.0, self.steps / self.config.ppo.total_steps)

    def options(self) -> dict[str, Any]:
        """Gives every option that decides what is learned, as the command line names it."""
        return {name: value for name, value in _flatten(asdict(self.config)) if name.split(".")[0] not in NOT_COMPARED}

    def to_json(self) -> str:
        """Writes all of it as one line of JSON."""
        return json.dumps(
            {
                "run": str(self.folder),
                "env": self.config.env,
                "done": self.done,
                "config": asdict(self.config),
                "last": dict(self.last),
                "result": self.result and dict(self.result),
            }
        )


def read_run(folder: Path) -> Run:
    """Reads a run's folder; a run that is still going on may be read too.

    Raises:
        ConfigError: its `config.toml` can't be read, or holds options that this version doesn't have.
        CheckpointError: its `result.json` is damaged.
    """
    config, metrics, result = load(folder / "config.toml"), folder / "metrics.jsonl", folder / "result.json"
    rows = list(read_jsonl(metrics)) if metrics.is_file() else []
    try:
        evaluation = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else None
    except json.JSONDecodeError as error:
        raise CheckpointError(str(result), f"it is damaged: {error}.", f"Run: puffer eval {folder}") from error
    return Run(folder, config, rows[-1] if rows else {}, evaluation)


def read_runs(parent: Path) -> tuple[list[Run], list[str]]:
    """Reads all runs in a folder, by environment and age.

    Returns:
        The runs, and what is wrong with those that can't be read: no reason to hide the others.

    Raises:
        CheckpointError: there is none.
    """
    runs: list[Run] = []
    problems: list[str] = []
    for path in sorted(parent.glob("*/config.toml")):
        try:
            runs.append(read_run(path.parent))
        except (ConfigError, CheckpointError) as error:
            problems.append(f"{path.parent}: {error}")
    if not runs and not problems:
        raise CheckpointError(str(parent), "there is no run in this folder.", "Run: puffer train")
    return sorted(runs, key=lambda run: (run.config.env, run.folder)), problems


def differing(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Gives of each run the options in which they aren't all the same."""
    options = [run.options() for run in runs]
    names = list(dict.fromkeys(name for one in options for name in one))
    differ = [name for name in names if any(one.get(name) != options[0].get(name) for one in options)]
    return [{name: one.get(name) for name in differ} for one in options]


def table(runs: Iterable[Run]) -> str:
    """Writes a line for each run, below a heading for each environment."""
    rows: list[tuple[str, ...]] = [HEADER]
    for env, group in groupby(runs, key=lambda run: run.config.env):
        own = list(group)
        rows.append((env,))
        rows += [_row(run, options) for run, options in zip(own, differing(own), strict=True)]
    widths = [max(len(row[i]) for row in rows if len(row) > 1) for i in range(len(HEADER))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(run: Run, options: Mapping[str, Any]) -> tuple[str, ...]:
    result = run.result
    return (
        f"  {run.folder}",
        f"{run.steps:,}",
        f"{math.floor(100 * run.done)} %",
        _number(run.last.get("seconds")),
        _number(run.last.get("episode_return")),
        f"{_number(result['mean_return'])} +- {_number(result['std_return'])}" if result else NONE_YET,
        "  ".join(f"{name}={value}" for name, value in options.items()),
    )


def _line(row: tuple[str, ...], widths: Sequence[int]) -> str:
    cells = [text.ljust(widths[i]) if i in LEFT_ALIGNED else text.rjust(widths[i]) for i, text in enumerate(row)]
    return "  ".join(cells).rstrip()


def _number(value: float | None) -> str:
    return NONE_YET if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _flatten(options: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
