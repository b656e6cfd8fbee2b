"""The command `puffer`, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pufferlib.cli import main
from pufferlib.training import checkpoint
from pufferlib.training.config import load
from pufferlib.training.logger import read_jsonl

QUICK = ["--ppo.total-steps", "1024", "--ppo.horizon", "64", "--eval.episodes", "2"]


def only_run(folder: Path) -> Path:
    """The one run below a folder."""
    (found,) = folder.glob("runs/*")
    return found


def wait_for_updates(folder: Path, process: subprocess.Popen[str]) -> None:
    """Waits until a process has learned something."""
    for _ in range(600):
        if any(path.stat().st_size for path in folder.glob("runs/*/metrics.jsonl")):
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError("no update in a minute")


def test_train__leaves_a_run_that_can_be_played(tmp_path: Path, monkeypatch, capsys):
    """It prints the curve, the mean return and where things are; the run's folder holds all that is promised."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "CartPole-v1", *QUICK, "--seed", "7"]) == 0
    run = only_run(tmp_path)
    printed = capsys.readouterr().out

    assert load(run / "config.toml").seed == 7
    assert load(run / "config.toml").env == "classic_control/CartPole-v1"
    assert [row["step"] for row in read_jsonl(run / "metrics.jsonl")] == [512, 1024]
    assert (run / "video.gif").read_bytes().startswith(b"GIF89a")
    newest = checkpoint.latest(run)
    for part in ("│", "Mean return: ", "over 2 episodes", f"Video:      {run.relative_to(tmp_path)}", newest.name):
        assert part in printed

    result = json.loads((run / "result.json").read_text())
    assert main(["eval", str(run), "--episodes", "3", "--video", "none"]) == 0
    assert "Playing 3 episodes" in capsys.readouterr().out
    again = json.loads((run / "result.json").read_text())
    assert (len(result["returns"]), len(again["returns"])) == (2, 3)
    assert main(["eval", "CartPole-v1", "--device", "cpu", "--episodes", "2", "--video", "none"]) == 0
    assert newest.name in capsys.readouterr().out


def test_eval__plays_in_an_environment_with_other_options(tmp_path: Path, monkeypatch):
    """A policy trained against itself is measured against another opponent; the result says so."""
    monkeypatch.chdir(tmp_path)
    quick = [*QUICK, "--vector.num-envs", "2", "--ppo.num-minibatches", "2", "--eval.video", "none"]
    assert main(["train", "ocean/connect4", *quick, "--env-kwargs.players", "2"]) == 0
    run = only_run(tmp_path)
    as_configured = json.loads((run / "result.json").read_text())
    words = ["--env-kwargs.depth", "0", "--episodes", "40", "--video", "none"]
    assert main(["eval", str(run), *words]) == 0
    with_another = json.loads((run / "result.json").read_text())

    assert as_configured["env_kwargs"] == {"players": 1, "depth": 2, "opening": 0}
    assert with_another["env_kwargs"] == {"players": 1, "depth": 0, "opening": 0} and with_another["episodes"] == 40
    assert load(run / "config.toml").env_kwargs == {"players": 2, "depth": 2, "opening": 10}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_train__interrupted_leaves_a_checkpoint_and_exit_code_130(tmp_path: Path, number: int):
    """Ctrl-C and a termination request end a run politely; `--resume` finishes it in the same folder."""
    command = [sys.executable, "-m", "pufferlib.cli", "train"]
    options = ["CartPole-v1", "--ppo.horizon", "16", "--eval.episodes", "1", "--eval.video", "none"]
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    process = subprocess.Popen([*command, *options], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    wait_for_updates(tmp_path, process)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)

    assert process.returncode == 130, printed
    run = only_run(tmp_path)
    saved = checkpoint.load(checkpoint.latest(run))
    assert saved.counters["steps"] > 0
    assert f"Go on with: puffer train --resume {run.relative_to(tmp_path)}" in printed
    assert str(checkpoint.latest(run).relative_to(tmp_path)) in printed

    goal = saved.counters["steps"] + 256
    resumed = subprocess.run(
        [*command, "--resume", run.relative_to(tmp_path), "--ppo.total-steps", str(goal)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    again = checkpoint.load(checkpoint.latest(run)).counters
    assert again["steps"] == goal
    assert again["restarts"] == 2
    assert load(run / "config.toml").ppo.horizon == 16
    steps = [row["step"] for row in read_jsonl(run / "metrics.jsonl")]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["train", "CartPole-v0.5"], "Did you mean .*CartPole-v1", id="environment"),
        pytest.param(["train", "--env", "CartPole-v0.5"], "Did you mean .*CartPole-v1", id="environment option"),
        pytest.param(["train", "CartPole-v1", "--config", "missing.toml"], "missing.toml: can't be read", id="config"),
        pytest.param(["train", "CartPole-v1", "--resume", "x"], "x knows its environment. Leave out Cart", id="both"),
        pytest.param(["train", "--resume", "nowhere"], "nowhere: this is no run", id="resume"),
        pytest.param(
            ["eval", "CartPole-v1"], "no run in runs/ has trained it. Run: puffer train CartPole-v1", id="eval"
        ),
        pytest.param(["train", "CartPole-v1", "--device", "warp"], "'warp' can't be used", id="device"),
        pytest.param(["train", "CartPole-v1", "--ppo.gamma", "2"], "ppo.gamma: it is 2.0", id="range"),
        pytest.param(["envs", "minigird"], "Did you mean minigrid", id="adapter"),
    ],
)
def test_main__explains_errors(tmp_path: Path, monkeypatch, capsys, words: list[str], message: str):
    """What a user got wrong is one line on stderr, with the remedy, and exit code 1."""
    monkeypatch.chdir(tmp_path)
    code = main(words)
    error = capsys.readouterr().err

    assert code == 1
    assert len(error.splitlines()) == 1
    import re

    assert re.search(message, error)


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        pytest.param("imageio_ffmpeg", ["--eval.video", "mp4"], "video", id="mp4"),
        pytest.param("tensorboard", ["--tensorboard"], "tensorboard", id="tensorboard"),
    ],
)
def test_train__asks_for_a_package_before_it_trains(
    tmp_path: Path, monkeypatch, capsys, package: str, words: list[str], extra: str
):
    """A missing package is said at the start, with the command that installs it."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)

    assert main(["train", "CartPole-v1", *QUICK, *words]) == 1
    assert f"pip install pufferlib[{extra}]" in capsys.readouterr().err
    assert not (only_run(tmp_path) / "metrics.jsonl").exists()


def test_train__logs_for_tensorboard_and_goes_on(tmp_path: Path, monkeypatch):
    """TensorBoard finds every update once, of a resumed run too, with the values of metrics.jsonl."""
    monkeypatch.chdir(tmp_path)
    options = ["--eval.video", "none", "--tensorboard"]
    assert main(["train", "CartPole-v1", *QUICK, *options]) == 0
    run = only_run(tmp_path)
    assert main(["train", "--resume", str(run), "--ppo.total-steps", "2048"]) == 0

    events = EventAccumulator(str(run / "tensorboard")).Reload()
    rows = list(read_jsonl(run / "metrics.jsonl"))
    assert [event.step for event in events.Scalars("loss")] == [512, 1024, 1536, 2048]
    for name in set(rows[0]) - {"step"}:
        finite = [row[name] for row in rows if row[name] is not None]
        assert [event.value for event in events.Scalars(name)] == pytest.approx(finite)


def test_main__names_the_nearest_option(tmp_path: Path, monkeypatch, capsys):
    """An unknown option is wrong usage, and the nearest one is named."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(["train", "CartPole-v1", "--ppo.gama", "0.5"])
    error = capsys.readouterr().err

    assert exit_.value.code == 2
    assert "--ppo.gamma" in error


@pytest.mark.parametrize(("words", "code"), [([], 2), (["--help"], 0), (["fly"], 2), (["eval"], 2)])
def test_main__shows_its_usage(capsys, words: list[str], code: int):
    """Without a command, or with a wrong one, it says which there are."""
    assert main(words) == code
    assert "puffer train [ENV]" in "".join(capsys.readouterr())


@pytest.mark.parametrize("words", [["train", "--help"], ["train", "CartPole-v1", "-h"], ["eval", "--help"]])
def test_main__help_lists_the_options(capsys, words: list[str]):
    """Each option comes with its text and the value that suits the environment."""
    with pytest.raises(SystemExit) as exit_:
        main(words)
    printed = capsys.readouterr().out

    assert exit_.value.code == 0
    assert "A longer episode is cut in the video" in printed
    assert ("--ppo.horizon INT" in printed) == (words[0] == "train")


def test_envs__lists_adapters_and_their_environments(capsys):
    """`puffer envs` lists the adapters, `puffer envs ADAPTER` what one offers, as `puffer train` takes it."""
    assert main(["envs"]) == 0
    assert "classic_control" in capsys.readouterr().out
    assert main(["envs", "classic_control"]) == 0
    assert "classic_control/CartPole-v1" in capsys.readouterr().out.splitlines()


def test_main__help_imports_no_torch():
    """Usage and lists come at once."""
    code = "import sys; from pufferlib.cli import main; main(['envs']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_autotune__prints_code_that_runs(capsys):
    """The last lines are a program that makes the fastest pool."""
    options = ["--batch-size", "1", "--max-envs", "1", "--max-workers", "1", "--measure-s", "0.001"]
    assert main(["autotune", "CartPole-v1", *options]) == 0
    printed = capsys.readouterr().out

    assert printed.startswith("classic_control/CartPole-v1, batches of 1 environments\nmode ")
    names: dict[str, object] = {}
    exec(printed[printed.index("import pufferlib.environments") :], names)
    with names["envs"] as envs:  # type: ignore[attr-defined]
        assert envs.num_envs == 1


def test_autotune__wrong_usage_is_2(capsys):
    """Without an environment the usage is shown."""
    assert main(["autotune"]) == 2
    assert "usage: puffer autotune" in capsys.readouterr().err
