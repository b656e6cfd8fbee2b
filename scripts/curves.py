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
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

import pufferlib.vector
from pufferlib.environments import make_creator
from pufferlib.models import ActionHead, Default, LSTMWrapper
from pufferlib.training import run
from pufferlib.training.config import PPOConfig, TrainConfig, update
from pufferlib.training.evaluate import evaluate
from pufferlib.training.logger import JsonlLogger, read_jsonl
from pufferlib.training.ppo import Trainer
from pufferlib.wrappers import EpisodeStats

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "curves"
SEEDS = (1, 2, 3)
MAX_POINTS = 200
MAZE = PPOConfig(total_steps=100_000, horizon=64, learning_rate=2e-3, num_minibatches=2)

# name -> environment, return to reach, and label -> options that differ from the adapter's config.toml.
EXPERIMENTS: dict[str, tuple[str, float, dict[str, dict[str, Any]]]] = {
    "cartpole": ("classic_control/CartPole-v1", 475, {"PPO": {}}),
    "pendulum": ("classic_control/Pendulum-v1", -300, {"PPO": {}}),
    "doorkey": ("minigrid/MiniGrid-DoorKey-5x5-v0", 0.9, {"PPO": {}}),
    "minihack": ("minihack/MiniHack-Room-Random-15x15-v0", 0.9, {"PPO": {}}),
    "ocean-cartpole": ("ocean/cartpole", 475, {"PPO": {}}),
    "ocean-breakout": ("ocean/breakout", 65, {"PPO": {}}),
    "ocean-pong": ("ocean/pong", 4, {"PPO": {}}),
    "ocean-snake": ("ocean/snake", 12, {"PPO": {}}),
    "ocean-gridworld": ("ocean/gridworld", 0.5, {"recurrent": {}}),
    "ocean-connect4": ("ocean/connect4", 0.5, {"PPO": {}}),
    "memory": ("TMaze", 0.9, {"recurrent": {"policy": {"recurrent": True}}, "feed-forward": {}}),
}


class TMaze(gymnasium.Env[np.ndarray, int]):
    """Shows a sign at the start of a corridor; at its end, ten steps later, the sign's side pays 1 and the other 0.

    Whoever doesn't remember gets 0.5. Each step that isn't forward costs 0.02. (Bakker 2001, "Reinforcement Learning
    with Long Short-Term Memory".) Observations: the sign (-1, 1, later 0) and whether the junction is reached.
    """

    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)  # forward, left, right
    length = 10

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Draws a sign and shows it."""
        super().reset(seed=seed)
        self.sign, self.place, self.num_steps = int(self.np_random.choice([-1, 1])), 0, 0
        return np.array([self.sign, 0], np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Walks on, or turns."""
        self.num_steps += 1
        over = self.place == self.length and action != 0
        right = over and (action == 2) == (self.sign == 1)
        reward = float(right) if over else -0.02 * (action != 0 or self.place == self.length)
        self.place = min(self.place + (action == 0), self.length)
        seen = np.array([0, self.place == self.length], np.float32)
        return seen, reward, over, self.num_steps >= 50 and not over, {}


def train_maze(config: TrainConfig, folder: Path) -> run.Games:
    """Trains and evaluates on the maze, which no adapter has."""

    def make(num_envs: int) -> pufferlib.vector.Pool:
        return pufferlib.vector.make(lambda: EpisodeStats(TMaze()), num_envs=num_envs)

    logger = JsonlLogger(folder / "metrics.jsonl")
    with torch.random.fork_rng(), make(config.vector.num_envs) as envs, make(10) as judges, run.cpu_threads(1):
        torch.manual_seed(config.seed)
        size = config.policy.hidden_size
        policy: torch.nn.Module = Default(envs.driver_env, size)
        if config.policy.recurrent:
            policy = LSTMWrapper(envs.driver_env, policy, size, size)
        Trainer(envs, policy, config, report=logger.log).train()
        logger.close()
        return run.Games(evaluate(judges, policy, 100, seed=10**9 + config.seed), None)


def measure(env: str, seed: int, changes: Mapping[str, Any], runs: str) -> dict[str, Any]:
    """Trains and evaluates once; the steps, returns and times of the curve, and the result."""
    is_maze = env == "TMaze"
    config = update(TrainConfig(env=env, ppo=MAZE) if is_maze else run.default_config(env), changes)
    config = update(config, {"seed": seed, "runs": runs, "eval": {"video": "none"}})
    folder = run.make_run(config)
    if is_maze:
        games = train_maze(config, folder)
    else:
        if not run.train(config, folder):
            sys.exit(130)
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


class Guesser(torch.nn.Module):
    """Draws every action with the same probability, whatever it sees."""

    def __init__(self, env: Any) -> None:
        super().__init__()
        self.head = ActionHead(env.emulated.action, 1)
        torch.nn.init.zeros_(self.head.linear.weight)

    def forward(self, observations: torch.Tensor) -> tuple[Any, torch.Tensor]:
        """Returns the parameters of the actions and a value of 0, (B, 1)."""
        nothing = torch.zeros(len(observations), 1)
        return self.head(nothing), nothing


def guess(env: str, num_episodes: int = 100) -> dict[str, Any]:
    """Plays episodes with random actions: what a curve starts from, more or less."""
    config = run.default_config(env)
    creator = make_creator(env, **{**config.env_kwargs, **config.eval.env_kwargs})
    with torch.random.fork_rng(), pufferlib.vector.make(creator, num_envs=10) as judges:
        torch.manual_seed(0)
        returns = [
            episode.episode_return for episode in evaluate(judges, Guesser(judges.driver_env), num_episodes, seed=10**9)
        ]
    mean, std = float(np.mean(returns)), float(np.std(returns))
    return {"episodes": len(returns), "mean_return": round(mean, 4), "std_return": round(std, 4)}


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
    if "random" in data:
        axes.axhline(data["random"]["mean_return"], color="grey", linestyle="--", label="random actions")
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
            if env != "TMaze":
                data["random"] = guess(env)
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
