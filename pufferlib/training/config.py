"""Every option of training: frozen dataclasses, filled from TOML, then from the command line.

Order, the last one wins: the defaults here, the adapter's `config.toml`, its table for one environment, a file given
with `--config`, the command line. The result is written into the run's folder, so a run explains itself.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pufferlib.exceptions import ConfigError


@dataclass(frozen=True)
class VectorConfig:
    """How many environments run, and how they are batched."""

    backend: Literal["serial", "threads", "multiprocessing", "ray"] = "serial"
    """Steps them in this process, in threads (Ocean's only), in workers (worth it from some 50 us a step on), or in the
    actors of a Ray cluster (from some 10 ms on, or where one machine isn't enough)."""

    num_envs: int = 8
    """Environments in all, E."""

    batch_size: int | None = None
    """Environments that one batch holds. None: all. Fewer: the others step meanwhile; with workers, in any order."""

    num_workers: int | None = None
    """Worker processes. None: what suits the machine. Serial has none."""


@dataclass(frozen=True)
class PolicyConfig:
    """The network."""

    hidden_size: int = 128
    """Width of the hidden layers, and of the LSTM if there is one."""

    recurrent: bool = False
    """Puts an LSTM of the same width between encoder and heads, for tasks that need memory."""


@dataclass(frozen=True)
class PPOConfig:
    """The algorithm: proximal policy optimisation (Schulman et al. 2017)."""

    total_steps: int = 500_000
    """Agent steps to train for."""

    horizon: int = 128
    """Steps T of each row between two updates; for a recurrent policy also the length of backpropagation."""

    num_minibatches: int = 4
    """Parts into which a rollout is split."""

    update_epochs: int = 4
    """How often each rollout is learned from."""

    learning_rate: float = 2.5e-4
    """Adam's step size at the start."""

    anneal_learning_rate: bool = True
    """Lets the learning rate fall in a line to 0 at `total_steps`."""

    gamma: float = 0.99
    """Discount of rewards a step later."""

    gae_lambda: float = 0.95
    """Weight of longer returns in the advantage, 0-1."""

    clip: float = 0.2
    """How far the probability ratio may leave 1."""

    clip_value: float | None = None
    """How far a value may move in one update. None: freely."""

    entropy_coef: float = 0.01
    """Weight of the entropy bonus."""

    value_coef: float = 0.5
    """Weight of the critic's loss."""

    max_grad_norm: float = 0.5
    """Gradients are scaled down to this norm."""

    target_kl: float | None = None
    """Ends an update's epochs early when the policy has moved this far. None: never."""

    normalize_advantages: bool = True
    """Brings each minibatch's advantages to mean 0 and deviation 1."""

    reward_scale: float = 1.0
    """Multiplies rewards before learning; logged returns stay raw."""

    reward_clip: float | None = None
    """Clips scaled rewards to +- this. None: never."""


@dataclass(frozen=True)
class SelfplayConfig:
    """Past policies to play against, in environments whose agents are rivals."""

    share: float = 0.0
    """Share of the environments in which past policies play all agents but one, 0-1. 0: everyone plays the newest."""

    keep: int = 4
    """Past policies to choose from; each costs a pass of the network a step."""

    updates: int = 20
    """Updates after which the policy of the day joins them, in the place of a random one once there are enough."""


@dataclass(frozen=True)
class EvalConfig:
    """The games played with the trained policy."""

    episodes: int = 100
    """Episodes whose mean return is reported."""

    num_envs: int = 10
    """Environments that play them side by side."""

    deterministic: bool = False
    """Plays the most probable action instead of a sampled one."""

    env_kwargs: dict[str, bool | int | float | str] = field(default_factory=dict)
    """Keyword arguments of the environment that differ from training's: another opponent, a larger maze."""

    video: Literal["gif", "mp4", "none"] = "gif"
    """Format of the video of one episode."""

    video_frames: int = 500
    """A longer episode is cut in the video."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that one training run needs."""

    env: str = "ocean/breakout"
    """Environment: `adapter/name`, a name alone, or an adapter (its default)."""

    seed: int = 1
    """Same seed, same curve. Environment i starts with a seed of its own, made from this one."""

    device: str = "auto"
    """Where the network lives: cpu, cuda, cuda:1, ... auto: cuda where there is one."""

    threads: int | None = None
    """CPU threads of PyTorch. None: 1 for a small network, else one per usable core."""

    runs: str = "runs"
    """Folder in which each run gets its own."""

    checkpoint_updates: int = 50
    """Updates between checkpoints; one more follows the last update."""

    keep_checkpoints: int = 2
    """Older checkpoints are deleted."""

    tensorboard: bool = False
    """Also logs for TensorBoard: `tensorboard --logdir runs` shows all runs."""

    env_kwargs: dict[str, bool | int | float | str] = field(default_factory=dict)
    """Keyword arguments of the environment."""

    vector: VectorConfig = field(default_factory=VectorConfig)
    """How many environments run."""

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The network."""

    ppo: PPOConfig = field(default_factory=PPOConfig)
    """The algorithm."""

    selfplay: SelfplayConfig = field(default_factory=SelfplayConfig)
    """Past policies to play against."""

    eval: EvalConfig = field(default_factory=EvalConfig)
    """The games played with the trained policy."""

    def check(self) -> TrainConfig:
        """Refuses values that can't work, before anything starts; gives the config itself.

        (Not in `__post_init__`: tyro would show an error there without its text.)

        Raises:
            ConfigError: a value is out of its range.
        """
        for option, value, low in (
            ("vector.num_envs", self.vector.num_envs, 1),
            ("ppo.total_steps", self.ppo.total_steps, 1),
            ("ppo.horizon", self.ppo.horizon, 1),
            ("ppo.num_minibatches", self.ppo.num_minibatches, 1),
            ("ppo.update_epochs", self.ppo.update_epochs, 1),
            ("selfplay.keep", self.selfplay.keep, 1),
            ("selfplay.updates", self.selfplay.updates, 1),
            ("eval.episodes", self.eval.episodes, 1),
            ("eval.num_envs", self.eval.num_envs, 1),
            ("eval.video_frames", self.eval.video_frames, 1),
            ("checkpoint_updates", self.checkpoint_updates, 1),
            ("keep_checkpoints", self.keep_checkpoints, 1),
        ):
            if value < low:
                raise ConfigError(option, f"it is {value}.", f"Choose {low} or more.")
        for option, fraction in (
            ("ppo.gamma", self.ppo.gamma),
            ("ppo.gae_lambda", self.ppo.gae_lambda),
            ("selfplay.share", self.selfplay.share),
        ):
            if not 0 <= fraction <= 1:
                raise ConfigError(option, f"it is {fraction}.", "Choose a number from 0 to 1.")
        return self


Config = TypeVar("Config")


def update(config: Config, changes: Mapping[str, Any], where: str = "") -> Config:
    """Makes a config with some options changed.

    Args:
        config: any of the dataclasses above.
        changes: option -> value; a table for a nested dataclass.
        where: prefix for error messages, such as "ppo.".

    Raises:
        ConfigError: an option doesn't exist (the nearest one is named), or a value has the wrong type.
    """
    hints = typing.get_type_hints(type(config))
    new: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in hints:
            raise ConfigError(where + name, "there is no such option.", _suggest(name, hints))
        old = getattr(config, name)
        if dataclasses.is_dataclass(old):
            if not isinstance(value, Mapping):
                raise ConfigError(where + name, f"it is a table, not {value!r}.", f"Write [{where}{name}].")
            new[name] = update(old, value, f"{where}{name}.")
        else:
            new[name] = _coerce(value, hints[name], where + name)
    return dataclasses.replace(config, **new)  # type: ignore[type-var]


def load(path: Path | str, base: TrainConfig | None = None, env_name: str | None = None) -> TrainConfig:
    """Reads options from a TOML file over `base`.

    A table `[env."NAME".ppo]` holds options for one environment only; the rest is for all of them.

    Raises:
        ConfigError: the file isn't TOML, or holds an option that doesn't exist.
    """
    try:
        tables = tomllib.loads(Path(path).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), f"can't be read: {error}.", "Correct the file.") from error
    special = tables.pop("env", {}) if isinstance(tables.get("env"), Mapping) else {}
    config = update(base or TrainConfig(), tables)
    defaults = TrainConfig()
    for changes in special.values():
        update(defaults, changes)  # a slip in another environment's table shouldn't wait for that environment
    return update(config, special.get(env_name, {})).check()


def to_toml(config: Any) -> str:
    """Writes a config as TOML that `load` reads back. Options that are None are left out."""
    return "\n".join(_toml_lines(config, ())) + "\n"


def _toml_lines(config: Any, path: tuple[str, ...]) -> Iterable[str]:
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    tables = {name: value for name, value in values.items() if dataclasses.is_dataclass(value)}
    for name, value in values.items():
        if name not in tables and value is not None:
            yield f"{name} = {_toml_value(value)}"
    for name, table in tables.items():
        yield f"\n[{'.'.join((*path, name))}]"
        yield from _toml_lines(table, (*path, name))


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)  # the same in TOML
    return repr(value)


def _suggest(name: str, options: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, options, n=1, cutoff=0.4)
    return f"Did you mean {nearest[0]}?" if nearest else f"The options are {', '.join(options)}."


def _coerce(value: Any, hint: Any, option: str) -> Any:
    """Checks a value against its field's type; only whole numbers become floats."""
    choices = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for choice in choices:
        if choice is float and type(value) is int:
            return float(value)
        if typing.get_origin(choice) is Literal:
            if value in typing.get_args(choice):
                return value
        elif type(value) is (typing.get_origin(choice) or choice):
            return value
    if typing.get_origin(hint) is Literal:
        allowed = [str(choice) for choice in typing.get_args(hint)]
        raise ConfigError(option, f"it can't be {value!r}.", _suggest(str(value), allowed))
    names = " or ".join(getattr(choice, "__name__", str(choice)) for choice in choices)
    raise ConfigError(option, f"it is {value!r}.", f"Give a value of type {names}.")
