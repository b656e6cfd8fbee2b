"""Stable-Baselines3 trains plain policies on emulated environments."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.frameworks.sb3 import Policy
from pufferlib.models import Convolutional, Default

OBSERVATIONS = {
    "box": spaces.Box(-1, 1, (3,)),
    "dict": spaces.Dict(goal=spaces.Discrete(3), position=spaces.Box(-1, 1, (2,))),
    "image": spaces.Box(0, 255, (40, 44, 3), np.uint8),
}
ACTIONS = {
    "discrete": spaces.Discrete(3),
    "multidiscrete": spaces.MultiDiscrete([2, 3]),
    "continuous": spaces.Box(-1, 1, (2,)),
    "mixed": spaces.Dict(button=spaces.Discrete(3), stick=spaces.Box(-1, 1, (2,))),
}


class Guess(gymnasium.Env):
    """Rewards the button that the goal names: only a policy that reads the goal's leaf scores above 1/3.

    The goal is the first byte of an image, or the sign of a box, where there is no leaf for it.
    """

    def __init__(self, observation="dict", action="discrete"):
        self.observation_space, self.action_space = OBSERVATIONS[observation], ACTIONS[action]

    def reset(self, *, seed=None, options=None):
        """Shows a goal."""
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action):
        """Compares the button with the goal."""
        assert action in self.action_space
        button = action["button"] if isinstance(action, dict) else np.ravel(action)[0]
        reward = float(button == self.goal)
        self.steps += 1
        return self._observe(), reward, False, self.steps == 8, {}

    def _observe(self):
        self.goal = int(self.np_random.integers(3))
        if isinstance(self.observation_space, spaces.Dict):
            return {"goal": self.goal, "position": self.np_random.uniform(-1, 1, 2).astype(np.float32)}
        return np.full(self.observation_space.shape, self.goal / 3, self.observation_space.dtype)


def model_of(observation, action, algorithm=PPO, **policy_kwargs):
    """A small model on a Guess environment."""
    env = GymnasiumPufferEnv(env_creator=Guess, env_kwargs={"observation": observation, "action": action})
    kwargs = {"emulated": env.emulated, **policy_kwargs}
    sizes = {"n_steps": 32, "batch_size": 16, "n_epochs": 2} if algorithm is PPO else {}
    return algorithm(Policy, env, policy_kwargs=kwargs, device="cpu", seed=0, **sizes)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_policy__sb3_learns_on_any_space(observation, action):
    """PPO.learn runs for every kind of observation and action, and changes the policy's weights."""
    model = model_of(observation, action)
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    model.learn(64)

    changed = [name for name, value in model.policy.state_dict().items() if not torch.equal(value, before[name])]
    assert any("action_head" in name for name in changed) and any("value_head" in name for name in changed)
    assert all(value.isfinite().all() for value in model.policy.state_dict().values())


def test_policy__sb3_learns_to_read_a_leaf():
    """After a few thousand steps the policy presses the button that the goal's leaf names."""
    env = GymnasiumPufferEnv(env_creator=Guess)
    model = PPO(
        Policy,
        env,
        policy_kwargs={"emulated": env.emulated},
        device="cpu",
        seed=0,
        n_steps=256,
        learning_rate=2e-3,
        gamma=0.0,
    )
    model.learn(3072)

    observation, _ = env.reset(seed=1)
    total = 0.0
    for _ in range(8):
        action, _ = model.predict(observation, deterministic=True)
        observation, reward, _, _, _ = env.step(action)
        total += reward
    assert total == 8


def test_policy__works_with_other_algorithms_and_networks():
    """A2C and a convolutional network, on images that SB3 transposes by itself."""
    model = model_of("image", "discrete", A2C, create_policy=Convolutional)
    model.learn(16)

    assert isinstance(model.policy.policy, Convolutional)
    assert model.observation_space.shape == (3, 40, 44)


def test_policy__sees_images_as_the_environment_gave_them():
    """SB3's transposition is undone: predictions equal those of the plain network."""
    model = model_of("image", "continuous")
    images = OBSERVATIONS["image"].sample()[None]
    transposed = torch.as_tensor(images.transpose(0, 3, 1, 2).copy())

    torch.testing.assert_close(model.policy.predict_values(transposed), model.policy.policy(torch.as_tensor(images))[1])


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"mixed"}))
def test_policy__has_sb3s_distribution(action):
    """`get_distribution` rates actions as `evaluate_actions` does."""
    model = model_of("dict", action)
    obs, _ = model.policy.obs_to_tensor(model.env.reset())
    actions, _, log_prob = model.policy(obs)
    distribution = model.policy.get_distribution(obs)

    torch.testing.assert_close(distribution.log_prob(actions), log_prob)
    torch.testing.assert_close(model.policy.evaluate_actions(obs, actions)[1], log_prob)


def test_policy__has_no_sb3_distribution_of_mixed_actions():
    """The error says what to use instead."""
    model = model_of("dict", "mixed")
    obs, _ = model.policy.obs_to_tensor(model.env.reset())

    with pytest.raises(NotImplementedError, match="evaluate_actions"):
        model.policy.get_distribution(obs)


def test_policy__is_saved_and_loaded_with_its_model(tmp_path):
    """A model file brings the network, its weights and the layouts back."""
    model = model_of("dict", "mixed")
    model.save(tmp_path / "model.zip")
    loaded = PPO.load(tmp_path / "model.zip", device="cpu")
    observations = model.env.reset()

    assert isinstance(loaded.policy.policy, Default)
    for one, other in zip(
        model.predict(observations, deterministic=True), loaded.predict(observations, deterministic=True), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_policy__takes_plain_environments_too():
    """Without structure nothing needs to be said about the spaces."""
    model = PPO(Policy, gymnasium.make("CartPole-v1"), n_steps=16, batch_size=16, n_epochs=1, device="cpu")

    assert model.learn(16).predict(np.zeros(4, np.float32))[0] in (0, 1)
