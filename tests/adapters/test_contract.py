"""The suite that every adapter passes: its environments conform, keep their promises and lose no information."""

from __future__ import annotations

import copy
import tomllib
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

import pufferlib.environments
import pufferlib.vector
from adapter_checks import SLOW_S, is_gymnasium, skip_if_declared
from pufferlib.exceptions import ConfigError
from pufferlib.training.episodes import iterate_episodes

pytestmark = pytest.mark.timeout(SLOW_S)

NUM_STEPS = 1000
# What the checkers say about spaces that are the environments' own: a Box passes through untouched.
ADVICE = (
    ".*observation space m(in|ax)imum value is -?infinity",
    ".*symmetric and normalized (Box action )?space",
    ".*unconventional shape",
    "The minimal resolution for an image is 36x36",  # of Stable-Baselines3's own policy
)


def test_adapter__lists_its_default_its_samples_and_what_its_config_names(adapter, module):
    """Names are sorted, each is there once, and no other part of the adapter speaks of one that isn't."""
    names = module.names()
    config = tomllib.loads(Path(module.__file__).with_name("config.toml").read_text())

    assert names == sorted(set(names))
    assert {module.DEFAULT, *config.get("env", {}), *(name for name, _ in module.SAMPLES)} <= set(names)


@pytest.mark.timeout(3 * SLOW_S)
def test_adapter__makes_every_name_that_it_lists(adapter, module, deviations):
    """Each listed environment can be made, reset, stepped and closed, and speaks the flat language.

    One that needs files of the user's may instead say, where they aren't, what is missing.
    """
    needs_files = getattr(module, "NEEDS_FILES", {})
    assert set(needs_files) <= set(module.names())
    for name in module.names():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*is out of date", category=DeprecationWarning)
            try:
                env = pufferlib.environments.make_creator(f"{adapter}/{name}")()
            except ConfigError:
                if name not in needs_files:
                    raise
                continue
        try:
            step_once(env, "space" not in deviations)
        except Exception as error:
            error.add_note(f"This was {adapter}/{name}.")
            raise
        finally:
            env.close()


def step_once(env: Any, check_space: bool) -> None:
    """Resets an environment and takes one step."""
    if is_gymnasium(env):
        observation, _ = env.reset(seed=0)
        assert env.observation_space.contains(observation) or not check_space
        assert len(env.step(env.action_space.sample())) == 5
        return
    observations, _ = env.reset(seed=0)
    assert observations
    for agent, observation in observations.items():
        assert env.observation_space(agent).contains(observation) or not check_space
    assert len(env.step({agent: env.action_space(agent).sample() for agent in env.agents})) == 5


def test_environment__passes_its_peers_checkers(creator, deviations):
    """Gymnasium's, Stable-Baselines3's and PettingZoo's checkers find nothing, not even a warning."""
    for key in ("checkers", "seed", "reuse_seed", "space"):  # the checkers look at these too
        skip_if_declared(deviations, key)
    env = creator()
    if not is_gymnasium(env):
        env.close()
        check_parallel(creator)
        return
    check_env_sb3 = pytest.importorskip("stable_baselines3.common.env_checker").check_env
    with warnings.catch_warnings():
        for advice in ADVICE:
            warnings.filterwarnings("ignore", message=advice)
        # Rendering has a test of its own; here "human" would open a window.
        check_env(env, skip_render_check=True)
        check_env_sb3(env, skip_render_check=True)
    env.close()


def check_parallel(creator: Any) -> None:
    """Runs PettingZoo's checkers."""
    with warnings.catch_warnings():
        # PettingZoo's test package imports its own environments in the way that it warns about.
        warnings.filterwarnings("ignore", message="The old environment creation API", category=DeprecationWarning)
        from pettingzoo.test import parallel_api_test, parallel_seed_test

    parallel_api_test(creator(), num_cycles=100)
    parallel_seed_test(creator, num_cycles=50)


def test_environment__takes_a_thousand_random_steps(creator, deviations):
    """A thousand steps on Serial keep every promise about shapes, dtypes, masks and episode statistics."""
    num_episodes = num_ends = 0
    with pufferlib.vector.make(creator, num_envs=2) as envs:
        envs.async_reset(seed=3)
        envs.action_space.seed(3)
        for step in range(NUM_STEPS // 2):
            observations, rewards, terminals, truncations, infos, _, mask = envs.recv()
            assert observations.shape == (envs.num_agents, *envs.single_observation_space.shape)
            assert observations.dtype == envs.single_observation_space.dtype
            assert rewards.shape == terminals.shape == truncations.shape == mask.shape == (envs.num_agents,)
            assert np.isfinite(rewards).all()
            if step % 50 == 0 and "space" not in deviations:
                assert envs.observation_space.contains(observations)
            check_mask(envs, observations, rewards, terminals | truncations, mask)
            num_episodes += count_episodes(infos)
            num_ends += int((terminals | truncations).sum())
            envs.send(envs.action_space.sample())
    assert num_ends == 0 or num_episodes > 0
    if creator.args and "max_cycles" in creator.keywords:
        assert num_episodes > 0


def check_mask(envs: Any, observations: np.ndarray, rewards: np.ndarray, ended: np.ndarray, mask: np.ndarray) -> None:
    """Checks that who acts next is marked, and that the rows of those who aren't there are zero."""
    env = envs.driver_env
    if is_gymnasium(env):
        assert mask.all()
        return
    present = {agent for agent, alive in zip(env.possible_agents, mask[: env.num_slots], strict=True) if alive}
    assert set(env.agents) <= present
    absent = ~mask & ~ended  # of one that ended in this step reward and last observation still count
    assert not observations[absent].any()
    assert not rewards[absent].any()


def count_episodes(infos: Any) -> int:
    """Counts the episode statistics in a batch's infos, one for each agent."""
    episodes = list(iterate_episodes(infos))
    assert all(episode.length > 0 for episode in episodes)
    return len(episodes)


def test_environment__observations_unpack_to_the_original(creator, deviations):
    """Unpacking a flat row gives what the environment itself returned, in its own structure."""
    emulated = creator()
    plain, returned = emulated.env, []
    if plain is emulated:
        pytest.skip("declared deviation, native: it is flat by itself (see tests/ocean/test_gymnasium.py)")

    def reset(**options: Any) -> Any:
        result = type(plain).reset(plain, **options)
        returned.append(copy.deepcopy(result[0]))
        return result

    plain.reset = reset
    flat, _ = emulated.reset(seed=11)
    (original,) = returned
    space = plain.observation_space
    if is_gymnasium(emulated):
        flat, original = {0: flat}, {0: original}
    else:
        space = space(next(iter(original)))
    layout = emulated.emulated.observation

    assert space == layout.space
    assert flat.keys() == original.keys()
    for key, row in flat.items():
        unpacked = layout.unpack(row)
        assert space.contains(unpacked) or "space" in deviations
        assert data_equivalence(to_plain(unpacked), to_plain(original[key]), exact=True)
    emulated.close()


def to_plain(value: Any) -> Any:
    """Forgets the difference between a number and a NumPy scalar: a Discrete may hold either."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(to_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def test_environment__renders_a_frame(sample, module, deviations):
    """A frame comes without a display: pixels, or text where there are none."""
    _, name, options = sample
    env = module.make(name, render_mode="rgb_array", **options)
    env.reset(seed=0)
    frame = env.render()
    env.close()
    if isinstance(frame, str):
        assert "render" in deviations
        assert len(set(frame)) > 1
        return

    assert isinstance(frame, np.ndarray)
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert frame.shape[2] == 3
    assert len(np.unique(frame)) > 1 or "render" in deviations


def test_environment__is_a_gymnasium_or_pettingzoo_environment(creator):
    """What `make` returns has the base class that its users expect."""
    env = creator()
    if not is_gymnasium(env):
        from pettingzoo import ParallelEnv

        assert isinstance(env, ParallelEnv)
    else:
        assert isinstance(env, gymnasium.Env)
    assert env.emulated.observation.flat_space == env.single_observation_space
    env.close()
