"""The suite that every adapter passes: its environments are conforming, reproducible and lose no information."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

import pufferlib.environments
import pufferlib.vector
from pufferlib.emulation import GymnasiumPufferEnv

NUM_STEPS = 1000
# What the checkers say about spaces that are the environments' own: a Box passes through untouched.
ADVICE = (
    ".*observation space m(in|ax)imum value is -?infinity",
    ".*symmetric and normalized (Box action )?space",
)


def is_gymnasium(env: Any) -> bool:
    """Says whether an emulated environment has the single-agent API."""
    return isinstance(env, GymnasiumPufferEnv)


def test_adapter__makes_every_name_that_it_lists(adapter, module):
    """Each listed environment can be made, reset, stepped and closed, and speaks the flat language."""
    for name in module.names():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*is out of date", category=DeprecationWarning)
            env = pufferlib.environments.make_creator(f"{adapter}/{name}")()
        try:
            step_once(env)
        finally:
            env.close()


def step_once(env: Any) -> None:
    """Resets an environment and takes one step."""
    if is_gymnasium(env):
        observation, _ = env.reset(seed=0)
        assert env.observation_space.contains(observation)
        assert len(env.step(env.action_space.sample())) == 5
        return
    observations, _ = env.reset(seed=0)
    assert observations
    for agent, observation in observations.items():
        assert env.observation_space(agent).contains(observation)
    assert len(env.step({agent: env.action_space(agent).sample() for agent in env.agents})) == 5


def test_environment__passes_its_peers_checkers(creator):
    """Gymnasium's, Stable-Baselines3's and PettingZoo's checkers find nothing, not even a warning."""
    env = creator()
    if not is_gymnasium(env):
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


def test_environment__takes_a_thousand_random_steps(creator):
    """A thousand steps on Serial keep every promise about shapes, dtypes, masks and episode statistics."""
    num_episodes = 0
    with pufferlib.vector.make(creator, num_envs=2) as envs:
        observations, _ = envs.reset(seed=3)
        envs.action_space.seed(3)
        for _ in range(NUM_STEPS // 2):
            observations, rewards, terminals, truncations, infos = envs.step(envs.action_space.sample())
            assert observations.shape == (envs.num_agents, *envs.single_observation_space.shape)
            assert observations.dtype == envs.single_observation_space.dtype
            assert rewards.shape == terminals.shape == truncations.shape == (envs.num_agents,)
            assert np.isfinite(rewards).all()
            num_episodes += sum(count_episodes(info) for info in infos)
        assert envs.observation_space.contains(observations)
    if creator.args and "max_cycles" in creator.keywords:
        assert num_episodes > 0


def count_episodes(info: dict[str, Any]) -> int:
    """Counts the episode statistics in one environment's info: its own, or one for each agent."""
    episodes = [info["episode"]] if "episode" in info else []
    episodes += [item["episode"] for item in info.values() if isinstance(item, dict) and "episode" in item]
    assert all(set(episode) >= {"r", "l"} and episode["l"] > 0 for episode in episodes)
    return len(episodes)


def test_environment__same_seed_gives_the_same_trajectory(creator):
    """Two pools of the same seed agree bit for bit, and so does a pool that is used for a second time."""
    first, again = roll(creator, seed=7)
    second, _ = roll(creator, seed=7)

    assert first == second
    assert first == again


def roll(creator: Any, seed: int, num_steps: int = 90) -> tuple[list[bytes], list[bytes]]:
    """Plays the same game twice in the same pool and returns digests of everything that came out of both."""
    games: tuple[list[bytes], list[bytes]] = ([], [])
    with pufferlib.vector.make(creator, num_envs=2) as envs:
        for game in games:
            game.append(digest(envs.reset(seed=seed)[0]))
            envs.action_space.seed(seed)
            for _ in range(num_steps):
                game.append(digest(*envs.step(envs.action_space.sample())[:4]))
    return games


def digest(*arrays: np.ndarray) -> bytes:
    """Hashes the bytes of arrays, so that comparing pixels is quick."""
    total = hashlib.blake2b(digest_size=16)
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.digest()


def test_environment__observations_unpack_to_the_original(creator):
    """Unpacking a flat row gives what the environment itself returned, in its own structure."""
    emulated, plain = creator(), creator().env
    if is_gymnasium(emulated):
        flat, original = {0: emulated.reset(seed=11)[0]}, {0: plain.reset(seed=11)[0]}
        space = plain.observation_space
    else:
        flat, original = emulated.reset(seed=11)[0], plain.reset(seed=11)[0]
        space = plain.observation_space(next(iter(original)))
    layout = emulated.emulated.observation

    assert space == layout.space
    assert flat.keys() == original.keys()
    for key, row in flat.items():
        unpacked = layout.unpack(row)
        assert space.contains(unpacked)
        assert data_equivalence(to_plain(unpacked), to_plain(original[key]), exact=True)
    emulated.close()


def to_plain(value: Any) -> Any:
    """Forgets the difference between a number and a NumPy scalar: a Discrete may hold either."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(to_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def test_environment__renders_a_frame(sample, module):
    """With render_mode="rgb_array" a frame comes without a display."""
    _, name, options = sample
    env = module.make(name, render_mode="rgb_array", **options)
    env.reset(seed=0)
    frame = env.render()
    env.close()

    assert isinstance(frame, np.ndarray)
    assert frame.dtype == np.uint8
    assert frame.ndim == 3
    assert frame.shape[2] == 3
    assert len(np.unique(frame)) > 1


def test_policy__goes_forward_and_backward(creator, module):
    """The baseline policy takes a batch, gives samplable outputs, and every parameter gets a finite gradient."""
    torch = pytest.importorskip("torch")
    from pufferlib.pytorch import sample_actions

    torch.manual_seed(0)
    with pufferlib.vector.make(creator, num_envs=3) as envs:
        observations = torch.as_tensor(envs.reset(seed=1)[0])
        policy = module.Policy(envs.driver_env)
        output, value = policy(observations)
        actions, log_prob, entropy = sample_actions(output)
        assert value.shape == (envs.num_agents, 1)
        assert log_prob.shape == entropy.shape == (envs.num_agents,)
        (log_prob.mean() + value.pow(2).mean() + 0.01 * entropy.mean()).backward()
        for name, parameter in policy.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        low, high = envs.emulated.action.low, envs.emulated.action.high
        steps = actions.numpy()
        envs.step(steps.clip(low, high).reshape(envs.action_space.shape) if len(low) and steps.ndim > 1 else steps)


def test_policy__splits_for_recurrence(creator, module):
    """The policy encodes and decodes in two steps, so that an LSTM can stand between them."""
    torch = pytest.importorskip("torch")
    with pufferlib.vector.make(creator, num_envs=2) as envs:
        observations = torch.as_tensor(envs.reset(seed=1)[0])
        policy = module.Policy(envs.driver_env, hidden_size=64)
        hidden, lookup = policy.encode_observations(observations)
        assert hidden.shape == (envs.num_agents, 64)
        _, value = policy.decode_actions(hidden, lookup)
        assert torch.equal(value, policy(observations)[1])


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
