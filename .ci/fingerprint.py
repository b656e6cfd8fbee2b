"""Prints one hash of what the C core computes: builds by different compilers and headers must agree on it."""

import hashlib

import gymnasium
import numpy as np

import pufferlib.ocean
import pufferlib.vector
from pufferlib._native import core
from pufferlib.spaces import compile_layout
from pufferlib.training.advantage import compute_advantages

spaces = gymnasium.spaces
tree = spaces.Dict(
    {
        "image": spaces.Box(0, 255, (8, 8, 3), np.uint8),
        "speed": spaces.Box(-np.inf, np.inf, (5,), np.float32),
        "position": spaces.Box(-1, 1, (3,), np.float64),
        "inventory": spaces.Tuple([spaces.Discrete(9, start=-4), spaces.MultiBinary(11), spaces.MultiDiscrete([3, 4])]),
        "message": spaces.Text(12),
    }
)
digest = hashlib.sha256()
layout = compile_layout(tree)
tree.seed(7)
for _ in range(200):
    row = layout.pack(tree.sample())
    digest.update(row.tobytes())
    digest.update(layout.pack(layout.unpack(row)).tobytes())

random = np.random.default_rng(7)
steps, rows = 64, 33
floats = [random.normal(size=(steps, rows)).astype(np.float32) for _ in range(2)]
values = random.normal(size=(steps + 1, rows)).astype(np.float32)
flags = [random.random((steps, rows)) < chance for chance in (0.05, 0.05, 0.95)]
for array in compute_advantages(floats[0], values, floats[1], *flags, 0.99, 0.95):
    digest.update(np.ascontiguousarray(array).tobytes())
for name in pufferlib.ocean.names():
    with pufferlib.vector.make(pufferlib.ocean.env_creator(name), num_envs=16) as envs:
        digest.update(envs.reset(seed=7)[0].tobytes())
        envs.action_space.seed(7)
        for _ in range(500):
            for array in envs.step(envs.action_space.sample())[:4]:
                digest.update(array.tobytes())
print(f"fingerprint {digest.hexdigest()[:16]} {len(dir(core))} names {len(pufferlib.ocean.names())} environments")
