"""Writes what the vectorization benchmark measured: Markdown to read, and JSON that later runs are merged into."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from _measure import table
from _peers import Turn
from _vector_cases import ALL, CORES, Case, Contender


@dataclass(frozen=True)
class Result:
    """What the contenders of a case did, turn by turn."""

    case: Case
    turns: dict[Contender, list[Turn]]
    failures: dict[Contender, str]
    taken: str  # when, at which load and commit, in how many turns
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
    return f"**{case.title}** ({result.taken})\n\n{table(header, rows).strip()}"


def losses(results: Sequence[Result]) -> Iterator[str]:
    """Every peer that is faster than the best of ours, and every peer's mode that is faster than ours with workers."""
    for result in results:
        for contender in result.turns:
            if contender.script in ("ours", "ours_adapter", "raw", "raw_of_original"):
                continue
            native = contender.mode in ("ale", "threads")  # has preprocessing of its own, as our adapters do
            best = result.best("ours", "ours_adapter") if native else result.best("ours")
            if best is None:
                return
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


def report(groups: Mapping[str, Sequence[Result]], machine: str) -> str:
    """Writes the section of the results."""
    results = [result for group in groups.values() for result in group]
    lost = [f"- {line}" for line in losses(results)] or ["None."]
    parts = ["## Vectorization", EXPLANATION, "### Goals", targets(results), LOAD, "### Losses", "\n".join(lost)]
    for name, group in groups.items():
        parts += [f"### {name}", summary(group), "<details><summary>All contenders</summary>"]
        parts += [*map(details, group), "</details>"]
    versions = {script: names for result in results for script, names in result.versions.items()}
    peers = [" ".join(f"{name} {number}" for name, number in names.items()) for names in versions.values()]
    parts.append(f"Each case says when it was measured. {machine}")
    parts.append("One line for each virtual environment:\n\n" + "\n".join(f"- {line}" for line in dict.fromkeys(peers)))
    return "\n\n".join(parts)


def save(path: Path, results: Iterable[Result]) -> None:
    """Writes every turn of every case as JSON, one contender a line."""
    cases = []
    for result in results:
        by_name = {contender.name: [astuple(turn)[:4] for turn in turns] for contender, turns in result.turns.items()}
        lines = [f"    {json.dumps(name)}: {json.dumps(turns)}" for name, turns in by_name.items()]
        rest: dict[str, Any] = {"taken": result.taken, "versions": result.versions}
        rest["failures"] = {c.name: why for c, why in result.failures.items()}
        fields = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in rest.items()]
        turns = ",\n".join(lines)
        body = ",\n".join([*fields, f'   "turns": {{\n{turns}\n   }}'])
        cases.append(f" {json.dumps(result.case.title)}: {{\n{body}\n }}")
    text = ",\n".join(cases)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{{\n{text}\n}}\n")


def load(path: Path, cases: Iterable[Case]) -> dict[str, Result]:
    """Reads what `save` wrote of these cases, by title; contenders that a case no longer has are left out."""
    saved: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    results = {}
    for case in cases:
        if entry := saved.get(case.title):
            by_name = {contender.name: contender for contender in case.contenders}
            turns = {by_name[n]: [Turn(*t) for t in turns] for n, turns in entry["turns"].items() if n in by_name}
            failures = {by_name[name]: why for name, why in entry["failures"].items() if name in by_name}
            results[case.title] = Result(case, turns, failures, entry["taken"], entry["versions"])
    return results


EXPLANATION = """\
Environment steps per second, medians over the turns; contenders take turns, and a ratio is the median of the ratios
within a turn. Steps are synchronous, all environments of a batch before the next actions come, except where a pool is
said to have several times as many environments as a batch. Gymnasium, Stable-Baselines3, Tianshou and TorchRL have a
process for each environment, or none; pufferlib takes the number of workers that is named, and "best" is the best of
its numbers of workers and of Serial. Environments named by their step time burn that much CPU time, so perfect
scaling is cores / step time. pufferlib 1.0.1 needs Gymnasium 0.29.1, whose CartPole is cheaper than that of 1.4.0:
where it leads, compare the bare loops of both. Pong and NetHack are the plain packages, Pong with Gymnasium's own
preprocessing, ours too; "our adapter" is what a user of `pufferlib.environments` gets, with its faster screens and with
statistics of episodes. EnvPool's Pong and ALE's own vector environment are C++ throughout, with their own preprocessing
(the same frame skip, stack and size; they press FIRE at a game's start): losses to them are counted against our
adapter. Actions in games are drawn at random, the same for all. CPU seconds are those of all processes of a contender.
A ratio above 1 says that ours is faster."""

LOAD = """\
The host of this machine decides, and load: each case says how busy the machine was. The same code on the same machine
type made 31,000 to 66,000 steps/s of 8 CartPoles in an hour in which a loop of Python took up to three times as long
as at best, and 200,000 in a quick and quiet one. The first goals on other days, in the order of the table: 8.31, 8.12,
0.87 on 2026-11-23 (commit 23a25b1), 7.65, 8.64, 0.78 on 2026-11-26 (load 3 to 7), 5.18, 4.56, 0.77 in the slow hour of
2026-11-27. Where the time of a batch of 8 CartPoles goes in the quick one, 37 to 40 us, clocks in the driver: 21 to 23
us are a worker's four steps, 5 us the driver's Python, and 10 to 13 us handing over: a core shared by driver and worker
is switched twice, and the last worker wakes the driver. At 0 us for both the ratio to Async would be 12 to 14; 10 x
leaves them 6 to 8 us. What would reach it: batches of 64 (26 x Async), or an environment in C. Tried without gain: a
driver that spins, workers bound to a core each (and ten times slower beside one process that computes).

Beside other work a pool lives by giving way. Two workers on two cores beside two processes that only compute, steps/s
of 8 CartPoles and of 8 environments of 100 us: 2,000-4,000 and 2,000-4,000 when workers spun on (commit 23ccccf),
12,000-28,000 and 4,900-6,000 since they rest once they were kept away from their core (commit 9da074b)."""
