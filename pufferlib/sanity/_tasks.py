"""What is asked of a trainer: environments, how to vectorize them, and what counts as solved.

How each is trained (vector options, horizon, discount, recurrence) stands in `environments/ocean/config.toml`, where
`puffer train ocean/NAME` reads it too. The discount and, for `absent`, `gae_lambda` are part of the task.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pufferlib.ocean
import pufferlib.vector
from pufferlib.exceptions import ConfigError
from pufferlib.training.config import TrainConfig, load, update

GOAL = 0.9  # of the way from random play to the optimum


@dataclass(frozen=True)
class SanityTask:
    """One environment to learn, and how well is well."""

    name: str
    catches: tuple[str, ...]
    """Bugs of a trainer with which it isn't solved."""
    random: float
    """Mean score of uniformly random actions."""
    optimum: float = 1.0
    """Mean score of the best policy without extra senses."""
    env: str = ""
    """The environment in `pufferlib.ocean`, if its name is another one."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Options of training that differ from those of the environment in `environments/ocean/config.toml`."""
    number: str = "score"
    """The number that the environment reports of each episode, which is averaged."""

    @property
    def env_name(self) -> str:
        """The environment in `pufferlib.ocean`."""
        return self.env or self.name

    @property
    def gymnasium_id(self) -> str:
        """For `gymnasium.make` and `gymnasium.make_vec`: with spaces as they were written."""
        return f"puffer/{self.env_name}-v0"

    @property
    def config(self) -> TrainConfig:
        """How the library's PPO trains it; a good start for other trainers."""
        return update(_config(self.env_name), self.changes)

    @property
    def recurrent(self) -> bool:
        """Whether it takes a policy with a memory."""
        return self.config.policy.recurrent

    def make_pool(self, num_envs: int | None = None) -> Any:
        """Makes a pool to train in, with same-step autoreset.

        Args:
            num_envs: None: as the config says, maybe in batches of some of them. A number: all in each batch.
        """
        vector = self.config.vector
        return pufferlib.vector.make(
            pufferlib.ocean.env_creator(self.env_name),
            env_kwargs=self.config.env_kwargs,
            num_envs=num_envs or vector.num_envs,
            batch_size=None if num_envs else vector.batch_size,
        )

    def normalize(self, score: float) -> float:
        """Puts a score on the scale on which random play has 0 and the optimum 1."""
        return (score - self.random) / (self.optimum - self.random)


_TASKS = (
    SanityTask(
        "bandit",
        ("observations misaligned with actions", "reward shifted by a step", "autoreset off by one"),
        random=0.25,
    ),
    SanityTask(
        "async",
        ("async batches mis-assembled",),
        random=0.25,
        env="bandit",
        changes={"vector": {"num_envs": 1024, "batch_size": 256}},
    ),
    SanityTask("seeds", ("seeds shared",), random=0.25),
    SanityTask("multiagent", ("agents mixed up",), random=0.25),
    SanityTask("absent", ("masked agents trained on",), random=0.5),
    SanityTask("spaces", ("structured observations mis-unpacked", "multi-discrete actions mis-packed"), random=0.321),
    SanityTask("continuous", ("continuous actions mis-packed",), random=0.542),
    SanityTask("mixed", ("mixed actions mis-packed",), random=0.479),
    SanityTask("stochastic", ("actions from another distribution than the rated one",), random=0.167, optimum=0.954),
    SanityTask("password", ("exploration broken",), random=1 / 1024),
    SanityTask("entropy", ("entropy bonus wrong",), random=0.167, optimum=0.954),
    SanityTask("discount", ("wrong discount", "advantage leaking between environments"), random=0.5),
    SanityTask("afterlife", ("advantage leaking across an episode end",), random=0.5),
    SanityTask(
        "terminal",
        ("terminal treated as a truncation", "advantage leaking across an episode end", "autoreset off by one"),
        random=0.5,
    ),
    SanityTask("truncation", ("truncation treated as a terminal",), random=0.5),
    SanityTask("memory", ("recurrent state not reset", "recurrent state reset too often"), random=1 / 3),
    SanityTask(
        "squared",
        ("gradient, return or credit wrong in any way",),
        random=0.2,
        number="reached",
        changes={
            "env_kwargs": {"size": 5},
            "policy": {"hidden_size": 64},
            "ppo": {
                "total_steps": 150_000,
                "horizon": 8,
                "num_minibatches": 2,
                "update_epochs": 4,
                "learning_rate": 3e-3,
                "gamma": 0.9,
                "entropy_coef": 0.003,
            },
        },
    ),
)


def names() -> list[str]:
    """The names of all tasks, in the order in which they are run."""
    return [each.name for each in _TASKS]


def task(name: str) -> SanityTask:
    """Finds a task by its name.

    Raises:
        ConfigError: there is none of this name; the nearest one is named.
    """
    for each in _TASKS:
        if each.name == name:
            return each
    nearest = difflib.get_close_matches(name, names(), n=1, cutoff=0.4)
    remedy = f"Did you mean {nearest[0]}?" if nearest else f"There are {', '.join(names())}."
    raise ConfigError(name, "there is no sanity task of this name.", remedy)


def tasks(chosen: Sequence[str] = ()) -> list[SanityTask]:
    """Finds tasks by their names, all of them if none is named.

    Raises:
        ConfigError: there is none of one of these names.
    """
    return [task(name) for name in chosen] if chosen else list(_TASKS)


@functools.cache
def _config(env_name: str) -> TrainConfig:
    import pufferlib.environments

    folder = Path(pufferlib.environments.load("ocean").__file__ or "").parent
    return load(folder / "config.toml", TrainConfig(env=f"ocean/{env_name}", device="cpu"), env_name)
