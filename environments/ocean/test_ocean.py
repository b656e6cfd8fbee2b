"""What is special about Ocean: a thin layer over `pufferlib.ocean`, whose own tests are in tests/ocean."""

from __future__ import annotations

import pytest

import pufferlib.environments.ocean as adapter
import pufferlib.ocean
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
