"""Ocean's environments, one core and two, from one row to 65,536, beside C++ and NumPy: in turns, A B C A B C.

Rows are agents. Each contender has a process with one pool of its size; see `peers/`.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _measure import RESULTS, describe_machine, table, write_section
from _peers import Peer, PeerError, Turn, interpreter
from _vector_cases import CORES

ROWS = (1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536)
FLAT_FROM = 64  # rows, from which on a row should cost the same
WARM_SHARE = 0.25  # of a turn


@dataclass(frozen=True)
class Contender:
    """One way to step CartPole, or another environment."""

    name: str
    script: str
    mode: str
    env: str = "cartpole"
    num_actions: int = 2
    num_threads: int | None = None
    most_rows: int = ROWS[-1]

    def request(self, num_rows: int) -> dict[str, Any]:
        """What a peer is told."""
        is_ocean = self.script == "ours"
        return {
            "env": "ocean" if is_ocean else self.env,
            "options": {"name": self.env} if is_ocean else {},
            "num_actions": self.num_actions,
            "mode": self.mode,
            "num_envs": num_rows,
            "num_workers": self.num_threads,
            "batch_size": num_rows,
        }


OURS = Contender("ocean/cartpole", "ours", "serial")
ENVPOOL = Contender("EnvPool CartPole, 1 thread", "envpool_vector", "threads", num_threads=1)
CATCH = Contender("EnvPool Catch, 1 thread", "envpool_vector", "threads", "catch", 3, 1)
GYMNASIUM = Contender("Gymnasium CartPole, Sync", "gymnasium_vector", "serial", most_rows=1024)
BARE = Contender("its C loop alone", "ours", "bare")
CONTENDERS = (
    OURS,
    BARE,
    Contender("ocean/cartpole, 2 threads", "ours", "threads", num_threads=2),
    ENVPOOL,
    Contender("EnvPool CartPole, 2 threads", "envpool_vector", "threads", num_threads=2),
    CATCH,
    Contender("Gymnasium CartPole, NumPy", "gymnasium_vector", "numpy"),
    GYMNASIUM,
)
Key = tuple[Contender, int]


def measure(wanted: Sequence[Key], num_rounds: int, turn_s: float) -> tuple[dict[Key, list[Turn]], dict[Key, str]]:
    """Lets everyone step in turns; gives the turns, and why some couldn't."""
    peers: dict[Key, Peer] = {}
    failures: dict[Key, str] = {}

    def start(key: Key) -> None:
        try:
            peers[key] = Peer(key[0].script, key[0].request(key[1]))
        except PeerError as error:
            failures[key] = str(error)

    try:
        with ThreadPoolExecutor(CORES) as threads:
            list(threads.map(start, wanted))
        turns: dict[Key, list[Turn]] = {key: [] for key in wanted if key in peers}
        for _ in range(num_rounds):
            for key in [key for key in turns if key not in failures]:
                try:
                    turns[key].append(peers[key].run(WARM_SHARE * turn_s, turn_s))
                except PeerError as error:
                    failures[key] = str(error)
    finally:
        with ThreadPoolExecutor(CORES) as threads:
            list(threads.map(Peer.close, peers.values()))
    return {key: own for key, own in turns.items() if key not in failures}, failures


def rate(turns: Sequence[Turn]) -> float:
    """Steps of rows a second."""
    return statistics.median(turn.steps / turn.seconds for turn in turns)


def rate_per_core(turns: Sequence[Turn]) -> float:
    """Steps of rows in a second of CPU time, all threads together."""
    seconds = sum(turn.cpu_seconds for turn in turns) or sum(turn.seconds for turn in turns)  # 0: below a clock tick
    return sum(turn.steps for turn in turns) / seconds


def ratio(ours: Sequence[Turn], theirs: Sequence[Turn]) -> float:
    """How many times as fast, by CPU time."""
    return rate_per_core(ours) / rate_per_core(theirs)


def sizes(turns: dict[Key, list[Turn]]) -> str:
    """Writes a row for each number of rows, a column for each contender, in millions of steps a second."""
    header = [
        "rows",
        *(contender.name for contender in CONTENDERS),
        "ns a row",
        "ns in C",
        "x EnvPool",
        "x Gymnasium Sync",
    ]
    lines = []
    for num_rows in sorted({num_rows for _, num_rows in turns}):
        line = [f"{num_rows:,}"]
        for contender in CONTENDERS:
            own = turns.get((contender, num_rows))
            line.append(f"{rate(own) / 1e6:.3g}" if own else "-")
        for contender in (OURS, BARE):
            own = turns.get((contender, num_rows))
            line.append(f"{1e9 / rate_per_core(own):.1f}" if own else "-")
        own = turns.get((OURS, num_rows))
        for peer in (ENVPOOL, GYMNASIUM):
            theirs = turns.get((peer, num_rows))
            line.append(f"{ratio(own, theirs):,.1f}" if own and theirs else "-")
        lines.append(line)
    return table(header, lines).strip()


def goals(turns: dict[Key, list[Turn]]) -> str:
    """Compares with the goals of the design."""
    ours = {num_rows: own for (contender, num_rows), own in turns.items() if contender == OURS}
    best = max(ours, key=lambda num_rows: rate_per_core(ours[num_rows]))
    lines = []

    def add(work: str, goal: str, value: float, is_met: bool) -> None:
        lines.append([work, goal, f"{value:.2f}", "met" if is_met else "**missed**"])

    per_core = rate_per_core(ours[best]) / 1e6
    add(f"CartPole, {best:,} rows, a core", "20 M steps/s", per_core, per_core >= 20)
    for num_rows in (FLAT_FROM, 1024, ROWS[-1]):
        if num_rows in ours and (ENVPOOL, num_rows) in turns:
            value = ratio(ours[num_rows], turns[ENVPOOL, num_rows])
            add(f"CartPole, {num_rows:,} rows, a core", "5 x EnvPool", value, value >= 5)
    for contender in (OURS, BARE):
        many = [num_rows for num_rows in ROWS if num_rows >= FLAT_FROM and (contender, num_rows) in turns]
        costs = {num_rows: 1 / rate_per_core(turns[contender, num_rows]) for num_rows in many}
        if costs:
            dearest, cheapest = max(costs, key=costs.__getitem__), min(costs, key=costs.__getitem__)
            value = costs[dearest] / costs[cheapest]
            work = f"{contender.name}: cost of a row, at {dearest:,} rows (most) / at {cheapest:,} (least)"
            add(work, "at most 1.2", value, value <= 1.2)
    return table(["work", "goal", "measured", ""], lines).strip()


def environments(num_rounds: int, turn_s: float) -> str:
    """Measures every environment of Ocean with about 1,024 agents."""
    from pufferlib.ocean import make, names

    agents = {name: make(name).num_slots for name in names()}
    wanted = [(Contender(f"ocean/{name}", "ours", "serial", name), max(1, 1024 // agents[name])) for name in agents]
    turns, failures = measure(wanted, num_rounds, turn_s)
    lines = []
    for contender, num_envs in wanted:
        own, count = turns.get((contender, num_envs)), agents[contender.env]
        if own is None:
            lines.append([contender.name, f"{count}", f"failed: {failures[contender, num_envs]}", ""])
        else:
            lines.append([contender.name, f"{count}", f"{count * rate(own) / 1e6:,.1f}"])
            lines[-1].append(f"{1e9 / rate(own) / count:,.1f}")
    return table(["environment", "agents", "M agent steps/s, one thread", "ns an agent"], lines).strip()


EXPLANATION = """\
Millions of steps of a row (an agent) a second, through the pool's `step`, medians over the turns; contenders take
turns. Random actions, drawn in advance; episodes end and begin within the steps. EnvPool's CartPole and Catch are C++,
Gymnasium's NumPy version is its `CartPoleVectorEnv`, Sync its `SyncVectorEnv` of CartPole-v1. Two threads step together
only where a batch is worth more than some 20 us. "A core", "ns a row" and the ratios count CPU time, of all threads,
instead of the clock's, so other work on the machine hardly counts (EnvPool hands batches from thread to thread, and
would wait for a core each time). "Its C loop alone" is the call into C that a pool makes, again and again with the same
actions: what is left is Python's part of a step."""


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=0.2, help="seconds of one turn")
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS, help="only these numbers of rows")
    parser.add_argument("--scripts", nargs="*", default=[], help="only these scripts of benchmarks/peers")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    chosen = [c for c in CONTENDERS if not options.scripts or c.script in options.scripts]
    for script in dict.fromkeys(contender.script for contender in chosen):
        interpreter(script)
    load = os.getloadavg()[0]
    wanted = [(c, num_rows) for num_rows in options.rows for c in chosen if num_rows <= c.most_rows]
    turns, failures = measure(wanted, options.rounds, options.round_s)
    parts = ["## Ocean", EXPLANATION, "### Goals", goals(turns)]
    if few := [num_rows for num_rows in sorted(options.rows) if {(OURS, num_rows), (BARE, num_rows)} <= turns.keys()]:
        fewest = few[0]
        in_python = fewest * (1 / rate_per_core(turns[OURS, fewest]) - 1 / rate_per_core(turns[BARE, fewest]))
        text = f"A step of the pool takes {1e6 * in_python:.1f} us in Python whatever its size"
        parts.append(f"{text} (measured with rows: {fewest:,}): that is what few rows cost more.")
    parts += ["### CartPole, from one row to many", sizes(turns)]
    parts += [f"- {contender.name}, {rows:,} rows: failed: {why}" for (contender, rows), why in failures.items()]
    parts += ["### Every environment, about 1,024 agents", environments(options.rounds, options.round_s)]
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    settings = f"{options.rounds} turns of {options.round_s:g} s each. Load before: {load:.1f}, nice {priority}."
    parts.append(f"{settings} {describe_machine('numpy', 'gymnasium', 'pufferlib')}")
    text = "\n\n".join(parts)
    print(text)
    write_section("ocean", text, options.output)


if __name__ == "__main__":
    main()
