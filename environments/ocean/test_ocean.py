"""What is special about Ocean: a thin layer over `pufferlib.ocean`, whose own tests are in tests/ocean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pufferlib.environments.ocean as adapter
import pufferlib.ocean
import pufferlib.vector
from pufferlib.exceptions import ConfigError, UnknownEnvironment


def test_names__are_those_of_the_build():
    """The adapter offers each environment that was compiled in."""
    assert tuple(adapter.names()) == pufferlib.ocean.names()


def test_make__takes_the_options_of_the_config():
    """Keywords are fields of the environment's config; others are refused with the nearest name."""
    with adapter.make("squared", size=5) as env:
        assert env.single_observation_space.shape == (5, 5)
    with pytest.raises(ConfigError, match="Did you mean 'size'"):
        adapter.make("squared", sise=5)


def test_env_creator__refuses_unknown_names():
    """A wrong name is noticed before any environment is made."""
    with pytest.raises(UnknownEnvironment, match="Did you mean squared"):
        adapter.env_creator("squard")


def test_policy__never_chooses_what_the_mask_forbids():
    """Of connect4's columns only open ones have a chance, and an agent that waits has no choice."""
    with pufferlib.vector.make(adapter.env_creator("connect4"), num_envs=4, env_kwargs={"players": 2}) as pool:
        policy = adapter.Policy(pool.driver_env)
        observations, _ = pool.reset(seed=0)
        for _ in range(6):  # the first column fills up, without four in a row
            observations, *_ = pool.step(np.zeros(8, int))
        logits, _ = policy(torch.from_numpy(observations))
        chances = logits.softmax(1).detach().numpy()

    assert ((chances > 0) == observations[:, :7]).all()
    assert sorted((chances > 0).sum(1)) == [1] * 4 + [6] * 4
