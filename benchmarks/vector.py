"""Vectorization beside the peers: the same environments, the same work, in turns A B C A B C.

Every peer has a virtual environment and a process of its own; see `_peers.py`. Only Linux: the peers that haven't their
turn are stopped, and CPU time is read from /proc.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _measure import RESULTS, commit, describe_machine, write_section
from _peers import Peer, PeerError, Turn, interpreter
from _vector_cases import CORES, GROUPS, Case, Contender, full_grid
from _vector_report import Result, details, load, report, save

WARM_SHARE = 0.25  # of a turn, before it: caches, and clocks of processes that were stopped


def measure_case(case: Case, num_rounds: int, turn_s: float, scripts: Sequence[str]) -> Result:
    """Runs all contenders of a case in turns."""
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    taken = f"load {os.getloadavg()[0]:.1f} before{f', nice {priority}' if priority else ''}, "
    taken += f"{num_rounds} turns of {turn_s:g} s"
    failures: dict[Contender, str] = {}
    peers: dict[Contender, Peer] = {}

    def start(contender: Contender) -> None:
        try:
            peers[contender] = Peer(contender.script, case.request(contender))
        except PeerError as error:
            failures[contender] = str(error)

    chosen = [c for c in case.contenders if not scripts or c.script in scripts]
    try:
        with ThreadPoolExecutor(CORES) as threads:
            list(threads.map(start, chosen))
        turns: dict[Contender, list[Turn]] = {contender: [] for contender in chosen if contender in peers}
        for _ in range(num_rounds):
            for contender in [c for c in turns if c not in failures]:
                try:
                    turns[contender].append(peers[contender].run(WARM_SHARE * turn_s, turn_s))
                except PeerError as error:
                    failures[contender] = str(error)
        versions = {contender.script: peer.versions for contender, peer in peers.items()}
    finally:
        with ThreadPoolExecutor(CORES) as threads:
            list(threads.map(Peer.close, peers.values()))
    taken += time.strftime(f"; {commit()}, %Y-%m-%d %H:%M", time.gmtime())
    return Result(case, {c: t for c, t in turns.items() if c not in failures}, failures, taken, versions)


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=0.3, help="seconds of one turn")
    parser.add_argument("--case", default="", help="only cases whose titles contain this; the others' results stay")
    parser.add_argument("--group", default="", help="only groups whose names contain this; likewise")
    parser.add_argument("--peers", nargs="*", default=[], help="only these scripts of benchmarks/peers")
    parser.add_argument("--full", action="store_true", help="the whole grid of synthetic environments; hours")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    groups = {**GROUPS, "Synthetic environments": full_grid()} if options.full else GROUPS
    numbers = options.output.parent / "results" / "vector.json"
    everything = [case for cases in groups.values() for case in cases]
    results = load(numbers, everything)
    chosen = [c for name, cases in groups.items() if options.group in name for c in cases if options.case in c.title]
    scripts = {contender.script for case in chosen for contender in case.contenders}
    for script in sorted(scripts & set(options.peers) if options.peers else scripts):
        try:
            interpreter(script)  # what is missing is installed before anything is measured
        except PeerError as error:
            print(error, flush=True)  # its rows will say so too
    for case in chosen:
        results[case.title] = result = measure_case(case, options.rounds, options.round_s, options.peers)
        print(f"{details(result)}\n", flush=True)
        there = {group: [results[c.title] for c in cases if c.title in results] for group, cases in groups.items()}
        text = report({group: found for group, found in there.items() if found}, describe_machine("numpy", "gymnasium"))
        save(numbers, [result for found in there.values() for result in found])
        write_section("vector", text, options.output)


if __name__ == "__main__":
    main()
