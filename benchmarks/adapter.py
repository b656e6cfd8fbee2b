"""What an adapter's default environment costs: steps a second, what emulation adds to a step, and memory.

Where the default needs a file of the user's, the first environment that needs none is measured.

    python benchmarks/adapter.py minigrid        # prints one JSON object

The same game is played twice, with the same seed and the same actions: as it is inside the emulation, and emulated, in
turns. Times are CPU times of this process.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import pufferlib.environments
import pufferlib.vector
from pufferlib.emulation._buffers import Buffers
from pufferlib.environments._recipes import read_recipe

sys.path.insert(0, str(Path(__file__).parent))

from environments import run_serial  # noqa: E402

NUM_ACTIONS, NUM_ENVS = 256, 4


class Player:
    """Plays one environment with given actions; `play` returns nanoseconds of CPU time for a step."""

    def __init__(self, reset: Callable[[int | None], Any], step: Callable[[int], bool]) -> None:
        """Takes how to reset with a seed, and how to make step number i, which says whether the episode is over."""
        self.reset, self.step = reset, step

    def play(self, num_steps: int, seed: int) -> float:
        """Plays so many steps of games that start with a seed."""
        reset, step = self.reset, self.step
        reset(seed)
        start = time.process_time_ns()
        for index in range(num_steps):
            if step(index % NUM_ACTIONS):
                reset(None)
        return (time.process_time_ns() - start) / num_steps


def inner_player(env: Any, actions: np.ndarray) -> Player:
    """Plays the environment inside the emulation, with its own kind of actions."""
    unpack, inner = env.emulated.action.unpack, env.env
    if isinstance(env, gymnasium.Env):
        drawn = [unpack(action[0]) for action in actions]

        def step(index: int) -> bool:
            _, _, terminal, truncation, _ = inner.step(drawn[index])
            return bool(terminal or truncation)
    else:
        agents = env.possible_agents
        by_agent = [dict(zip(agents, map(unpack, action), strict=True)) for action in actions]

        def step(index: int) -> bool:
            chosen = by_agent[index]
            inner.step({agent: chosen[agent] for agent in inner.agents})
            return not inner.agents

    return Player(lambda seed: inner.reset(seed=seed), step)


def emulated_player(env: Any, actions: np.ndarray) -> Player:
    """Plays the emulated environment as a pool does: into buffers."""
    env.attach(Buffers.allocate(env.num_slots, env.single_observation_space))

    def step(index: int) -> bool:
        env.step_into(actions[index])
        return bool(env.episode_over)

    return Player(lambda seed: env.reset_into(seed), step)


def choose(adapter: str) -> str:
    """Names an adapter's default environment, or where that needs files of the user's, the first that needs none."""
    module = pufferlib.environments.load(adapter)
    needs_files = getattr(module, "NEEDS_FILES", {})
    free = [name for name in (module.DEFAULT, *module.names()) if name not in needs_files]
    return f"{adapter}/{free[0]}"


def measure(adapter: str, num_rounds: int, round_s: float) -> dict[str, Any]:
    """Measures an adapter's default environment."""
    spec = choose(adapter)
    creator = pufferlib.environments.make_creator(spec)
    env, other = creator(), creator()
    env.single_action_space.seed(0)
    flat = [[env.single_action_space.sample() for _ in range(env.num_slots)] for _ in range(NUM_ACTIONS)]
    actions = np.asarray(flat, dtype=env.single_action_space.dtype)
    inner, emulated = inner_player(other, actions), emulated_player(env, actions)
    inner.play(2, seed=0)
    count = max(4, round(round_s * 1e9 / max(1.0, inner.play(max(4, round(round_s * 50)), seed=0))))
    pairs = []
    for index in range(num_rounds):
        players = (inner, emulated) if index % 2 == 0 else (emulated, inner)
        times = {player: player.play(count, seed=index) for player in players}
        pairs.append((times[inner], times[emulated]))
    result = {
        "environment": spec,
        "observation": describe(env.emulated.observation.space),
        "action": describe(env.emulated.action.space),
        "row_bytes": int(env.single_observation_space.dtype.itemsize * np.prod(env.single_observation_space.shape)),
        "agents": int(env.num_slots),
        "raw_steps_per_s": 1e9 / statistics.median(inner_ns for inner_ns, _ in pairs),
        "overhead_us": statistics.median(b - a for a, b in pairs) / 1000,
        "overhead_percent": 100 * (statistics.median(b / a for a, b in pairs) - 1),
    }
    env.close()
    other.close()
    return result | measure_pool(creator, 5 * round_s) | {"versions": versions(adapter)}


def measure_pool(creator: Any, round_s: float) -> dict[str, Any]:
    """Measures steps a second through Serial, and how much memory another environment takes."""
    gc.collect()
    with pufferlib.vector.make(creator, num_envs=1) as warm:
        run_serial(warm)(20)
        before = resident_mb()
        with pufferlib.vector.make(creator, num_envs=NUM_ENVS) as envs:
            run = run_serial(envs)
            run(20)
            memory_mb = (resident_mb() - before) / NUM_ENVS
            rates = []
            for _ in range(3):
                count, start = 0, time.process_time_ns()
                while time.process_time_ns() - start < round_s * 1e9:
                    run(8)
                    count += 8 * NUM_ENVS
                rates.append(count * 1e9 / (time.process_time_ns() - start))
    return {"serial_steps_per_s": statistics.median(rates), "memory_mb": max(0.0, memory_mb)}


def resident_mb() -> float:
    """Memory of this process and of its children."""
    total = 0
    pids = ["self", *(word for path in Path("/proc/self/task").glob("*/children") for word in path.read_text().split())]
    for pid in pids:
        path = Path(f"/proc/{pid}/statm")
        total += int(path.read_text().split()[1]) if path.exists() else 0
    return total * 4096 / 1e6


def versions(adapter: str) -> dict[str, str]:
    """Versions of the packages that the adapter's recipe names, the main one first."""
    found = {}
    for requirement in read_recipe(Path(pufferlib.environments.__file__).parent / adapter).requirements:
        try:
            found[requirement.name] = version(requirement.name)
        except PackageNotFoundError:  # a requirement of another Python
            continue
    return found


def describe(space: gymnasium.Space[Any]) -> str:
    """Writes a space in a few words."""
    match space:
        case gymnasium.spaces.Box():
            return f"{space.shape} {space.dtype}"
        case gymnasium.spaces.Dict() | gymnasium.spaces.Tuple():
            kind = type(space).__name__
            return f"{kind} of {len(space.spaces)}"
        case gymnasium.spaces.Discrete():
            return f"Discrete({space.n})"
        case gymnasium.spaces.MultiDiscrete() | gymnasium.spaces.MultiBinary():
            return f"{type(space).__name__} of {int(np.prod(space.shape))}"
        case _:
            return type(space).__name__


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter")
    parser.add_argument("--rounds", type=int, default=40, help="turns of each side")
    parser.add_argument("--round-s", type=float, default=0.05, help="about how many seconds a turn lasts")
    options = parser.parse_args()
    print(json.dumps(measure(options.adapter, options.rounds, options.round_s)))


if __name__ == "__main__":
    main()
