"""What emulation costs: nanoseconds per step above the raw environment, beside a plain copy of the same bytes.

    python benchmarks/emulation.py                # prints the tables and writes them into benchmarks/RESULTS.md
    python benchmarks/emulation.py --rounds 31    # calmer medians

The environment under test only hands out observations made in advance, so that nothing but the library is measured.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from pufferlib.emulation import Buffers, GymnasiumPufferEnv
from pufferlib.spaces import compile_layout

sys.path.insert(0, str(Path(__file__).parent))

from _measure import RESULTS, Timing, alternate, describe_machine, table, write_section  # noqa: E402

NETHACK, GOAL = "NetHack-like Dict of 10 leaves", 1.5  # DESIGN section 10
HOT, COLD = 1, 1024  # how many different observations take turns: one stays in the L1 cache, 1,024 don't


def integers(shape: tuple[int, ...], dtype: str) -> spaces.Box:
    """A Box of all values of an integer dtype."""
    limits = np.iinfo(dtype)
    return spaces.Box(limits.min, limits.max, shape, np.dtype(dtype).type)


def make_spaces() -> dict[str, spaces.Space[Any]]:
    """The observation spaces that are measured."""
    real = spaces.Box(-np.inf, np.inf, (4,), np.float32)
    nethack = {
        "glyphs": integers((21, 79), "int16"),
        "chars": integers((21, 79), "uint8"),
        "colors": integers((21, 79), "uint8"),
        "specials": integers((21, 79), "uint8"),
        "blstats": integers((27,), "int64"),
        "message": integers((256,), "uint8"),
        "tty_chars": integers((24, 80), "uint8"),
        "tty_colors": integers((24, 80), "int8"),
        "tty_cursor": integers((2,), "uint8"),
        "inv_strs": integers((55, 80), "uint8"),
    }
    return {
        "Box": real,
        "Box, an image": integers((84, 84, 4), "uint8"),
        "Dict of 4 leaves": spaces.Dict(
            {
                "position": real,
                "image": integers((7, 7, 3), "uint8"),
                "inventory": spaces.MultiDiscrete([8] * 6),
                "direction": spaces.Discrete(4),
            }
        ),
        NETHACK: spaces.Dict(nethack),
        "nested, 8 leaves": spaces.Dict(
            {
                "self": spaces.Dict({"position": real, "flags": spaces.MultiBinary(5), "kind": spaces.Discrete(3)}),
                "others": spaces.Tuple([spaces.Dict({"position": real, "kind": spaces.Discrete(3)})] * 2),
                "clock": spaces.Box(0, 1, (), np.float64),
            }
        ),
    }


class Canned(gymnasium.Env[Any, Any]):
    """Hands out observations made in advance; a step costs one call and a list access."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: spaces.Space[Any], num_observations: int) -> None:
        self.observation_space = space
        self.values = [space.sample() for _ in range(num_observations)]
        self.next, self.info = 0, {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Gives the first observation."""
        return self.values[0], self.info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Gives the next observation."""
        self.next = (self.next + 1) % len(self.values)
        return self.values[self.next], 0.0, False, False, self.info


def contenders_for(space: spaces.Space[Any], num_observations: int) -> dict[str, Callable[[int], None]]:
    """Builds what is compared for one space.

    raw, step and rows: a step of the raw environment, the same through the Gymnasium API of the emulated one, and the
    same through `step_into`, which is what vectorization calls. pack: `Layout.pack_into` alone. memcpy, copyto and
    memmove: one flat copy of as many bytes, through our C (a plain Box), NumPy and ctypes. flatten: Gymnasium's own.
    """
    space.seed(0)
    layout = compile_layout(space)
    raw, stepped, rowed = (Canned(space, num_observations) for _ in range(3))
    emulated = GymnasiumPufferEnv(env=stepped)
    rows_env = GymnasiumPufferEnv(env=rowed, buffers=Buffers.allocate(1, layout.flat_space))
    emulated.reset(seed=0)
    rows_env.reset(seed=0)
    values = raw.values
    actions, action = np.zeros(1, np.int64), np.int64(0)
    rows = np.zeros((num_observations, *layout.flat_space.shape), layout.flat_space.dtype)
    size = layout.size_bytes
    sources = [np.random.default_rng(index).integers(0, 255, size, np.uint8) for index in range(num_observations)]
    targets = [np.zeros(size, np.uint8) for _ in range(num_observations)]
    addresses = [(a.ctypes.data, b.ctypes.data) for a, b in zip(targets, sources, strict=True)]
    plain = compile_layout(integers((size,), "uint8"))
    flat_rows = np.zeros((num_observations, size), np.uint8)
    pack_into, copyto, memmove, flatten = layout.pack_into, np.copyto, ctypes.memmove, spaces.flatten

    def run_raw(count: int) -> None:
        step = raw.step
        for _ in range(count):
            step(action)

    def run_step(count: int) -> None:
        step = emulated.step
        for _ in range(count):
            step(action)

    def run_rows(count: int) -> None:
        step_into = rows_env.step_into
        for _ in range(count):
            step_into(actions)

    def run_pack(count: int) -> None:
        for index in range(count):
            slot = index % num_observations
            pack_into(values[slot], rows, slot)

    def run_memcpy(count: int) -> None:
        copy = plain.pack_into
        for index in range(count):
            slot = index % num_observations
            copy(sources[slot], flat_rows, slot)

    def run_copyto(count: int) -> None:
        for index in range(count):
            slot = index % num_observations
            copyto(targets[slot], sources[slot])

    def run_memmove(count: int) -> None:
        for index in range(count):
            target, source = addresses[index % num_observations]
            memmove(target, source, size)

    def run_flatten(count: int) -> None:
        for index in range(count):
            flatten(space, values[index % num_observations])

    return {
        "raw": run_raw,
        "step": run_step,
        "rows": run_rows,
        "pack": run_pack,
        "memcpy": run_memcpy,
        "copyto": run_copyto,
        "memmove": run_memmove,
        "flatten": run_flatten,
    }


def to_row(name: str, size: int, times: dict[str, Timing]) -> list[str]:
    """Formats one space's line of the table."""
    return [
        name,
        f"{size:,}",
        f"{times['rows'].difference_ns(times['raw']):,.0f}",
        f"{times['step'].difference_ns(times['raw']):,.0f}",
        *(f"{times[key].median_ns:,.0f}" for key in ("pack", "memcpy", "copyto", "memmove", "flatten")),
        *(f"{times['pack'].ratio(times[key]):.2f}" for key in ("memcpy", "copyto")),
        f"{times['flatten'].ratio(times['pack']):.1f}",
    ]


def judge(times: dict[str, Timing]) -> str:
    """Compares packing the NetHack-like Dict with the goal, against each kind of copy."""
    copies = ("memcpy", "copyto", "memmove")
    ratios = {name: times["pack"].ratio(times[name]) for name in copies}
    texts = [f"{ratio:.2f} x {name} ({'met' if ratio <= GOAL else 'missed'})" for name, ratio in ratios.items()]
    return f"Goal for 10 leaves: at most {GOAL} x a memcpy of the same bytes. Measured: {', '.join(texts)}."


def measure(num_rounds: int, round_s: float, num_cold: int) -> str:
    """Runs everything and returns the section of the results."""
    header = ["space", "bytes", "step_into", "step", "pack", "memcpy", "copyto", "memmove", "flatten"]
    header += ["pack / memcpy", "pack / copyto", "flatten / pack"]
    parts = ["## Emulation", __doc__.splitlines()[0] if __doc__ else "", EXPLANATION]
    cold = f"Cold: {num_cold:,} observations in turn; those of the large spaces don't fit into the caches"
    for title, num_observations in (("Hot: the same observation again and again", HOT), (cold, num_cold)):
        rows = []
        for name, space in make_spaces().items():
            times = alternate(contenders_for(space, num_observations), num_rounds, round_s)
            rows.append(to_row(name, compile_layout(space).size_bytes, times))
            if name == NETHACK:
                verdict = judge(times)
        parts += [f"### {title}", table(header, rows).strip(), verdict]
    parts.append(f"{num_rounds} turns of {round_s:g} s each. {describe_machine('numpy', 'gymnasium', 'pufferlib')}")
    return "\n\n".join(parts)


EXPLANATION = """\
Nanoseconds of CPU time, medians over the turns; contenders take turns (A B C A B C), and a ratio is the median of the
ratios within a turn. `step_into` (what vectorization calls) and `step` (the Gymnasium API) are what a step costs above
the raw environment's own step; `pack` is the packing alone. `memcpy`, `copyto` and `memmove` copy as many bytes from
one flat buffer to another: through the same C call as `pack`, which for a plain Box is one memcpy; through NumPy; and
through ctypes. `flatten` is `gymnasium.spaces.flatten`, which casts everything to one dtype."""


def main() -> None:
    """Measures, prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11, help="turns of each contender, at least 5 for a result")
    parser.add_argument("--round-s", type=float, default=0.05, help="seconds of one turn")
    parser.add_argument("--cold", type=int, default=COLD, help="observations that take turns in the second table")
    parser.add_argument("--output", type=Path, default=RESULTS, help="the Markdown file that holds the results")
    options = parser.parse_args()
    text = measure(options.rounds, options.round_s, options.cold)
    print(text)
    write_section("emulation", text, options.output)


if __name__ == "__main__":
    main()
