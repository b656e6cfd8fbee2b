"""Trains the environments of docs/training.md over several seeds and draws the curves.

    .venv/bin/python scripts/curves.py               every experiment
    .venv/bin/python scripts/curves.py cartpole      one of them
    .venv/bin/python scripts/curves.py --draw        only draws again, from the data in docs/curves

Data goes to docs/curves/NAME.json, pictures beside it as SVG. Drawing needs matplotlib, which nothing else here does.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pufferlib.training import run
from pufferlib.training.config import update
from pufferlib.training.logger import read_jsonl

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "curves"
SEEDS = (1, 2, 3)
MAX_POINTS = 200

# name -> environment, return to reach, and label -> options that differ from the adapter's config.toml.
EXPERIMENTS: dict[str, tuple[str, float, dict[str, dict[str, Any]]]] = {
    "cartpole": ("classic_control/CartPole-v1", 475, {"PPO": {}}),
    "pendulum": ("classic_control/Pendulum-v1", -300, {"PPO": {}}),
    "doorkey": ("minigrid/MiniGrid-DoorKey-5x5-v0", 0.9, {"PPO": {}}),
    "memory": (
        "minigrid/MiniGrid-MemoryS7-v0",
        0.9,
        {"recurrent": {"policy": {"recurrent": True}}, "feed-forward": {"policy": {"recurrent": False}}},
    ),
}


def measure(env: str, seed: int, changes: Mapping[str, Any], runs: str) -> dict[str, Any]:
    """Trains and evaluates once; the steps, returns and times of the curve, and the result."""
    config = update(run.default_config(env), {**changes, "seed": seed, "runs": runs})
    config = update(config, {"eval": {"video": "none"}})
    folder = run.make_run(config)
    run.train(config, folder)
    games = run.play(config, folder, folder)
    rows = list(read_jsonl(folder / "metrics.jsonl"))
    rows = rows[:: max(1, len(rows) // MAX_POINTS)] + rows[-1:]
    return {
        "seed": seed,
        "steps": [row["step"] for row in rows],
        "seconds": [round(row["seconds"], 2) for row in rows],
        "returns": [None if row["episode_return"] is None else round(row["episode_return"], 4) for row in rows],
        "evaluation": {
            "episodes": len(games.episodes),
            "deterministic": config.eval.deterministic,
            "mean_return": round(games.mean_return, 4),
            "std_return": round(games.std_return, 4),
        },
    }


def draw(name: str, data: Mapping[str, Any]) -> None:
    """Draws an experiment's curves: one line per seed, a colour per variant."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "pufferlib"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for colour, (label, curves) in zip(("tab:blue", "tab:orange"), data["variants"].items(), strict=False):
        for i, curve in enumerate(curves):
            axes.plot(curve["steps"], curve["returns"], color=colour, alpha=0.8, label=label if i == 0 else None)
    axes.axhline(data["target"], color="grey", linestyle=":", label="goal")
    axes.set(title=data["env"], xlabel="agent steps", ylabel="return, mean of 100 episodes")
    axes.legend()
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Runs the experiments that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*EXPERIMENTS, []], help="experiments; none: all")
    parser.add_argument("--draw", action="store_true", help="draw only")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--runs", default="runs/curves", help="where the runs go")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.names or EXPERIMENTS:
        env, target, variants = EXPERIMENTS[name]
        path = FOLDER / f"{name}.json"
        if not options.draw:
            data: dict[str, Any] = {"env": env, "target": target, "date": time.strftime("%Y-%m-%d")}
            data["cores"] = run.usable_cores()
            data["variants"] = {
                label: [measure(env, seed, changes, options.runs) for seed in options.seeds]
                for label, changes in variants.items()
            }
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(data) + "\n")
            os.replace(partial, path)
        draw(name, json.loads(path.read_text()))
        for label, curves in json.loads(path.read_text())["variants"].items():
            for curve in curves:
                result = curve["evaluation"]
                print(f"{name} {label} seed {curve['seed']}: {result['mean_return']:g}, {curve['seconds'][-1]:.0f} s")


if __name__ == "__main__":
    main()
