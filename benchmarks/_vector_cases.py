"""What the vectorization benchmark runs: environments, sizes, and the peers that step them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Contender:
    """One way to run a case."""

    script: str
    mode: str
    num_workers: int | None = None  # None: the peer has a process for each environment, or none
    multiple: int = 1  # environments for each in a batch

    @property
    def serial(self) -> bool:
        """Whether it steps one environment after the other in its own process."""
        return self.mode in ("serial", "loop")

    @property
    def name(self) -> str:
        """How tables call it."""
        text = NAMES[self.script, self.mode]
        text += f", {self.num_workers} workers" if self.num_workers else ""
        return text + (f", {self.multiple} x as many environments" if self.multiple > 1 else "")


NAMES = {
    ("ours", "serial"): "Serial",
    ("ours", "workers"): "Multiprocessing",
    ("ours", "blocks"): "Multiprocessing, zero-copy blocks",
    ("ours", "async"): "Multiprocessing, first ready",
    ("ours_adapter", "serial"): "Serial, our adapter",
    ("ours_adapter", "workers"): "Multiprocessing, our adapter",
    ("original", "serial"): "pufferlib 1.0.1 Serial",
    ("original", "workers"): "pufferlib 1.0.1 Multiprocessing",
    ("original", "blocks"): "pufferlib 1.0.1, zero-copy blocks",
    ("original", "async"): "pufferlib 1.0.1, first ready",
    ("gymnasium_vector", "serial"): "Gymnasium Sync",
    ("gymnasium_vector", "workers"): "Gymnasium Async",
    ("gymnasium_vector", "numpy"): "Gymnasium CartPoleVectorEnv (NumPy)",
    ("gymnasium_vector", "ale"): "ALE AtariVectorEnv (C++)",
    ("sb3", "serial"): "SB3 Dummy",
    ("sb3", "workers"): "SB3 Subproc",
    ("tianshou_vector", "serial"): "Tianshou Dummy",
    ("tianshou_vector", "workers"): "Tianshou Shmem",
    ("torchrl_vector", "serial"): "TorchRL Serial",
    ("torchrl_vector", "workers"): "TorchRL Parallel",
    ("envpool_vector", "threads"): "EnvPool (C++)",
    ("raw", "loop"): "a bare loop",
    ("raw_of_original", "loop"): "a bare loop, Gymnasium 0.29.1",
}


@dataclass(frozen=True)
class Case:
    """An environment, how many make a batch, and how many workers those get that can choose."""

    name: str
    env: str
    num_envs: int = 8
    num_workers: int = 2
    options: dict[str, Any] = field(default_factory=dict)
    contenders: tuple[Contender, ...] = ()
    agents_alive: int = 1  # in most steps, of each environment
    num_actions: int = 1  # from which they are drawn; 1: always action 0

    @property
    def title(self) -> str:
        """The name with the sizes."""
        return f"{self.name}; {self.num_envs} envs, {self.num_workers} workers"

    @property
    def perfect(self) -> float | None:
        """Steps per second if vectorization cost nothing."""
        step_us = self.options.get("step_us")
        return 1e6 * min(CORES, self.num_envs) / step_us if step_us else None

    def request(self, contender: Contender) -> dict[str, Any]:
        """What a peer is told."""
        return {
            "env": self.env,
            "options": self.options,
            "num_actions": self.num_actions,
            "mode": contender.mode,
            "num_envs": self.num_envs * contender.multiple,
            "num_workers": contender.num_workers,
            "batch_size": self.num_envs,
        }


SERIALS = ("ours", "original", "gymnasium_vector", "sb3")
ALL = (*SERIALS, "tianshou_vector", "torchrl_vector")


def contenders_of(
    num_envs: int, num_workers: int, scripts: Sequence[str] = SERIALS, others: Sequence[int] = (1,)
) -> tuple[Contender, ...]:
    """Each peer without workers, with the given number, and with the other numbers that may be its best."""
    found = []
    for script in scripts:
        found.append(Contender(script, "serial"))
        if script in ("ours", "original"):
            counts = [w for w in (num_workers, *others) if num_envs % w == 0 and w <= num_envs]
            # The original's driver and workers all spin: more of them than cores take minutes.
            counts = counts if script == "ours" else [w for w in counts if w <= max(CORES, num_workers)]
            found += [Contender(script, "workers", w) for w in dict.fromkeys(counts)]
        else:
            found.append(Contender(script, "workers"))
    return tuple(found)


def busy(step_us: float, size_bytes: int = 64, num_envs: int = 8, num_workers: int = 2) -> Case:
    """A synthetic environment."""
    size = f"{size_bytes} B" if size_bytes < 1024 else f"{size_bytes // 1024} KB"
    options = {"step_us": step_us, "size_bytes": size_bytes}
    return Case(f"{step_us:g} us, {size}", "busy", num_envs, num_workers, options, contenders_of(num_envs, num_workers))


def other_workers(case: Case, *more: Contender) -> Case:
    """Leaves only what another number of workers changes, and what to see it beside."""
    scripts = {"gymnasium_vector", "sb3"}
    equal = [c for c in case.contenders if c.num_workers == case.num_workers or (c.script in scripts and not c.serial)]
    return replace(case, contenders=(*equal, Contender("ours", "serial"), *more))


def crowd(num_agents: int) -> Case:
    """A PettingZoo environment, half of whose agents are dead."""
    modes = [("raw", "loop", None), ("ours", "serial", None), ("ours", "workers", 2)]
    modes += [("original", "serial", None), ("original", "workers", 2)]
    alive = max(1, (num_agents + 1) // 2)
    contenders = tuple(Contender(*mode) for mode in modes)
    return Case(f"{num_agents} agents, half of them dead", "crowd", 8, 2, {"num_agents": num_agents}, contenders, alive)


def asynchronous(spread: float) -> Case:
    """Step times that differ: batches of the first environments that are ready, beside synchronous ones."""
    sync = (Contender("ours", "workers", 2), Contender("gymnasium_vector", "workers"), Contender("sb3", "workers"))
    modes = [("blocks", 2, 2), ("blocks", 4, 2), ("async", 4, 2), ("async", 8, 2), ("async", 4, 4)]
    pools = [Contender(script, *mode) for script in ("ours", "original") for mode in modes]
    options = {"step_us": 100, "spread": spread}
    return Case(f"lognormal 100 us, sigma {spread:g}, batches of 8", "busy", 8, 2, options, (*sync, *pools))


def real(name: str, env: str, num_envs: int, num_workers: int, *more: Contender, num_actions: int = 1) -> Case:
    """An environment that exists, with all peers."""
    contenders = (*contenders_of(num_envs, num_workers, ALL, (1, 4)), *more)
    return Case(name, env, num_envs, num_workers, {}, contenders, num_actions=num_actions)


LOOPS = (Contender("raw", "loop"), Contender("raw_of_original", "loop"))
ENVPOOLS = (Contender("envpool_vector", "threads", 1), Contender("envpool_vector", "threads", 2))
ADAPTERS = (Contender("ours_adapter", "serial"), Contender("ours_adapter", "workers", 2))
C_CARTPOLES = (*LOOPS, Contender("gymnasium_vector", "numpy"), *ENVPOOLS)
C_PONGS = (*ENVPOOLS, Contender("gymnasium_vector", "ale", 2))
TWO_WORKERS = Contender("ours", "workers", 2)
GROUPS: dict[str, list[Case]] = {
    "Environments that exist": [
        real("CartPole", "cartpole", 8, 2, *C_CARTPOLES),
        other_workers(real("CartPole", "cartpole", 8, 4 * CORES), TWO_WORKERS, *LOOPS),
        Case("CartPole", "cartpole", 2, 2, {}, (*contenders_of(2, 2), *LOOPS)),
        Case("CartPole", "cartpole", 64, 2, {}, (*contenders_of(64, 2), *C_CARTPOLES)),
        real("MiniGrid DoorKey-5x5", "minigrid", 8, 2, *LOOPS),
        real("Atari Pong", "pong", 8, 2, *C_PONGS, *ADAPTERS, *LOOPS, num_actions=6),
        real("NetHack", "nethack", 8, 2, *ADAPTERS, *LOOPS, num_actions=23),
    ],
    "Synthetic environments": [
        *(busy(step_us) for step_us in (0, 20, 100, 1000)),
        *(busy(100, size_bytes) for size_bytes in (4096, 102_400)),
        *(busy(100, num_envs=num_envs) for num_envs in (2, 32, 256)),
        *(other_workers(busy(100, num_workers=num_workers), TWO_WORKERS) for num_workers in (1, 4, 8)),
        busy(0, 102_400),
        busy(0, num_envs=64),
    ],
    "Step times that differ": [asynchronous(0.5), asynchronous(1.0)],
    "Many agents": [crowd(num_agents) for num_agents in (1, 8, 64, 512)],
}


def full_grid() -> list[Case]:
    """Every combination of step time, size, environments and workers that the short list samples."""
    return [
        busy(step_us, size_bytes, num_envs, num_workers)
        for step_us in (0, 20, 100, 1000)
        for size_bytes in (64, 4096, 102_400)
        for num_envs in (2, 8, 32, 128, 256)
        for num_workers in (1, 2, 4, 8)
        if num_workers <= num_envs
    ]
