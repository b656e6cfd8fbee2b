"""The checkers of Gymnasium, Stable-Baselines3 and PettingZoo, with warnings as errors, on emulated environments."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test, parallel_seed_test
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import pufferlib.spaces
from emulation_envs import MIXED, STRUCTURED, StructuredEnv, Village
from pufferlib.emulation import emulate

OBSERVATIONS = {
    "structured": STRUCTURED,
    "box": spaces.Box(-1, 1, (3,)),
    "discrete": spaces.Discrete(5, start=2),
    "text": spaces.Text(5),
    "one dtype": spaces.Dict(a=spaces.Box(-1, 1, (2,)), b=spaces.Box(0, 2, (3,))),
    "one of": spaces.OneOf((spaces.Discrete(3), spaces.Box(-1, 1, (2,)))),
    "graph": pufferlib.spaces.Graph(spaces.Box(0, 1, (2,)), spaces.Discrete(3), max_nodes=4, max_edges=5),
}
ACTIONS = {
    "mixed": MIXED,
    "discrete with a start": spaces.Discrete(3, start=1),
    "multi-binary": spaces.MultiBinary(3),
    "boxes": spaces.Tuple((spaces.Box(-1, 1, (2,)), spaces.Box(-1, 1, ()))),
    "nested": spaces.Dict(a=spaces.Tuple((spaces.Discrete(2), spaces.Dict(b=spaces.MultiDiscrete([2, 3]))))),
}


def register(observation_space: spaces.Space, action_space: spaces.Space) -> gymnasium.Env:
    """Makes the environment through Gymnasium's registry, as check_env wants: then it has a spec."""
    spec = gymnasium.envs.registration.EnvSpec(
        "Structured-v0",
        entry_point=StructuredEnv,
        kwargs={"observation_space": observation_space, "action_space": action_space},
        disable_env_checker=True,
        order_enforce=False,
    )
    return emulate(gymnasium.make(spec))


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_gymnasium_check_env__accepts_any_observation_space(observation):
    """Gymnasium's checker has nothing to say."""
    check_env(register(OBSERVATIONS[observation], spaces.Discrete(2)))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.filterwarnings("ignore:.*a symmetric and normalized")
def test_gymnasium_check_env__accepts_any_action_space(action):
    """Gymnasium's checker only recommends symmetric Boxes, which whole numbers from 0 to n - 1 are not."""
    check_env(register(spaces.Box(-1, 1, (3,)), ACTIONS[action]))


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_sb3_check_env__accepts_any_observation_space(observation):
    """Stable-Baselines3's checker has nothing to say."""
    sb3_check_env(register(OBSERVATIONS[observation], spaces.Discrete(2)))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.filterwarnings("ignore:.*a symmetric and normalized")
def test_sb3_check_env__accepts_any_action_space(action):
    """Stable-Baselines3's checker has nothing to say, but for the same recommendation."""
    sb3_check_env(register(spaces.Box(-1, 1, (3,)), ACTIONS[action]))


class Choir(Village):
    """Four agents that are there from the first to the last step: what PettingZoo's tests can follow."""

    def reset(self, seed=None, options=None):
        """Everybody is there."""
        self.random = np.random.default_rng(seed)
        self.num_steps = 0
        self.agents = list(self.possible_agents)
        return {a: self._observe(a) for a in self.agents}, {a: {} for a in self.agents}

    def step(self, actions):
        """Agents end at different times, by death and by truncation."""
        self.num_steps += 1
        acted = self.agents
        terminals = {a: a > 1 and self.num_steps == a for a in acted}
        truncations = {a: a < 2 and self.num_steps == 7 for a in acted}
        rewards = {a: float(self.random.random()) for a in acted}
        self.agents = [a for a in acted if not (terminals[a] or truncations[a])]
        return {a: self._observe(a) for a in acted}, rewards, terminals, truncations, {a: {} for a in acted}


def test_parallel_api_test__passes():
    """PettingZoo's API test has nothing to say."""
    parallel_api_test(emulate(Choir()), num_cycles=100)


def test_parallel_seed_test__passes():
    """Two environments with one seed do the same."""
    parallel_seed_test(lambda: emulate(Choir()), num_cycles=50)
