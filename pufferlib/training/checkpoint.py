"""Checkpoints that survive a crash: named tensors in safetensors, everything else in a JSON manifest.

A checkpoint is a folder `checkpoints/<steps>` with two files. It's written under another name, flushed to the disk and
renamed, so it's there whole or not at all. Nothing is ever unpickled: reading a checkpoint of a stranger is safe.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from pufferlib.exceptions import CheckpointError

FORMAT = 1
TENSORS = "tensors.safetensors"
MANIFEST = "manifest.json"
_PARTIAL = ".partial-"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds."""

    tensors: dict[str, torch.Tensor]  # on the CPU
    counters: dict[str, Any]  # JSON values


def save(folder: Path, step: int, tensors: Mapping[str, torch.Tensor], counters: Mapping[str, Any]) -> Path:
    """Writes a checkpoint whole or not at all.

    Args:
        folder: where the run's checkpoints are; made if missing.
        step: names the checkpoint and orders it among the others.
        tensors: any names, any devices; they may share memory.
        counters: what JSON can hold.

    Returns:
        The checkpoint's own folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final, partial = folder / f"{step:012d}", folder / f"{_PARTIAL}{step:012d}-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    save_file({name: _plain(tensor) for name, tensor in tensors.items()}, partial / TENSORS)
    digest = hashlib.sha256((partial / TENSORS).read_bytes()).hexdigest()
    manifest = {"format": FORMAT, "step": step, "sha256": digest, "counters": dict(counters)}
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    for path in (partial / TENSORS, partial / MANIFEST, partial):
        _flush(path)
    if final.exists():  # the same step again: a folder can't be replaced in one go, so the old one steps aside first
        aside = folder / f"{_PARTIAL}old-{step:012d}-{os.getpid()}"
        final.rename(aside)
        partial.rename(final)
        shutil.rmtree(aside)
    else:
        partial.rename(final)
    _flush(folder)
    return final


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint and proves that it's whole.

    Raises:
        CheckpointError: a file is missing or damaged, or another version of the library wrote it.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        step, form, digest, counters = (manifest[key] for key in ("step", "format", "sha256", "counters"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"{MANIFEST} can't be read ({type(error).__name__}: {error}).") from error
    if form != FORMAT:
        raise CheckpointError(
            str(path), f"it has format {form}, not {FORMAT}.", "Read it with the version that wrote it."
        )
    try:
        if hashlib.sha256((path / TENSORS).read_bytes()).hexdigest() != digest:
            raise _damaged(path, f"{TENSORS} isn't what was written at step {step}.")
        return Checkpoint(load_file(path / TENSORS), counters)
    except (OSError, SafetensorError) as error:
        raise _damaged(path, f"{TENSORS} can't be read ({error}).") from error


def find(path: Path) -> list[Path]:
    """Lists a run's checkpoints, oldest first. A checkpoint's own folder stands for itself.

    Args:
        path: a run, its `checkpoints` folder, or one checkpoint.
    """
    if (path / MANIFEST).is_file():
        return [path]
    folder = path / "checkpoints" if (path / "checkpoints").is_dir() else path
    return sorted(entry.parent for entry in folder.glob(f"*/{MANIFEST}") if not entry.parent.name.startswith("."))


def latest(path: Path) -> Path:
    """Finds a run's newest checkpoint.

    Raises:
        CheckpointError: there is none.
    """
    found = find(path)
    if not found:
        raise CheckpointError(str(path), "there is no checkpoint here.", "Give the folder of a run, such as runs/NAME.")
    return found[-1]


def prune(folder: Path, keep: int) -> None:
    """Deletes all but the newest checkpoints, and what a crash left half-written."""
    for old in [*find(folder)[:-keep], *folder.glob(f"{_PARTIAL}*")]:
        shutil.rmtree(old, ignore_errors=True)


def restore(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Copies tensors into a module.

    Raises:
        CheckpointError: names or shapes differ; the first differences are listed.
    """
    own = module.state_dict()
    problems = [f"{name} is missing" for name in own.keys() - tensors.keys()]
    problems += [f"{name} is unknown" for name in tensors.keys() - own.keys()]
    for name in own.keys() & tensors.keys():
        if own[name].shape != tensors[name].shape:
            problems.append(f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}")
    if problems:
        listed = ", ".join(sorted(problems)[:3])
        raise CheckpointError(
            str(path),
            f"it doesn't fit the policy: {listed}.",
            "Use the environment and the options that it was trained with.",
        )
    module.load_state_dict(dict(tensors))


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """Copies a tensor into memory of its own, as safetensors wants it."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def _flush(path: Path) -> None:
    """Waits until a file's or folder's contents are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(str(path), problem, "Use an older checkpoint of the same run.")
