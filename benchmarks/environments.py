"""Steps a second of adapters: the environment as its makers ship it, and eight of them on the Serial backend.

    python benchmarks/environments.py minigrid                     # the adapter's samples
    python benchmarks/environments.py classic_control --all        # every environment that it lists
    python benchmarks/environments.py butterfly/pistonball_v6      # one environment, with its default options

Steps per second of CPU time on one core. Actions are random and drawn in advance; an episode's end costs its reset. One
step of a multi-agent environment moves all of its agents. Prints a Markdown table for the data sheets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pufferlib.environments
import pufferlib.vector
from pufferlib.emulation import GymnasiumPufferEnv

sys.path.insert(0, str(Path(__file__).parent))

from _measure import alternate, describe_machine, table  # noqa: E402

NUM_ACTIONS, NUM_ENVS = 512, 8


def run_plain(env: Any) -> Callable[[int], None]:
    """Returns a function that plays a Gymnasium environment for a number of steps."""
    actions = [env.action_space.sample() for _ in range(NUM_ACTIONS)]
    env.reset(seed=0)

    def run(count: int) -> None:
        for index in range(count):
            _, _, terminated, truncated, _ = env.step(actions[index % NUM_ACTIONS])
            if terminated or truncated:
                env.reset()

    return run


def run_parallel(env: Any) -> Callable[[int], None]:
    """Returns a function that plays a PettingZoo environment for a number of steps."""
    drawn = [{agent: env.action_space(agent).sample() for agent in env.possible_agents} for _ in range(NUM_ACTIONS)]
    env.reset(seed=0)

    def run(count: int) -> None:
        for index in range(count):
            if not env.agents:
                env.reset()
            actions = drawn[index % NUM_ACTIONS]
            env.step({agent: actions[agent] for agent in env.agents})

    return run


def run_serial(envs: Any) -> Callable[[int], None]:
    """Returns a function that plays a pool for a number of batches."""
    actions = [envs.action_space.sample() for _ in range(NUM_ACTIONS)]
    envs.reset(seed=0)

    def run(count: int) -> None:
        for index in range(count):
            envs.step(actions[index % NUM_ACTIONS])

    return run


def measure(spec: str, options: dict[str, Any], num_rounds: int, round_s: float) -> list[str]:
    """Measures one environment and returns its row of the table."""
    creator = pufferlib.environments.make_creator(spec, **options)
    emulated = creator()
    plain = emulated.env.env  # inside the emulation and the episode statistics
    play = run_plain(plain) if isinstance(emulated, GymnasiumPufferEnv) else run_parallel(plain)
    with pufferlib.vector.make(creator, num_envs=NUM_ENVS) as envs:
        times = alternate({"plain": play, "serial": run_serial(envs)}, num_rounds, round_s)
        name = " ".join([spec.partition("/")[2] or spec, *(f"{key}={value}" for key, value in options.items())])
        row = [name, str(envs.agents_per_batch // NUM_ENVS), str(envs.single_observation_space.shape)]
    rates = [1e9 / times["plain"].median_ns, NUM_ENVS * 1e9 / times["serial"].median_ns]
    return [*row, *(f"{rate:,.0f}" for rate in rates)]


def choose(spec: str, everything: bool) -> list[tuple[str, dict[str, Any]]]:
    """Lists what to measure for one argument of the command line."""
    if spec not in pufferlib.environments.names():
        return [(spec, {})]
    module = pufferlib.environments.load(spec)
    if everything:
        return [(f"{spec}/{name}", {}) for name in module.names()]
    return [(f"{spec}/{name}", options) for name, options in module.SAMPLES]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", metavar="ENV", help="adapters or environments; none: every adapter")
    parser.add_argument("--all", action="store_true", help="every environment of an adapter, not only its samples")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--round-s", type=float, default=0.5, help="seconds of one turn")
    options = parser.parse_args()
    rows = []
    for spec in options.specs or pufferlib.environments.names():
        rows += [measure(*choice, options.rounds, options.round_s) for choice in choose(spec, options.all)]
    print(table(["environment", "agents", "row", "steps/s plain", f"steps/s Serial x{NUM_ENVS}"], rows))
    print(describe_machine("numpy", "gymnasium"))


if __name__ == "__main__":
    main()
