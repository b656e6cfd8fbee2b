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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from _measure import RESULTS, describe_machine, table, write_section
from _peers import Peer, Turn, interpreter

WARM_S = 0.3  # before each turn
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
    calls_modules: bool = False  # how our network is written; see `peers/ppo_ours.py`


OURS = Contender("ours", "ppo_ours")
SB3 = Contender("Stable-Baselines3", "ppo_sb3")
CLEANRL = Contender("in CleanRL's manner", "ppo_cleanrl")
SPLIT = Contender(
    "ours, 2 workers that take turns",
    "ppo_ours",
    vector={"backend": "multiprocessing", "num_workers": 2, "zero_copy": True},
)
MODULES = Contender("ours, network of modules", "ppo_ours", calls_modules=True)
NATIVE = Contender("ours, ocean/cartpole", "ppo_ours", "ocean/cartpole")


@dataclass(frozen=True)
class Case:
    """The sizes of a rollout."""

    num_envs: int
    horizon: int
    contenders: tuple[Contender, ...]
    arithmetic: bool = False  # measures the bare network after each turn

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
        ours = {"env": contender.env, "vector": vector, "calls_modules": contender.calls_modules}
        return {**SETTINGS, **sizes, **ours, "arithmetic": self.arithmetic}


CONTENDERS = (OURS, SB3, CLEANRL, MODULES, SPLIT, NATIVE)
CASES = (Case(8, 128, CONTENDERS), Case(64, 128, CONTENDERS))
PARTS = tuple(
    Case(num_envs, horizon, (NATIVE,), True) for num_envs, horizon in ((8, 128), (64, 128), (256, 64), (1024, 64))
)
OVERHEAD = 0.15


Results = dict[Contender, list[Turn]]


def measure(case: Case, num_rounds: int, turn_s: float) -> Results:
    """Lets everyone train in turns."""
    turns: Results = {contender: [] for contender in case.contenders}
    with ExitStack() as stack:
        peers = {c: stack.enter_context(Peer(c.script, case.request(c))) for c in case.contenders}
        for _ in range(num_rounds):
            for contender, peer in peers.items():
                turns[contender].append(peer.run(WARM_S, turn_s))
    return turns


def rate(turns: Sequence[Turn]) -> float:
    """Steps a second, the median."""
    return statistics.median(turn.steps / turn.seconds for turn in turns)


def cost_us(turns: Sequence[Turn]) -> float:
    """Microseconds of CPU time for a step, of all processes of a contender."""
    return 1e6 * sum(turn.cpu_seconds for turn in turns) / sum(turn.steps for turn in turns)


def environment_us(turns: Sequence[Turn]) -> float:
    """Microseconds for a step that our trainer waits for its environments."""
    return float(turns[-1].notes["shares"]["environments"]) * cost_us(turns)


def network_share(case: Case, turns: Sequence[Turn]) -> float:
    """Which part of an update the bare network is: the median over the turns, each with what followed it."""
    size = case.num_envs * case.horizon
    return statistics.median(turn.notes["arithmetic"] / size / (turn.cpu_seconds / turn.steps) for turn in turns)


def describe(case: Case, turns: Results) -> str:
    """Writes the table of a case."""
    header = ["trainer", "steps/s", "CPU us a step", "x SB3", "x CleanRL's way"]
    header += ["environments", "policy", "learning", "return at the end"]
    rows = []
    for contender, own in turns.items():
        row = [contender.name, f"{rate(own):,.0f}", f"{cost_us(own):.1f}"]
        row += [f"{cost_us(turns[peer]) / cost_us(own):.2f}" if peer in turns else "-" for peer in (SB3, CLEANRL)]
        shares = own[-1].notes.get("shares", {})
        row += [f"{shares[name]:.0%}" if name in shares else "-" for name in ("environments", "policy", "learning")]
        reached = own[-1].notes["return"]
        rows.append([*row, "-" if reached is None else f"{reached:,.0f}"])
    return f"### {case.title}\n\n{table(header, rows).strip()}"


def goals(results: dict[Case, Results], network_shares: dict[str, float]) -> str:
    """Compares with the goal of the design, and with what a trainer could reach that costs nothing itself."""
    rows = []
    for case, turns in results.items():
        for contender in (OURS, NATIVE):
            for peer in (SB3, CLEANRL):
                if {contender, peer, NATIVE} <= turns.keys():
                    own, theirs = turns[contender], turns[peer]
                    value = cost_us(theirs) / cost_us(own)
                    network = network_shares[case.title] * cost_us(turns[NATIVE])  # of the same minutes
                    most = cost_us(theirs) / (network + environment_us(own))
                    met = "met" if value >= GOAL else "**missed**"
                    work = f"{contender.name}; {case.title}"
                    rows.append([work, f"{GOAL:g} x {peer.name}", f"{value:.2f}", f"{most:.1f}", met])
    return table(["work", "goal", "measured", "most possible", ""], rows).strip()


def parts(results: dict[Case, Results]) -> str:
    """Writes where the time of an update goes when the environment costs next to nothing."""
    header = ["rollout", "steps/s", "CPU us a step", "environment", "bare network", "the rest", "goal", ""]
    rows = []
    for case, turns in results.items():
        own = turns[NATIVE]
        environment, network = environment_us(own) / cost_us(own), network_share(case, own)
        rest = 1 - environment - network
        row = [case.title, f"{rate(own):,.0f}", f"{cost_us(own):.2f}", f"{environment:.0%}", f"{network:.0%}"]
        rows.append([*row, f"{rest:.0%}", f"< {OVERHEAD:.0%}", "met" if rest < OVERHEAD else "**missed**"])
    return table(header, rows).strip()


EXPLANATION = """\
Whole trainings on CartPole-v1, rollouts and learning; contenders take turns. All have the same network (actor and
critic apart, two layers of 64 with tanh each), the same rollouts, 4 epochs of 4 minibatches, Adam, one thread of
PyTorch, one process (but for the workers that are named), and count their episodes. Stable-Baselines3 has DummyVecEnv;
`peers/ppo_cleanrl.py`, a file written for this benchmark in the manner of CleanRL's `ppo.py`, has SyncVectorEnv. Ours
hands the weights to PyTorch's functions; "network of modules" calls `nn.Sequential`s as the peers do, which costs
twice the time of a pass of 8 rows: 12 modules, some 4 us of Python each.
"ocean/cartpole" is another implementation of the same environment, in C: it shows what the trainer does when the
environment costs next to nothing. Steps a second are medians over the turns; ratios are of CPU time, over all turns: on
an idle machine a contender of one process takes as much time as CPU time, on a busy one it waits. The shares of time
are our trainer's own: waiting for environments, choosing actions, learning.

"Most possible" is the ratio of a trainer that costs nothing: environments and bare network (below) only. Where it is
below 3, the goal is out of reach with this environment and this network in PyTorch: of the peers' time, too, the same
network and Gymnasium's CartPole, some 8-10 us a step, are a large part. Of a pass of 256 rows there and back, some
1.0 ms, 0.3 ms are PyTorch's tanh, and as much its products of matrices: no trainer changes that."""


EXPLANATION_OF_PARTS = """\
Shares of the CPU time of an update, rollout and learning. "Environment" is what the trainer waits in the pool's `send`
and `recv`; "bare network" is what a plain loop of the same forward passes, backward passes and steps of Adam takes in
the same process right after each turn; "the rest" is everything else: sampling, storing, advantages, shuffling, the
loss, clipping gradients, metrics, Python. It is a matter of size: a batch and a minibatch cost the same few dozen
calls of PyTorch and NumPy, however small they are. Where it is below 0, the two clocks saw the machine at two paces."""


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=1.5, help="seconds of one turn, at the least")
    parser.add_argument("--envs", type=int, nargs="*", default=[], help="only rollouts of so many environments")
    parser.add_argument("--scripts", nargs="*", default=[], help="only these scripts of benchmarks/peers")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    chosen = tuple(c for c in CONTENDERS if not options.scripts or c.script in options.scripts)
    for script in dict.fromkeys(contender.script for contender in chosen):
        interpreter(script)
    load = os.getloadavg()[0]
    results = {}
    cases, sizes = [[c for c in found if not options.envs or c.num_envs in options.envs] for found in (CASES, PARTS)]
    for case in (replace(case, contenders=chosen) for case in cases):
        results[case] = measure(case, options.rounds, options.round_s)
        print(describe(case, results[case]), "\n", flush=True)
    shares = {case: measure(case, options.rounds, options.round_s) for case in sizes}
    print(parts(shares))
    network_shares = {case.title: network_share(case, turns[NATIVE]) for case, turns in shares.items()}
    text = [
        "## PPO",
        EXPLANATION,
        "### Goals",
        goals(results, network_shares),
        *(describe(*found) for found in results.items()),
    ]
    text += ["### Where the time goes: ocean/cartpole", EXPLANATION_OF_PARTS, parts(shares)]
    machine = describe_machine("numpy", "torch", "gymnasium", "pufferlib")
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    turns = f"{options.rounds} turns of {options.round_s:g} s each"
    text.append(f"{turns}. Load before: {load:.1f}, nice {priority}. {machine}")
    write_section("ppo", "\n\n".join(text), options.output)


if __name__ == "__main__":
    main()
