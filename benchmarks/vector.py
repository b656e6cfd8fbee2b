"""Vectorization beside Gymnasium and Stable-Baselines3: the same environments, the same actions, in turns.

Peers start one process per environment; pufferlib takes `num_workers`. Everything runs in the `dev` environment.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from _measure import RESULTS, describe_machine, table, write_section
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

import pufferlib.vector
from pufferlib.emulation import emulate

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Busy(gymnasium.Env):
    """Costs a given CPU time a step, drawn from a lognormal distribution if `spread` isn't 0."""

    def __init__(self, step_us: float = 100.0, size_bytes: int = 64, spread: float = 0.0) -> None:
        """Prepares an observation of `size_bytes`."""
        self.observation_space = gymnasium.spaces.Box(0, 255, (size_bytes,), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.observation = np.ones(size_bytes, np.uint8)
        self.step_us, self.spread = step_us, spread

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Seeds the step times."""
        super().reset(seed=seed)
        return self.observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Burns CPU time; waiting for a core doesn't count."""
        cost_us = self.step_us
        if self.spread:
            cost_us *= float(self.np_random.lognormal(-(self.spread**2) / 2, self.spread))
        if cost_us:
            end = time.thread_time_ns() + int(1000 * cost_us)
            while time.thread_time_ns() < end:
                pass
        return self.observation, 0.0, False, False, {}


@dataclass(frozen=True)
class Case:
    """One environment, how many of them, and how many workers pufferlib gets."""

    name: str
    make: Callable[[], gymnasium.Env]
    num_envs: int
    num_workers: int
    step_us: float | None = None  # what a perfect vectorization would divide by the cores


CASES = [
    Case("CartPole", partial(gymnasium.make, "CartPole-v1"), 8, 2),
    Case("CartPole, workers = 4 x cores", partial(gymnasium.make, "CartPole-v1"), 8, 8),
    Case("0 us, 64 B", partial(Busy, 0), 8, 2, None),
    Case("20 us, 64 B", partial(Busy, 20), 8, 2, 20),
    Case("100 us, 64 B", partial(Busy, 100), 8, 2, 100),
    Case("100 us, 64 B, workers = 4 x cores", partial(Busy, 100), 8, 8, 100),
    Case("100 us, 4 KB", partial(Busy, 100, 4096), 8, 2, 100),
    Case("100 us, 100 KB", partial(Busy, 100, 102_400), 8, 2, 100),
    Case("1000 us, 64 B", partial(Busy, 1000), 8, 2, 1000),
    Case("100 us, 64 B, 64 environments", partial(Busy, 100), 64, 2, 100),
    Case("lognormal 100 us, sigma 1", partial(Busy, 100, 64, 1.0), 8, 2, 100),
]


@contextmanager
def contenders_for(case: Case) -> Iterator[dict[str, Callable[[int], None]]]:
    """Makes every contender's pool; each function takes so many synchronous steps of all environments."""
    with ExitStack() as stack:
        flat = partial(_emulated, case.make)
        actions = np.zeros(case.num_envs, np.int64)

        def add(pool: Any) -> Callable[[int], None]:
            stack.callback(pool.close)
            pool.reset()
            return partial(_run, pool.step, actions)

        mode = AutoresetMode.SAME_STEP
        make = partial(pufferlib.vector.make, case.make, num_envs=case.num_envs)
        yield {
            "Serial": add(make(backend="serial")),
            "Multiprocessing": add(make(backend="multiprocessing", num_workers=case.num_workers)),
            "Gymnasium Sync": add(SyncVectorEnv([flat] * case.num_envs, autoreset_mode=mode)),
            "Gymnasium Async": add(AsyncVectorEnv([flat] * case.num_envs, autoreset_mode=mode)),
            "SB3 Dummy": add(DummyVecEnv([flat] * case.num_envs)),
            "SB3 Subproc": add(SubprocVecEnv([flat] * case.num_envs)),
        }


def _emulated(make: Callable[[], gymnasium.Env]) -> gymnasium.Env:
    """Gives peers the same environment, which for these spaces emulation leaves as it is."""
    return emulate(make()).env


def _run(step: Callable[[Any], Any], actions: np.ndarray, count: int) -> None:
    for _ in range(count):
        step(actions)


def cpu_seconds() -> float:
    """CPU time of this process and all its living descendants."""
    parents, times = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            times[int(entry.name)] = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return sum(times[pid] for pid in ours)


def measure_case(case: Case, num_rounds: int, round_s: float) -> dict[str, tuple[list[float], float]]:
    """Per contender: environment steps per second of each round, and CPU seconds per million steps."""
    with contenders_for(case) as contenders:
        counts, results = {}, {}
        for name, work in contenders.items():
            work(20)
            start = time.perf_counter()
            work(20)
            counts[name] = max(20, round(20 * round_s / (time.perf_counter() - start)))
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        cpu = dict.fromkeys(contenders, 0.0)
        for _ in range(num_rounds):
            for name, work in contenders.items():
                cpu_before, start = cpu_seconds(), time.perf_counter()
                work(counts[name])
                seconds = time.perf_counter() - start
                cpu[name] += cpu_seconds() - cpu_before
                rates[name].append(counts[name] * case.num_envs / seconds)
        for name in contenders:
            steps = num_rounds * counts[name] * case.num_envs
            results[name] = (rates[name], 1e6 * cpu[name] / steps)
    return results


def ratio(results: dict[str, tuple[list[float], float]], name: str, other: str) -> float:
    """Median of the ratios of the rates, round by round."""
    return statistics.median(a / b for a, b in zip(results[name][0], results[other][0], strict=True))


def measure(num_rounds: int, round_s: float, wanted: str) -> str:
    """Runs the cases and returns the section of the results."""
    rows, cpu_rows, cores = [], [], len(os.sched_getaffinity(0))
    names = ["Serial", "Multiprocessing", "Gymnasium Sync", "Gymnasium Async", "SB3 Dummy", "SB3 Subproc"]
    for case in CASES:
        if wanted not in case.name:
            continue
        results = measure_case(case, num_rounds, round_s)
        rates = {name: statistics.median(results[name][0]) for name in names}
        workers = min(case.num_workers, cores)
        perfect = 1e6 * workers / case.step_us if case.step_us else None
        share = f"{rates['Multiprocessing'] / perfect:.0%}" if perfect else "-"
        ratios = [ratio(results, "Multiprocessing", peer) for peer in ("Gymnasium Async", "SB3 Subproc")]
        best_peer = max(rates[name] for name in names[2:])
        ours = max(rates["Serial"], rates["Multiprocessing"])
        row = [f"{case.name}; {case.num_envs} envs, {case.num_workers} workers", *(f"{rates[n]:,.0f}" for n in names)]
        rows.append([*row, *(f"{r:.1f}" for r in ratios), f"{ours / best_peer:.2f}", share])
        cpu_rows.append([case.name, *(f"{results[n][1]:,.1f}" for n in names)])
        print(" | ".join(rows[-1]), flush=True)
    header = ["case", *names, "MP / Async", "MP / Subproc", "our best / best peer", "of perfect scaling"]
    parts = [
        "## Vectorization",
        EXPLANATION,
        table(header, rows).strip(),
        "CPU seconds per million environment steps, of all processes:",
        table(["case", *names], cpu_rows).strip(),
        f"{num_rounds} turns of {round_s:g} s each. "
        + describe_machine("numpy", "gymnasium", "stable-baselines3", "pufferlib"),
    ]
    return "\n\n".join(parts)


EXPLANATION = """\
Environment steps per second, medians over the turns; contenders take turns, and a ratio is the median of the ratios
within a turn. Steps are synchronous: every environment is stepped before the next actions come. Peers have a process
for each environment, pufferlib the number of workers that is named. `Busy` environments burn CPU time, so perfect
scaling is cores / step time. "our best / best peer" below 1 is a loss."""


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=0.4, help="seconds of one turn")
    parser.add_argument("--case", default="", help="only the cases whose names contain this")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    text = measure(options.rounds, options.round_s, options.case)
    write_section("vector", text, options.output)


if __name__ == "__main__":
    main()
