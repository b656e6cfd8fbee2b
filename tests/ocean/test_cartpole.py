"""CartPole: Gymnasium's, step by step."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pufferlib.ocean
import pufferlib.vector
from pufferlib.exceptions import ConfigError

FEW = st.floats(-0.2, 0.2)


def physics(env) -> np.ndarray:
    """The state of the first copy, (4,) float64, to be read and written: it follows the random numbers, two words."""
    return env._copies.memory.states[0].view(np.float64)[2:6]


@pytest.mark.timeout(120)
@settings(max_examples=500, deadline=None)
@given(st.tuples(st.floats(-2.4, 2.4), st.floats(-5, 5), FEW, st.floats(-5, 5)), st.integers(0, 1))
def test_cartpole__steps_like_gymnasium(state, action):
    """From the same state, with the same action, both get to the same state to 1e-14, and agree on its end."""
    theirs, ours = gymnasium.make("CartPole-v1").unwrapped, pufferlib.ocean.make("cartpole")
    theirs.reset(seed=0)
    ours.reset(seed=0)
    theirs.state = np.array(state)
    physics(ours)[:] = state
    their_seen, their_reward, their_end, _, _ = theirs.step(action)
    seen, reward, end, cut, _ = ours.step(action)

    np.testing.assert_allclose(physics(ours), theirs.state, rtol=0, atol=1e-14)
    np.testing.assert_allclose(seen, their_seen, rtol=1e-6, atol=1e-7)
    assert (reward, end, cut) == (their_reward, their_end, False)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("skill", [0.0, 0.7, 1.0])
def test_cartpole__whole_episodes_are_gymnasiums(skill):
    """With the same actions, episodes of a clumsy and of a skilled player are the same, to the end."""
    theirs, ours, random = gymnasium.make("CartPole-v1"), pufferlib.ocean.make("cartpole"), np.random.default_rng(1)
    for seed in range(10):
        seen, _ = ours.reset(seed=seed)
        theirs.reset(seed=seed)
        for step in range(501):
            if step % 50 == 0:  # an upright pole doubles any difference in ten steps, that of a sine's last bit too
                theirs.unwrapped.state = physics(ours).copy()
            good = int(seen[2] + 0.3 * seen[3] + 0.05 * seen[0] + 0.1 * seen[1] > 0)
            action = good if random.random() < skill else int(random.integers(2))
            seen, reward, end, cut, info = ours.step(action)
            their_seen, their_reward, their_end, their_cut, _ = theirs.step(action)
            np.testing.assert_allclose(physics(ours), theirs.unwrapped.state, rtol=0, atol=1e-10)
            np.testing.assert_allclose(seen, their_seen, rtol=1e-6, atol=1e-7)
            assert (reward, end, cut) == (their_reward, their_end, their_cut)
            if end or cut:
                break
        assert info["episode"] == {"r": info["episode"]["l"], "l": info["episode"]["l"]}
    assert skill < 1 or cut


def test_cartpole__spaces_are_gymnasiums():
    """Shape, dtype and bounds are the same, so that a policy can move from one to the other."""
    theirs, ours = gymnasium.make("CartPole-v1"), pufferlib.ocean.make("cartpole")

    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space


def test_cartpole__starts_near_the_middle():
    """All four numbers are uniform in +-0.05, other ones in each copy."""
    with pufferlib.vector.make(pufferlib.ocean.env_creator("cartpole"), num_envs=4000) as pool:
        seen, _ = pool.reset(seed=0)

    assert np.abs(seen).max() <= 0.05
    np.testing.assert_allclose(seen.mean(0), 0, atol=0.003)
    np.testing.assert_allclose(seen.std(0), 0.1 / 12**0.5, atol=0.001)
    assert len(np.unique(seen[:, 0])) > 3990


def test_cartpole__max_steps_cut_the_episode():
    """The step limit is a truncation, and the fall a terminal."""
    env = pufferlib.ocean.make("cartpole", max_steps=3)
    env.reset(seed=0)
    ends = [env.step(1)[2:4] for _ in range(3)]

    assert ends == [(False, False), (False, False), (False, True)]


def test_cartpole__refuses_episodes_without_steps():
    """The error names the option and its value."""
    with pytest.raises(ConfigError, match="max_steps.*0.*1 or more"):
        pufferlib.ocean.make("cartpole", max_steps=0)
