"""Checkpoints: whole or not at all, exact, and never unpickled."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch

from pufferlib.exceptions import CheckpointError
from pufferlib.training import checkpoint


def write(folder: Path, step: int = 7) -> Path:
    """A small checkpoint."""
    return checkpoint.save(folder / "checkpoints", step, {"w": torch.arange(6.0).reshape(2, 3).T}, {"updates": 3})


def test_save__reads_back_exactly(tmp_path: Path):
    """Values, shapes and dtypes come back, also of views that aren't contiguous or share memory."""
    shared = torch.randn(4, dtype=torch.float64)
    tensors = {"a": shared, "b": shared[::2], "c": torch.tensor([True, False]), "empty": torch.empty(0, 3)}

    path = checkpoint.save(tmp_path, 12, tensors, {"steps": 12, "name": "x"})
    again = checkpoint.load(path)

    assert again.counters == {"steps": 12, "name": "x"}
    assert all(torch.equal(again.tensors[name], tensor) for name, tensor in tensors.items())
    assert [tensor.dtype for tensor in again.tensors.values()] == [tensors[name].dtype for name in again.tensors]


def test_save__replaces_the_same_step(tmp_path: Path):
    """Saving a step twice leaves the second and no rubbish."""
    checkpoint.save(tmp_path, 1, {"a": torch.zeros(1)}, {})
    path = checkpoint.save(tmp_path, 1, {"a": torch.ones(1)}, {})

    assert checkpoint.load(path).tensors["a"].item() == 1
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_save__that_fails_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A crash while writing leaves no half checkpoint that `latest` could find."""
    old = write(tmp_path, step=1)

    def crash(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(checkpoint, "_flush", crash)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, step=2)

    assert checkpoint.latest(tmp_path) == old
    checkpoint.prune(tmp_path / "checkpoints", keep=1)
    assert list((tmp_path / "checkpoints").iterdir()) == [old]


def test_latest__takes_a_run_its_folder_or_a_checkpoint(tmp_path: Path):
    """Steps order the checkpoints as numbers, whatever their length."""
    write(tmp_path, step=999)
    newest = write(tmp_path, step=1000)

    assert {checkpoint.latest(p) for p in (tmp_path, tmp_path / "checkpoints", newest)} == {newest}


def test_latest__says_that_there_is_none(tmp_path: Path):
    """A folder without checkpoints is an error that names it."""
    with pytest.raises(CheckpointError, match="there is no checkpoint here"):
        checkpoint.latest(tmp_path)


def test_prune__keeps_the_newest(tmp_path: Path):
    """Older checkpoints go."""
    paths = [write(tmp_path, step=step) for step in (1, 2, 3)]
    checkpoint.prune(tmp_path / "checkpoints", keep=2)

    assert checkpoint.find(tmp_path) == paths[1:]


@pytest.mark.parametrize("name", [checkpoint.TENSORS, checkpoint.MANIFEST])
def test_load__notices_damage(tmp_path: Path, name: str):
    """A flipped bit, a cut file and a missing file are errors that name the checkpoint."""
    path = write(tmp_path)
    whole = (path / name).read_bytes()
    for broken in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:20], b""):
        (path / name).write_bytes(broken)
        if name == checkpoint.MANIFEST and broken[:20] == whole[:20] and len(broken) == len(whole):
            continue  # the last byte of the manifest is a line end
        with pytest.raises(CheckpointError, match=str(path)):
            checkpoint.load(path)
    (path / name).unlink()

    with pytest.raises(CheckpointError, match="can't be read"):
        checkpoint.load(path)


def test_load__refuses_another_format(tmp_path: Path):
    """A checkpoint of a later version says so instead of failing somewhere else."""
    path = write(tmp_path)
    manifest = json.loads((path / checkpoint.MANIFEST).read_text())
    (path / checkpoint.MANIFEST).write_text(json.dumps(manifest | {"format": 99}))

    with pytest.raises(CheckpointError, match="it has format 99, not 1"):
        checkpoint.load(path)


def test_load__never_unpickles(tmp_path: Path):
    """A pickle in place of the tensors isn't run, even when its checksum is right."""

    class Bomb:
        """Leaves a file when unpickled."""

        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "exploded",))

    path = write(tmp_path)
    (path / checkpoint.TENSORS).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="isn't what was written"):
        checkpoint.load(path)

    assert not (tmp_path / "exploded").exists()


def test_restore__lists_what_differs():
    """Names and shapes that don't fit are listed, and the module stays as it was."""
    module = torch.nn.Linear(2, 3)
    before = module.weight.clone()
    with pytest.raises(CheckpointError, match=r"bias is missing, extra is unknown, weight is \(3, 1\), not \(3, 2\)"):
        checkpoint.restore(module, {"weight": torch.zeros(3, 1), "extra": torch.zeros(1)}, Path("x"))

    assert torch.equal(module.weight, before)
