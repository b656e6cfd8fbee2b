"""What the Ray backend costs beside worker processes, on one machine: both step the same environments, A B A B.

    pip install -c constraints.txt '.[ray]'
    python benchmarks/ray_backend.py          # writes a section of RESULTS.md

Wall time: Ray's own processes work too. It is for several machines; this says what each step pays for that.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import ray
from _measure import RESULTS, describe_machine, table, write_section
from gymnasium import spaces

import pufferlib.vector

BACKENDS = ("ray", "multiprocessing")
NUM_ENVS, NUM_WORKERS = 8, 2
TEXT = f"""\
## Ray beside worker processes

{NUM_ENVS} environments on {NUM_WORKERS} actors of a cluster on this machine, and on as many worker processes, in turns
(`benchmarks/ray_backend.py`). The last column is what Ray adds to a step of all environments; two calls that do nothing
take about 2 ms.

"""


class Busy(gymnasium.Env):
    """Computes for a while, and shows an image of 28 kB."""

    observation_space = spaces.Box(-1, 1, (84, 84), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, step_s: float) -> None:
        """Keeps how long a step takes."""
        self._step_s, self._image = step_s, np.zeros((84, 84), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins."""
        super().reset(seed=seed)
        return self._image, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Computes."""
        end = time.perf_counter() + self._step_s
        while time.perf_counter() < end:
            pass
        return self._image, 0.0, False, False, {}


CASES = {
    "CartPole": partial(gymnasium.make, "CartPole-v1"),
    "1 ms a step, 28 kB": partial(Busy, 1e-3),
    "5 ms a step, 28 kB": partial(Busy, 5e-3),
    "20 ms a step, 28 kB": partial(Busy, 20e-3),
}


def measure(creator: Any, num_rounds: int, round_s: float) -> dict[str, float]:
    """Gives the median seconds of a step of all environments on each backend."""
    times: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    with ExitStack() as stack:
        pools = {
            backend: stack.enter_context(
                pufferlib.vector.make(creator, num_envs=NUM_ENVS, num_workers=NUM_WORKERS, backend=backend)
            )
            for backend in BACKENDS
        }
        actions = np.zeros(NUM_ENVS, np.int64)
        for pool in pools.values():
            pool.reset(seed=1)
            pool.step(actions)
        for _ in range(num_rounds):
            for backend, pool in pools.items():
                count, start = 0, time.perf_counter()
                while time.perf_counter() - start < round_s:
                    pool.step(actions)
                    count += 1
                times[backend].append((time.perf_counter() - start) / count)
    return {backend: statistics.median(rounds) for backend, rounds in times.items()}


def main() -> None:
    """Measures all cases and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--round-s", type=float, default=2.0)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    ray.init(num_cpus=NUM_WORKERS, include_dashboard=False, logging_level="ERROR")
    rows = []
    for name, creator in CASES.items():
        times = measure(creator, options.rounds, options.round_s)
        rates = [f"{NUM_ENVS / times[backend]:,.0f}" for backend in BACKENDS]
        share, more_ms = times["multiprocessing"] / times["ray"], 1e3 * (times["ray"] - times["multiprocessing"])
        rows.append([name, *rates, f"{share:.2f}", f"{more_ms:.1f}"])
        print(*rows[-1], sep="  ", flush=True)
    header = ("environments", "steps/s, Ray", "steps/s, processes", "ratio", "ms more a batch")
    machine = describe_machine("numpy", "gymnasium", "ray", "pufferlib")
    text = TEXT + table(header, rows) + f"\n{options.rounds} turns of {options.round_s:g} s each. {machine}"
    write_section("ray", text, options.output)


if __name__ == "__main__":
    main()
