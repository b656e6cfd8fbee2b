"""Vectorization beside the peers: the same environments, the same work, in turns A B C A B C.

Every peer has a virtual environment and a process of its own; see `_peers.py`. Only Linux: the peers that haven't their
turn are stopped, and CPU time is read from /proc.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from _measure import RESULTS, describe_machine, table, write_section
from _peers import Peer, PeerError, Turn

CORES = len(os.sched_getaffinity(0))
WARM_SHARE = 0.25  # of a turn, before it: caches, and clocks of processes that were stopped


@dataclass(frozen=True)
class Contender:
    """One way to run a case."""

    script: str
    mode: str
    num_workers: int | None = None  # None: the peer has a process for each environment, or none
    multiple: int = 1  # environments for each in a batch

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
    ("original", "serial"): "pufferlib 1.0.1 Serial",
    ("original", "workers"): "pufferlib 1.0.1 Multiprocessing",
    ("original", "blocks"): "pufferlib 1.0.1, zero-copy blocks",
    ("original", "async"): "pufferlib 1.0.1, first ready",
    ("gymnasium_vector", "serial"): "Gymnasium Sync",
    ("gymnasium_vector", "workers"): "Gymnasium Async",
    ("gymnasium_vector", "numpy"): "Gymnasium CartPoleVectorEnv (NumPy)",
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
            "mode": contender.mode,
            "num_envs": self.num_envs * contender.multiple,
            "num_workers": contender.num_workers,
            "batch_size": self.num_envs,
        }


SERIALS = ("ours", "original", "gymnasium_vector", "sb3")
ALL = (*SERIALS, "tianshou_vector", "torchrl_vector")


def contenders_of(num_envs: int, num_workers: int, scripts: Sequence[str] = SERIALS) -> tuple[Contender, ...]:
    """Each peer without workers, with the given number, and with the other numbers that may be its best."""
    found = []
    for script in scripts:
        found.append(Contender(script, "serial"))
        if script in ("ours", "original"):
            counts = [w for w in (num_workers, 1, 2, 4) if num_envs % w == 0 and w <= num_envs]
            # The original's driver and workers all spin: more of them than cores take minutes.
            counts = counts if script == "ours" else [w for w in counts if w <= max(CORES, num_workers)]
            found += [Contender(script, "workers", w) for w in dict.fromkeys(counts)]
        else:
            found.append(Contender(script, "workers"))
    return tuple(found)


def busy(step_us: float, size_bytes: int = 64, num_envs: int = 8, num_workers: int = 2) -> Case:
    """A synthetic environment."""
    size = f"{size_bytes} B" if size_bytes < 1024 else f"{size_bytes // 1024} KB"
    case = Case(
        f"{step_us:g} us, {size}", "busy", num_envs, num_workers, {"step_us": step_us, "size_bytes": size_bytes}
    )
    return replace(case, contenders=contenders_of(num_envs, num_workers))


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


def real(name: str, env: str, num_envs: int, num_workers: int, *more: Contender) -> Case:
    """An environment that exists, with all peers."""
    return Case(name, env, num_envs, num_workers, {}, (*contenders_of(num_envs, num_workers, ALL), *more))


LOOPS = (Contender("raw", "loop"), Contender("raw_of_original", "loop"))
C_CARTPOLES = (
    *LOOPS,
    Contender("gymnasium_vector", "numpy"),
    Contender("envpool_vector", "threads", 1),
    Contender("envpool_vector", "threads", 2),
)
GROUPS: dict[str, list[Case]] = {
    "Environments that exist": [
        real("CartPole", "cartpole", 8, 2, *C_CARTPOLES),
        real("CartPole", "cartpole", 8, 4 * CORES, *LOOPS),
        real("CartPole", "cartpole", 2, 2, *LOOPS),
        real("CartPole", "cartpole", 64, 2, *C_CARTPOLES),
        real("MiniGrid DoorKey-5x5", "minigrid", 8, 2),
    ],
    "Synthetic environments": [
        *(busy(step_us) for step_us in (0, 20, 100, 1000)),
        *(busy(100, size_bytes) for size_bytes in (4096, 102_400)),
        *(busy(100, num_envs=num_envs) for num_envs in (2, 32, 256)),
        *(busy(100, num_workers=num_workers) for num_workers in (1, 4, 8)),
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


@dataclass(frozen=True)
class Result:
    """What the contenders of a case did, turn by turn."""

    case: Case
    turns: dict[Contender, list[Turn]]
    failures: dict[Contender, str]
    load: float  # of the machine, when the case began
    versions: dict[str, dict[str, str]]  # by peer

    def rate(self, contender: Contender) -> float:
        """Environment steps per second, the median over the turns."""
        return statistics.median(turn.steps / turn.seconds for turn in self.turns[contender])

    def cpu_per_million(self, contender: Contender) -> float:
        """CPU seconds for a million environment steps."""
        turns = self.turns[contender]
        return 1e6 * sum(turn.cpu_seconds for turn in turns) / sum(turn.steps for turn in turns)

    def ratio(self, one: Contender, other: Contender) -> float:
        """Median of the ratios of the rates, turn by turn: both sides of each ratio ran within the same moment."""
        pairs = zip(self.turns[one], self.turns[other], strict=True)
        return statistics.median((a.steps / a.seconds) / (b.steps / b.seconds) for a, b in pairs)

    def best(self, *scripts: str, modes: Sequence[str] = ()) -> Contender | None:
        """The fastest of these peers' contenders, in any mode or one of those named."""
        found = [c for c in self.turns if c.script in scripts and (not modes or c.mode in modes)]
        return max(found, key=self.rate, default=None)

    @cached_property
    def equal(self) -> Contender:
        """Ours with as many workers as the case says."""
        return Contender("ours", "workers", self.case.num_workers)


def measure_case(case: Case, num_rounds: int, turn_s: float, scripts: Sequence[str]) -> Result:
    """Runs all contenders of a case in turns."""
    load = os.getloadavg()[0]
    failures: dict[Contender, str] = {}
    with ExitStack() as stack:
        peers: dict[Contender, Peer] = {}
        for contender in case.contenders:
            if not scripts or contender.script in scripts:
                try:
                    peers[contender] = stack.enter_context(Peer(contender.script, case.request(contender)))
                except PeerError as error:
                    failures[contender] = str(error)
        turns: dict[Contender, list[Turn]] = {contender: [] for contender in peers}
        for _ in range(num_rounds):
            for contender in [c for c in peers if c not in failures]:
                try:
                    turns[contender].append(peers[contender].run(WARM_SHARE * turn_s, turn_s))
                except PeerError as error:
                    failures[contender] = str(error)
        versions = {contender.script: peer.versions for contender, peer in peers.items()}
    return Result(case, {c: t for c, t in turns.items() if c not in failures}, failures, load, versions)


def summary(results: Sequence[Result]) -> str:
    """One row a case: ours, and its ratio to the best that each peer can do."""
    header = [
        "case",
        "Multiprocessing",
        "of perfect",
        "ours, best",
        "x Gymnasium Async",
        "x SB3 Subproc",
        "x 1.0.1 equal",
    ]
    header += ["best of ours / best peer", "that peer"]
    rows = []
    for result in results:
        ours, peer = result.best("ours"), result.best(*(p for p in ALL if p != "ours"))
        if ours is None:
            continue
        equal = result.equal if result.equal in result.turns else ours
        perfect = result.case.perfect
        others = [result.best(script, modes=("workers",)) for script in ("gymnasium_vector", "sb3")]
        original = Contender("original", "workers", result.case.num_workers)
        others.append(original if original in result.turns else None)
        row = [
            result.case.title,
            f"{result.rate(equal):,.0f}",
            f"{result.rate(equal) / perfect:.0%}" if perfect else "-",
        ]
        row += [f"{result.rate(ours):,.0f} ({ours.name})"]
        row += [f"{result.ratio(equal, other):.2f}" if other else "-" for other in others]
        row += [f"{result.ratio(ours, peer):.2f}", peer.name] if peer else ["-", "-"]
        rows.append(row)
    return table(header, rows).strip()


def details(result: Result) -> str:
    """One row a contender."""
    header = ["contender", "steps/s", "us a batch", "of perfect", "CPU s / million steps", "ours / this"]
    case, rows = result.case, []
    if case.agents_alive > 1 or case.env == "crowd":
        header.insert(1, "agent steps/s")
    reference = result.equal if result.equal in result.turns else result.best("ours")
    for contender in result.turns:
        rate = result.rate(contender)
        row = [contender.name, f"{rate:,.0f}", f"{1e6 * case.num_envs / rate:,.1f}"]
        row += [f"{rate / case.perfect:.0%}" if case.perfect else "-", f"{result.cpu_per_million(contender):,.1f}"]
        row += [f"{result.ratio(reference, contender):.2f}" if reference else "-"]
        if len(header) > len(row):
            row.insert(1, f"{rate * case.agents_alive:,.0f}")
        rows.append(row)
    rows += [[c.name, f"failed: {why}", *[""] * (len(header) - 2)] for c, why in result.failures.items()]
    return f"**{case.title}** (load {result.load:.1f} before)\n\n{table(header, rows).strip()}"


def losses(results: Sequence[Result]) -> Iterator[str]:
    """Every peer that is faster than the best of ours, and every peer's mode that is faster than ours with workers."""
    for result in results:
        best = result.best("ours")
        if best is None:
            continue
        for contender in result.turns:
            if contender.script in ("ours", "raw", "raw_of_original"):
                continue
            if (ratio := result.ratio(best, contender)) < 1:
                yield f"{result.case.title}: {contender.name} is faster than our best, {best.name}: {1 / ratio:.2f}x."
            elif result.equal in result.turns and (ratio := result.ratio(result.equal, contender)) < 1:
                text = f"{1 / ratio:.2f}x as fast as {result.equal.name}, not as {best.name}."
                yield f"{result.case.title}: {contender.name} is {text}"


def targets(results: Sequence[Result]) -> str:
    """The goals of the design, with what was measured."""
    by_title = {result.case.title: result for result in results}
    rows = []

    def add(title: str, goal: str, least: float, value: float) -> None:
        rows.append([title, goal, f"{value:.2f}", "met" if value >= least else "**missed**"])

    async_, subproc = Contender("gymnasium_vector", "workers"), Contender("sb3", "workers")
    if cartpole := by_title.get("CartPole; 8 envs, 2 workers"):
        for peer in (async_, subproc):
            if peer in cartpole.turns:
                add(cartpole.case.title, f"10 x {peer.name}", 10, cartpole.ratio(cartpole.equal, peer))
    if (scaling := by_title.get("100 us, 64 B; 8 envs, 2 workers")) and scaling.case.perfect:
        value = scaling.rate(scaling.equal) / scaling.case.perfect
        add(scaling.case.title, "0.85 of perfect scaling", 0.85, value)
    for result in results:
        if result.case.num_workers == 4 * CORES and async_ in result.turns and result.equal in result.turns:
            value = result.ratio(result.equal, async_)
            add(f"workers = 4 x cores: {result.case.title}", "never slower than Gymnasium Async", 1, value)
    return table(["work", "goal", "measured", ""], rows).strip()


def report(groups: dict[str, list[Result]], settings: str) -> str:
    """Writes the section of the results."""
    results = [result for group in groups.values() for result in group]
    lost = [f"- {line}" for line in losses(results)] or ["None."]
    parts = ["## Vectorization", EXPLANATION, "### Goals", targets(results), "### Losses", "\n".join(lost)]
    for name, group in groups.items():
        parts += [f"### {name}", summary(group), "<details><summary>All contenders</summary>"]
        parts += [*map(details, group), "</details>"]
    versions = {script: names for result in results for script, names in result.versions.items()}
    peers = [" ".join(f"{name} {number}" for name, number in names.items()) for names in versions.values()]
    loads = [result.load for result in results]
    machine = describe_machine("numpy", "gymnasium", "pufferlib")
    parts.append(f"{settings} Load before the cases: {min(loads):.1f} to {max(loads):.1f}. {machine}")
    parts.append("One line for each virtual environment:\n\n" + "\n".join(f"- {line}" for line in dict.fromkeys(peers)))
    return "\n\n".join(parts)


EXPLANATION = """\
Environment steps per second, medians over the turns; contenders take turns, and a ratio is the median of the ratios
within a turn. Steps are synchronous, all environments of a batch before the next actions come, except where a pool is
said to have several times as many environments as a batch. Gymnasium, Stable-Baselines3, Tianshou and TorchRL have a
process for each environment, or none; pufferlib takes the number of workers that is named, and "best" is the best of
its numbers of workers and of Serial. Environments named by their step time burn that much CPU time, so perfect
scaling is cores / step time. pufferlib 1.0.1 needs Gymnasium 0.29.1, whose CartPole is cheaper than that of 1.4.0:
where it leads, compare the bare loops of both. CPU seconds are those of all processes of a contender. A ratio above 1
says that ours is faster."""


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=0.3, help="seconds of one turn")
    parser.add_argument("--case", default="", help="only the cases whose titles contain this")
    parser.add_argument("--peers", nargs="*", default=[], help="only these scripts of benchmarks/peers")
    parser.add_argument("--full", action="store_true", help="the whole grid of synthetic environments; hours")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    groups = {**GROUPS, "Synthetic environments": full_grid()} if options.full else GROUPS
    measured: dict[str, list[Result]] = {}
    start = time.monotonic()
    for group, cases in groups.items():
        for case in (case for case in cases if options.case in case.title):
            result = measure_case(case, options.rounds, options.round_s, options.peers)
            measured.setdefault(group, []).append(result)
            print(f"{details(result)}\n", flush=True)
    settings = f"{options.rounds} turns of {options.round_s:g} s each, {(time.monotonic() - start) / 60:.0f} minutes."
    write_section("vector", report(measured, settings), options.output)


if __name__ == "__main__":
    main()
