"""`puffer runs`: what earlier runs were, and in what they differed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pufferlib.cli import main
from pufferlib.training.config import PPOConfig, TrainConfig, to_toml
from pufferlib.training.runs import differing, read_run, read_runs

QUICK = ["--ppo.total-steps", "512", "--ppo.horizon", "64", "--eval.episodes", "2", "--eval.video", "none"]


def write_run(folder: Path, config: TrainConfig, metrics: str = "", result: str | None = None) -> Path:
    """Leaves what a run would have left."""
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(to_toml(config))
    (folder / "metrics.jsonl").write_text(metrics)
    if result is not None:
        (folder / "result.json").write_text(result)
    return folder


def test_runs__lists_what_was_trained(tmp_path: Path, monkeypatch, capsys):
    """Real runs, by environment: how far each is, what it earned, and the options in which it differs."""
    monkeypatch.chdir(tmp_path)
    for seed in ("1", "2"):
        assert main(["train", "CartPole-v1", *QUICK, "--seed", seed]) == 0
    assert main(["train", "ocean/breakout", *QUICK]) == 0
    first, second, _ = sorted(path.name for path in tmp_path.glob("runs/*"))
    result = json.loads((tmp_path / "runs" / second / "result.json").read_text())
    capsys.readouterr()
    assert main(["runs"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert [line[0] for line in lines[1:4]] == ["classic_control/CartPole-v1", f"runs/{first}", f"runs/{second}"]
    assert [line[-1] for line in lines[2:4]] == ["seed=1", "seed=2"]
    assert lines[4] == ["ocean/breakout"]
    assert lines[3][1:4] == ["512", "100", "%"]
    assert float(lines[3][6]) == pytest.approx(result["mean_return"], rel=1e-3)


def test_runs__json_holds_all_of_it(tmp_path: Path, capsys):
    """A line of JSON a run: its options, the last metrics, the result; null where there is none yet."""
    config = TrainConfig(env="ocean/pong", env_kwargs={"strength": 0.8}, ppo=PPOConfig(total_steps=400))
    rows = '{"step": 100, "episode_return": null}\n{"step": 200, "episode_return": 1.5}\n{"ste'
    folder = write_run(tmp_path / "a", config, rows)
    write_run(tmp_path / "b", config, result='{"mean_return": 3.0}')
    assert main(["runs", str(tmp_path), "--json"]) == 0
    half, fresh = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert half["run"] == str(folder)
    assert half["config"]["env_kwargs"] == {"strength": 0.8}
    assert (half["done"], half["last"], half["result"]) == (0.5, {"step": 200, "episode_return": 1.5}, None)
    assert (fresh["done"], fresh["last"], fresh["result"]) == (0.0, {}, {"mean_return": 3.0})


def test_runs__shows_one_that_has_just_begun(tmp_path: Path, capsys):
    """A run without an update, or without an episode that ended, has dashes for numbers."""
    write_run(tmp_path / "a", TrainConfig())
    write_run(tmp_path / "b", TrainConfig(), '{"step": 4096, "seconds": 1234.5, "episode_return": null}\n')
    assert main(["runs", str(tmp_path)]) == 0
    _, _, begun, longer = capsys.readouterr().out.splitlines()

    assert begun.split()[1:] == ["0", "0", "%", "-", "-", "-"]
    assert longer.split()[1:] == ["4,096", "0", "%", "1,234", "-", "-"]


def test_runs__a_damaged_one_hides_no_other(tmp_path: Path, capsys):
    """What can't be read is said on stderr, with its folder, and makes the exit code 1."""
    write_run(tmp_path / "a", TrainConfig())
    (write_run(tmp_path / "b", TrainConfig()) / "config.toml").write_text("speed = 3\n")
    write_run(tmp_path / "c", TrainConfig(), result='{"mean')
    (tmp_path / "no run").mkdir()
    assert main(["runs", str(tmp_path)]) == 1
    printed = capsys.readouterr()

    assert f"{tmp_path}/a" in printed.out and f"{tmp_path}/b" not in printed.out
    wrong_option, half_written = printed.err.splitlines()
    assert wrong_option.startswith(f"puffer: {tmp_path}/b: speed: there is no such option")
    assert half_written.endswith(f"Run: puffer eval {tmp_path}/c")


def test_runs__says_when_there_is_none(tmp_path: Path, capsys):
    """An empty folder, or one that isn't there, is an error with a remedy; a wrong option is wrong usage."""
    assert main(["runs", str(tmp_path / "nowhere")]) == 1
    assert "nowhere: there is no run in this folder. Run: puffer train" in capsys.readouterr().err
    assert main(["runs", "--yaml"]) == 2


def test_differing__names_options_as_the_command_line_does(tmp_path: Path):
    """Nested options have dots; those that don't change what is learned are left out; a missing one is None."""
    base = TrainConfig(env_kwargs={"rows": 6})
    others = [
        replace(base, ppo=replace(base.ppo, gamma=0.9), device="cpu", eval=replace(base.eval, episodes=1)),
        replace(base, env_kwargs={"rows": 6, "lives": 1}),
    ]
    runs = [read_run(write_run(tmp_path / str(i), config)) for i, config in enumerate([base, *others])]

    assert differing(runs) == [
        {"ppo.gamma": 0.99, "env_kwargs.lives": None},
        {"ppo.gamma": 0.9, "env_kwargs.lives": None},
        {"ppo.gamma": 0.99, "env_kwargs.lives": 1},
    ]
    assert differing(runs[:1]) == [{}]
    assert [run.folder for run in read_runs(tmp_path)[0]] == [run.folder for run in runs]
