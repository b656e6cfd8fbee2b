"""PPO beside Stable-Baselines3's and a script in CleanRL's manner: the same network, batch and epochs, A B C A B C.

Everyone has a process and a virtual environment of its own and trains on; a turn is some rollouts and the updates after
them. See `peers/ppo_*.py`.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _measure import RESULTS, describe_machine, table, write_section
from _peers import Peer, Turn, interpreter

WARM_S = 0.5  # before each turn
GYMNASIUM_CARTPOLE = "classic_control/CartPole-v1"
SETTINGS: dict[str, Any] = {
    "num_minibatches": 4,
    "update_epochs": 4,
    "learning_rate": 2.5e-4,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip": 0.2,
    "entropy_coef": 0.01,
    "value_coef": 0.5,
    "max_grad_norm": 0.5,
}
GOAL = 3.0


@dataclass(frozen=True)
class Contender:
    """One way to train."""

    name: str
    script: str
    env: str = GYMNASIUM_CARTPOLE
    vector: dict[str, Any] = field(default_factory=dict, hash=False)


OURS = Contender("ours", "ppo_ours")
SB3 = Contender("Stable-Baselines3", "ppo_sb3")
CLEANRL = Contender("in CleanRL's manner", "ppo_cleanrl")
SPLIT = Contender(
    "ours, 2 workers that take turns",
    "ppo_ours",
    vector={"backend": "multiprocessing", "num_workers": 2, "zero_copy": True},
)
NATIVE = Contender("ours, ocean/cartpole", "ppo_ours", "ocean/cartpole")


@dataclass(frozen=True)
class Case:
    """The sizes of a rollout."""

    num_envs: int
    horizon: int
    contenders: tuple[Contender, ...]

    @property
    def title(self) -> str:
        """The sizes in words."""
        size = self.num_envs * self.horizon
        return f"{self.num_envs} environments x {self.horizon} steps, minibatches of {size // 4:,}"

    def request(self, contender: Contender) -> dict[str, Any]:
        """What a contender is told."""
        vector = dict(contender.vector)
        if vector:
            vector["batch_size"] = self.num_envs // 2
        sizes = {"num_envs": self.num_envs, "horizon": self.horizon}
        return {**SETTINGS, **sizes, "env": contender.env, "vector": vector}


CONTENDERS = (OURS, SB3, CLEANRL, SPLIT, NATIVE)
CASES = (Case(8, 128, CONTENDERS), Case(64, 128, CONTENDERS))


def measure(case: Case, num_rounds: int, turn_s: float) -> dict[Contender, list[Turn]]:
    """Lets everyone train in turns."""
    turns: dict[Contender, list[Turn]] = {contender: [] for contender in case.contenders}
    with ExitStack() as stack:
        peers = {c: stack.enter_context(Peer(c.script, case.request(c))) for c in case.contenders}
        for _ in range(num_rounds):
            for contender, peer in peers.items():
                turns[contender].append(peer.run(WARM_S, turn_s))
    return turns


def rate(turn: Turn) -> float:
    """Steps a second."""
    return turn.steps / turn.seconds


def ratio(ours: Sequence[Turn], theirs: Sequence[Turn]) -> float:
    """How many times as fast, the median over the turns."""
    return statistics.median(rate(a) / rate(b) for a, b in zip(ours, theirs, strict=True))


def describe(case: Case, turns: dict[Contender, list[Turn]]) -> str:
    """Writes the table of a case."""
    header = ["trainer", "steps/s", "CPU s / million steps", "x SB3", "x CleanRL's manner"]
    header += ["environments", "policy", "learning", "return at the end"]
    rows = []
    for contender, own in turns.items():
        cpu = 1e6 * sum(turn.cpu_seconds for turn in own) / sum(turn.steps for turn in own)
        row = [contender.name, f"{statistics.median(map(rate, own)):,.0f}", f"{cpu:,.1f}"]
        row += [f"{ratio(own, turns[peer]):.2f}" for peer in (SB3, CLEANRL)]
        shares = own[-1].notes.get("shares", {})
        row += [f"{shares[name]:.0%}" if name in shares else "-" for name in ("environments", "policy", "learning")]
        reached = own[-1].notes["return"]
        rows.append([*row, "-" if reached is None else f"{reached:,.0f}"])
    return f"### {case.title}\n\n{table(header, rows).strip()}"


def goals(results: dict[Case, dict[Contender, list[Turn]]]) -> str:
    """Compares with the goal of the design."""
    rows = []
    for case, turns in results.items():
        for contender in (OURS, NATIVE):
            for peer in (SB3, CLEANRL):
                if contender in turns and peer in turns:
                    value = ratio(turns[contender], turns[peer])
                    met = "met" if value >= GOAL else "**missed**"
                    rows.append([f"{contender.name}; {case.title}", f"{GOAL:g} x {peer.name}", f"{value:.2f}", met])
    return table(["work", "goal", "measured", ""], rows).strip()


EXPLANATION = """\
Environment steps per second of whole trainings on CartPole-v1, rollouts and learning, medians over the turns;
contenders take turns, and a ratio is the median of the ratios within a turn. All have the same network (actor and
critic apart, two layers of 64 with tanh each), the same rollouts, 4 epochs of 4 minibatches, Adam, one thread of
PyTorch, one process (but for the workers that are named), and count their episodes. Stable-Baselines3 has DummyVecEnv;
`peers/ppo_cleanrl.py`, a file written for this benchmark in the manner of CleanRL's `ppo.py`, has SyncVectorEnv.
"ocean/cartpole" is another implementation of the same environment, in C: that row shows what the trainer does when the
environment costs next to nothing. The shares of time are our trainer's own: waiting for environments, choosing actions,
learning."""


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=1.5, help="seconds of one turn, at the least")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    for script in dict.fromkeys(contender.script for contender in CONTENDERS):
        interpreter(script)
    load = os.getloadavg()[0]
    results = {}
    for case in CASES:
        results[case] = measure(case, options.rounds, options.round_s)
        print(describe(case, results[case]), "\n", flush=True)
    parts = ["## PPO", EXPLANATION, "### Goals", goals(results), *(describe(*result) for result in results.items())]
    machine = describe_machine("numpy", "torch", "gymnasium", "pufferlib")
    parts.append(f"{options.rounds} turns of {options.round_s:g} s each. Load before: {load:.1f}. {machine}")
    write_section("ppo", "\n\n".join(parts), options.output)


if __name__ == "__main__":
    main()
