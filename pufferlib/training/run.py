"""A training run from its config to its folder, and games with what came out of it.

A run's folder holds `config.toml` (every option), `metrics.jsonl` (a line per update), `checkpoints/`, `result.json`
(the evaluation) and the video, and with `--tensorboard` a folder `tensorboard/`.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn

import pufferlib.environments
import pufferlib.vector
from pufferlib.exceptions import ConfigError
from pufferlib.models import Default, LSTMWrapper
from pufferlib.training import checkpoint
from pufferlib.training.config import TrainConfig, load, to_toml
from pufferlib.training.dashboard import open_dashboard
from pufferlib.training.episodes import Episode, mean_numbers
from pufferlib.training.evaluate import evaluate, film
from pufferlib.training.logger import JsonlLogger, Logger, TensorBoardLogger
from pufferlib.training.ppo import Trainer
from pufferlib.training.selfplay import Rivals
from pufferlib.training.video import find_encoder, write_video

SMALL_NETWORK = 1_000_000  # parameters; below, a second thread costs more than it does


@dataclass(frozen=True)
class Games:
    """How a policy plays."""

    episodes: list[Episode]
    video: Path | None

    @property
    def mean_return(self) -> float:
        """Over all episodes."""
        return float(np.mean([episode.episode_return for episode in self.episodes]))

    @property
    def std_return(self) -> float:
        """Standard deviation over all episodes."""
        return float(np.std([episode.episode_return for episode in self.episodes]))


def default_config(spec: str) -> TrainConfig:
    """Finds the options that an environment's adapter recommends.

    Args:
        spec: what `pufferlib.environments.resolve` understands.
    """
    module, name = pufferlib.environments.resolve(spec)
    config = TrainConfig(env=pufferlib.environments.full_name(spec))
    path = Path(module.__file__ or "").parent / "config.toml"
    return load(path, config, name) if path.is_file() else config


def make_run(config: TrainConfig) -> Path:
    """Makes a new run's folder and writes its config there."""
    name = config.env.replace("/", "-").replace(":", "-") + time.strftime("-%Y%m%d-%H%M%S")
    for attempt in range(1, 100):
        folder = Path(config.runs) / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        (folder / "config.toml").write_text(to_toml(config))
        return folder
    raise ConfigError("runs", f"{name} exists a hundred times.", "Choose another folder.")


def make_envs(config: TrainConfig, num_envs: int | None = None, **options: Any) -> Any:
    """Makes the pool to train on, or a serial one of `num_envs` environments to play in."""
    creator = pufferlib.environments.make_creator(config.env, **config.env_kwargs, **options)
    if num_envs is not None:
        return pufferlib.vector.make(creator, num_envs=num_envs)
    vector = config.vector
    return pufferlib.vector.make(
        creator,
        backend=vector.backend,
        num_envs=vector.num_envs,
        num_workers=vector.num_workers,
        batch_size=vector.batch_size,
    )


def make_policy(config: TrainConfig, env: Any) -> nn.Module:
    """Makes the adapter's policy, or the default one, with weights drawn from the config's seed."""
    module, _ = pufferlib.environments.resolve(config.env)
    kind = getattr(module, "Policy", Default)
    size = config.policy.hidden_size
    with torch.random.fork_rng([]):
        torch.manual_seed(config.seed)
        takes_size = "hidden_size" in inspect.signature(kind).parameters
        policy: nn.Module = kind(env, hidden_size=size) if takes_size else kind(env)
        if config.policy.recurrent:
            size = getattr(policy, "hidden_size", size)
            policy = LSTMWrapper(env, policy, input_size=size, hidden_size=size)
    return policy


def load_policy(config: TrainConfig, path: Path, env: Any, device: torch.device) -> nn.Module:
    """Makes the policy of a run, with the weights of its newest checkpoint.

    Args:
        config: of the run.
        path: the run, or one checkpoint.
        env: an environment as those it was trained on.
        device: where it is to live.

    Raises:
        CheckpointError: there is none, or it doesn't fit.
    """
    newest = checkpoint.latest(path)
    tensors = {
        n.removeprefix("policy."): t for n, t in checkpoint.load(newest).tensors.items() if n.startswith("policy.")
    }
    policy = make_policy(config, env)
    checkpoint.restore(policy, tensors, newest)
    return policy.to(device)


def train(config: TrainConfig, folder: Path, resume: bool = False) -> bool:
    """Trains as configured, in a folder made by `make_run`.

    SIGINT (Ctrl-C) and SIGTERM end it after the current step, with a checkpoint.

    Returns:
        Whether it was finished, rather than interrupted.
    """
    device = pick_device(config.device)
    if config.eval.video == "mp4":
        find_encoder()
    with make_envs(config) as envs:
        policy = make_policy(config, envs.driver_env)
        rivals = Rivals(envs, policy, config.selfplay, device, config.seed) if config.selfplay.share else None
        trainer = Trainer(rivals or envs, policy, config, device, folder / "checkpoints")
        if resume:
            trainer.restore(checkpoint.latest(folder))
        start = trainer.counters.steps
        loggers: list[Logger] = [TensorBoardLogger(folder / "tensorboard", start)] if config.tensorboard else []
        loggers.append(JsonlLogger(folder / "metrics.jsonl", start))
        num_parameters = sum(parameter.numel() for parameter in policy.parameters())
        dashboard = open_dashboard(
            f"{config.env} · {num_parameters:,} parameters · {device} · seed {config.seed}", config.ppo.total_steps
        )

        def report(metrics: Mapping[str, float], step: int) -> None:
            for logger in loggers:
                logger.log(metrics, step)
            dashboard.show(metrics, step)
            if rivals and trainer.counters.updates % config.selfplay.updates == 0:
                rivals.remember()

        trainer.report = report
        try:
            with cpu_threads(config.threads or (1 if num_parameters < SMALL_NETWORK else usable_cores())):
                with interruptible() as stopped:
                    return trainer.train(stopped)
        finally:
            dashboard.close()
            for logger in loggers:
                logger.close()


def play(config: TrainConfig, path: Path, folder: Path) -> Games:
    """Plays with a checkpoint: many episodes to measure, one more to film.

    Args:
        config: of its run; `config.eval` says how to play.
        path: a run or a checkpoint.
        folder: where the video and `result.json` go.

    Raises:
        CheckpointError: there is none, or it doesn't fit.
    """
    options, device = config.eval, pick_device(config.device)
    newest = checkpoint.latest(path)
    config = replace(config, env_kwargs={**config.env_kwargs, **options.env_kwargs})
    seed = 1_000_000_000 + config.seed  # far from training's
    with cpu_threads(config.threads or 1):
        with make_envs(config, min(options.num_envs, options.episodes)) as envs:
            policy = load_policy(config, path, envs.driver_env, device)
            games = Games(evaluate(envs, policy, options.episodes, seed, options.deterministic, device), None)
    result = {
        "checkpoint": newest.name,
        "deterministic": options.deterministic,
        "env_kwargs": config.env_kwargs,
        "episodes": len(games.episodes),
        "mean_return": games.mean_return,
        "std_return": games.std_return,
        "infos": mean_numbers(games.episodes),
        "returns": [episode.episode_return for episode in games.episodes],
    }
    (folder / "result.json").write_text(json.dumps(result) + "\n")
    if options.video == "none":
        return games
    with cpu_threads(config.threads or 1):
        return replace(games, video=_film(config, policy, device, seed, folder))


def _film(config: TrainConfig, policy: nn.Module, device: torch.device, seed: int, folder: Path) -> Path | None:
    with make_envs(config, 1, render_mode="rgb_array") as envs:
        frames = film(envs, policy, seed, config.eval.video_frames, config.eval.deterministic, device)
        rate_hz = float((getattr(envs.driver_env, "metadata", None) or {}).get("render_fps") or 15)
    if not frames:
        return None
    path = folder / f"video.{config.eval.video}"
    write_video(path, frames, rate_hz)
    return path


def pick_device(name: str) -> torch.device:
    """Turns the option `device` into a device that exists.

    Raises:
        ConfigError: it doesn't.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError("device", f"{name!r} can't be used ({str(error).splitlines()[0]})", "Choose cpu.") from error
    return device


def usable_cores() -> int:
    """Counts the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Lets PyTorch use so many threads inside, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Turns the first SIGINT or SIGTERM inside into a flag; the second one interrupts at once.

    In another thread than the main one no signals arrive, and the flag stays down.
    """
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
