"""Whatever config an environment takes and whatever it is told to do: nothing breaks, rewards are finite.

The sanitizers' run of CI plays these with the C built to stop at overruns and undefined behaviour.
"""

from __future__ import annotations

import os
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import pufferlib.ocean
import pufferlib.vector
from pufferlib.exceptions import ConfigError
from pufferlib.vector._arena import action_format

NUM_STEPS = 30
MAX_EXAMPLES = int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "40"))
FEW = settings(max_examples=MAX_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
pytestmark = pytest.mark.timeout(300)


def values_of(field):
    """Values for one option: near its default, at the edges of sense, and far beyond."""
    default = field.default
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        edges = [-(2**31), -1, 0, 1, 2, 3, default - 1, default, default + 1, 2 * default, 2**31 - 1]
        return st.one_of(st.sampled_from(edges), st.integers(1, 2 * abs(default) + 10))
    edges = [-1e300, -1.0, 0.0, 1e-300, 0.5, 1.0, default, 2 * default, 1e300]
    return st.one_of(st.sampled_from(edges), st.floats(0, 2), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def configs(draw, name):
    """A config that the environment takes, with at most three options changed."""
    options = fields(pufferlib.ocean.load(name).Config)
    chosen = draw(st.lists(st.sampled_from(options), max_size=3, unique=True)) if options else []
    config = {field.name: draw(values_of(field)) for field in chosen}
    try:
        pufferlib.ocean.load(name).Config.of(config)
    except ConfigError:
        assume(False)
    return config


def wild(dtype, shape, rng):
    """Actions of any value at all, the right ones among them."""
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        edges = np.array([info.min, info.max, -1, 0, 1, 2, 3, 2**31, 2**32 + 1], dtype)
        return np.where(rng.random(shape) < 0.3, rng.choice(edges, shape), rng.integers(0, 5, shape)).astype(dtype)
    edges = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38, -3e38, 2.0**31, 2.0**63], dtype)
    return np.where(rng.random(shape) < 0.3, rng.choice(edges, shape), rng.normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("name", pufferlib.ocean.names())
def test_every_environment__takes_any_config_and_any_action(name):
    """Configs that `check` lets through and actions of any bits: observations in the space, finite rewards, a frame."""

    @FEW
    @given(configs(name), st.integers(0, 2**64 - 1), st.sampled_from(("same_step", "next_step")))
    def play(config, seed, mode):
        creator = pufferlib.ocean.env_creator(name)
        with pufferlib.vector.make(creator, num_envs=2, env_kwargs=config, autoreset=mode) as pool:
            dtype, shape = action_format(pool.single_action_space)
            layout, rng = pool.emulated.observation, np.random.default_rng(seed)
            pool.reset(seed=seed)
            for _ in range(NUM_STEPS):
                observations, rewards, *_ = pool.step(wild(dtype, (pool.num_agents, *shape), rng))
                assert np.isfinite(rewards).all()
                for row in observations:
                    assert layout.space.contains(layout.unpack(row)), layout.find_out_of_bounds(row)
            if pool.driver_env.plan.spec.frame:
                pool.driver_env.draw()

    play()
