"""Evaluation: every episode counts once, long ones as much as short ones."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import pufferlib.vector
from chosen_device import DEVICE
from pufferlib.models import Default, LSTMWrapper
from pufferlib.training.evaluate import evaluate, film
from pufferlib.wrappers import EpisodeStats, MultiagentEpisodeStats
from training.toys import Bandit, Crowd, Recall


class Long(gymnasium.Env):
    """Episodes that take as many steps as the seed of their environment says, and return that number."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)
    render_mode = "rgb_array"
    length = 1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reads the length off the seed."""
        super().reset(seed=seed)
        if seed is not None:
            self.length = 1 + seed % 10
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays 1."""
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == self.length, False, {}

    def render(self) -> Any:
        """A picture as bright as the episode is old."""
        return np.full((4, 4, 3), self.steps, np.uint8)


def make(env: Any, num_envs: int, recurrent: bool = False) -> tuple[Any, torch.nn.Module]:
    """A pool and a fresh policy for it."""
    statistics = EpisodeStats if issubclass(env, gymnasium.Env) else MultiagentEpisodeStats
    envs = pufferlib.vector.make(lambda: statistics(env()), num_envs=num_envs)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        policy: torch.nn.Module = Default(envs.driver_env, hidden_size=8)
        if recurrent:
            policy = LSTMWrapper(envs.driver_env, policy, input_size=8, hidden_size=8)
    return envs, policy.to(DEVICE)


@pytest.mark.parametrize(("count", "expected"), [(4, [1, 2, 3, 4]), (6, [1, 1, 2, 2, 3, 4]), (2, [1, 2])])
def test_evaluate__gives_each_environment_its_share(count: int, expected: list[int]):
    """Long episodes count like short ones: the mean isn't that of the first to end."""
    envs, policy = make(Long, 4)
    episodes = evaluate(envs, policy, count, seed=0, device=DEVICE)

    assert [episode.episode_return for episode in episodes] == expected


def test_evaluate__counts_every_agent():
    """Each agent's episodes count, also of those that end late."""
    envs, policy = make(Crowd, 2)
    episodes = evaluate(envs, policy, 4, seed=0, device=DEVICE)

    assert sorted(episode.length for episode in episodes) == [2] * 4 + [4] * 4 + [6] * 4


def test_evaluate__one_game_each_waits_for_its_last_agent():
    """With one episode an environment, the agents that end first don't end the evaluation."""
    envs, policy = make(Crowd, 2)
    episodes = evaluate(envs, policy, 2, seed=0, device=DEVICE)

    assert sorted(episode.length for episode in episodes) == [2] * 2 + [4] * 2 + [6] * 2


@pytest.mark.parametrize("recurrent", [False, True])
def test_evaluate__repeats_itself(recurrent: bool):
    """The same seed gives the same episodes, whatever torch's global seed, which stays as it was."""
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(results))
        before = torch.get_rng_state()
        envs, policy = make(Recall, 3, recurrent)
        results.append(evaluate(envs, policy, 50, seed, device=DEVICE))
        assert torch.equal(torch.get_rng_state(), before)

    assert results[0] == results[1] != results[2]


def test_evaluate__deterministic_plays_the_most_probable_action():
    """In a bandit, the same arm is played every time."""
    envs, policy = make(Bandit, 2)
    returns = {episode.episode_return for episode in evaluate(envs, policy, 40, 0, deterministic=True, device=DEVICE)}
    sampled = {episode.episode_return for episode in evaluate(envs, policy, 40, 0, device=DEVICE)}

    assert len(returns) == 1
    assert len(sampled) == 2


def test_film__shows_one_episode():
    """One frame per step from the first observation on, and none of the next episode."""
    envs, policy = make(Long, 1)
    frames = film(envs, policy, seed=4, max_frames=100, device=DEVICE)

    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 1, 2, 3, 4]
    assert len(film(envs, policy, seed=4, max_frames=2, device=DEVICE)) == 2


def test_film__of_an_environment_without_pictures_is_empty():
    """An environment that renders nothing gives no frames."""
    envs, policy = make(Recall, 1)
    envs.driver_env.render = lambda: None

    assert film(envs, policy, seed=0, max_frames=5, device=DEVICE) == []
