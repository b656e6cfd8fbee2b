"""The samples of the documented API run as printed.

Where nmmo or nle aren't installed, environments with the same interface stand in for them: Knights
Archers Zombies with Neural MMO's dicts and integer agents, and MiniGrid. The text of the samples stays as it is.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo.utils.env import ParallelEnv

import pufferlib.emulation
import pufferlib.environments
import pufferlib.environments.butterfly
import pufferlib.vector
from pufferlib.environments.minigrid.environment import TextMission
from pufferlib.models import Default

EMULATION = """
import pufferlib.emulation
import pufferlib.wrappers

import nle, nmmo

def nmmo_creator():
    env = nmmo.Env()
    env = pufferlib.wrappers.PettingZooTruncatedWrapper(env)
    return pufferlib.emulation.PettingZooPufferEnv(env=env)

def nethack_creator():
    return pufferlib.emulation.GymnasiumPufferEnv(env_creator=nle.env.NLE)
"""

VECTORIZATION = """
import pufferlib.vector
backend = pufferlib.vector.Serial #or Multiprocessing, Ray
envs = pufferlib.vector.make(nmmo_creator, backend=backend, num_envs=4)

# Synchronous API - reset/step
obs, infos = envs.reset()

# Asynchronous API - async_reset, send/recv
envs.async_reset()
obs, rewards, terminals, truncateds, infos, env_id, mask = envs.recv()
"""

POLICIES = """
import torch
from torch import nn
import numpy as np

import pufferlib.frameworks.cleanrl

class Policy(nn.Module):
    def __init__(self, env):
        super().__init__()
        self.encoder = nn.Linear(np.prod(
            env.single_observation_space.shape), 128)
        self.decoders = nn.ModuleList([nn.Linear(128, n)
            for n in env.single_action_space.nvec])
        self.value_head = nn.Linear(128, 1)

    def forward(self, env_outputs):
        env_outputs = env_outputs.reshape(env_outputs.shape[0], -1)
        hidden = self.encoder(env_outputs)
        actions = [dec(hidden) for dec in self.decoders]
        value = self.value_head(hidden)
        return actions, value

obs = torch.Tensor(obs)
policy = Policy(envs.driver_env)
cleanrl_policy = pufferlib.frameworks.cleanrl.Policy(policy)
actions = cleanrl_policy.get_action_and_value(obs)[0].numpy()
obs, rewards, terminals, truncateds, infos = envs.step(actions)
envs.close()
"""

ENVIRONMENT_HOOKS = """
import torch

import pufferlib.models
import pufferlib.vector
import pufferlib.frameworks.cleanrl
import pufferlib.environments.nmmo

make_env = pufferlib.environments.nmmo.env_creator()
envs = pufferlib.vector.make(make_env, backend=backend, num_envs=4)

policy = pufferlib.environments.nmmo.Policy(envs.driver_env)
cleanrl_policy = pufferlib.frameworks.cleanrl.Policy(policy)

env_outputs = envs.reset()[0]
obs = torch.from_numpy(env_outputs)
actions = cleanrl_policy.get_action_and_value(obs)[0].numpy()
next_obs, rewards, terminals, truncateds, infos = envs.step(actions)
envs.close()
"""

STRUCTURED_OBSERVATIONS = """
dtype = pufferlib.pytorch.nativize_dtype(envs.driver_env.emulated)
env_outputs = pufferlib.pytorch.nativize_tensor(obs, dtype)
print('Packed tensor:', obs.shape)
print('Unpacked:', env_outputs.keys())
"""


class StandInForNMMO(ParallelEnv):
    """Knights Archers Zombies with Neural MMO's interface: integer agents, nested dicts, truncations left out."""

    metadata = {"name": "nmmo"}

    def __init__(self):
        self.game = pufferlib.environments.butterfly.make(max_cycles=50).env
        self.possible_agents = list(range(1, 1 + len(self.game.possible_agents)))
        self.names = dict(zip(self.possible_agents, self.game.possible_agents, strict=True))

    @property
    def agents(self):
        """Numbers of the living agents."""
        return [agent for agent, name in self.names.items() if name in self.game.agents]

    def observation_space(self, agent):
        """The table of entities, and whose it is."""
        return spaces.Dict(AgentId=spaces.Discrete(64), Entity=self.game.observation_space(self.names[agent]))

    def action_space(self, agent):
        """A nested dict of choices: where to go, what to say."""
        moves = self.game.action_space(self.names[agent])
        return spaces.Dict(Move=spaces.Dict(Direction=moves), Talk=spaces.Dict(Token=spaces.Discrete(4)))

    def reset(self, seed=None, options=None):
        """Starts a game."""
        observations, infos = self.game.reset(seed=seed, options=options)
        return self._named(observations), self._named(infos, is_observation=False)

    def step(self, actions):
        """Moves the knights; what they say has no effect. Returns four dicts, as old PettingZoo did."""
        moves = {self.names[agent]: action["Move"]["Direction"] for agent, action in actions.items()}
        observations, rewards, terminations, truncations, infos = self.game.step(moves)
        dones = {name: terminations[name] or truncations[name] for name in terminations}
        rest = (self._named(part, is_observation=False) for part in (rewards, dones, infos))
        return self._named(observations), *rest

    def _named(self, values: dict[str, Any], is_observation: bool = True) -> dict[int, Any]:
        numbers = {agent: values[name] for agent, name in self.names.items() if name in values}
        return {n: {"AgentId": n, "Entity": value} for n, value in numbers.items()} if is_observation else numbers


def stand_in_for_nle():
    """MiniGrid, which has a Dict of a picture, a number and a text as NetHack has."""
    import minigrid  # noqa: F401  registers its environments

    return TextMission(gymnasium.make("MiniGrid-Empty-5x5-v0", disable_env_checker=True))


def module_of(name: str, **contents: Any) -> ModuleType:
    """A module that isn't on disk."""
    module = ModuleType(name)
    vars(module).update(contents)
    return module


@pytest.fixture
def packages(monkeypatch):
    """Puts stand-ins in the place of packages and adapters that aren't installed."""
    lacks_nmmo = importlib.util.find_spec("nmmo") is None
    if lacks_nmmo:
        monkeypatch.setitem(sys.modules, "nmmo", module_of("nmmo", Env=StandInForNMMO))
    if importlib.util.find_spec("nle") is None:
        monkeypatch.setitem(sys.modules, "nle", module_of("nle", env=module_of("nle.env", NLE=stand_in_for_nle)))
    if lacks_nmmo:
        namespace: dict[str, Any] = {}
        run(EMULATION, namespace)
        adapter = module_of("nmmo", env_creator=lambda: namespace["nmmo_creator"], Policy=Default)
        monkeypatch.setitem(sys.modules, "pufferlib.environments.nmmo", adapter)
        monkeypatch.setattr(pufferlib.environments, "nmmo", adapter, raising=False)


def run(sample: str, namespace: dict[str, Any]) -> None:
    """Runs a sample as if it were typed in after those before it."""
    exec(compile(sample, "<sample of the documented API>", "exec"), namespace)


@pytest.mark.usefixtures("packages")
def test_samples__emulation_makes_conforming_environments():
    """Both creators give environments of the two APIs with flat spaces."""
    namespace: dict[str, Any] = {}
    run(EMULATION, namespace)

    with_agents, single = namespace["nmmo_creator"](), namespace["nethack_creator"]()
    assert isinstance(with_agents, ParallelEnv) and isinstance(single, gymnasium.Env)
    assert isinstance(with_agents.single_observation_space, spaces.Box)
    assert isinstance(with_agents.single_action_space, spaces.MultiDiscrete)
    observation, _ = single.reset(seed=0)
    assert observation in single.observation_space
    with_agents.close()
    single.close()


@pytest.mark.usefixtures("packages")
def test_samples__vectorization_and_policies_run_in_the_order_of_the_document():
    """Emulation, both APIs of a pool, then a plain policy's step: each sample builds on those before it."""
    namespace: dict[str, Any] = {}
    run(EMULATION, namespace)
    run(VECTORIZATION, namespace)
    envs = namespace["envs"]

    assert envs.driver_env.single_action_space == envs.single_action_space
    assert envs.observation_space.shape == (envs.num_agents, *envs.single_observation_space.shape)
    assert envs.action_space.shape == (envs.num_agents, len(envs.single_action_space.nvec))
    assert envs.num_envs == 4 and envs.num_agents == 4 * len(envs.driver_env.possible_agents)
    assert envs.agents_per_batch == len(namespace["obs"]) == len(namespace["env_id"]) == len(namespace["mask"])
    assert namespace["obs"].shape == (envs.num_agents, *envs.single_observation_space.shape)

    run(POLICIES, namespace)

    assert namespace["actions"].shape == (envs.num_agents, len(envs.single_action_space.nvec))
    assert namespace["obs"].shape == (envs.num_agents, *envs.single_observation_space.shape)
    assert len(namespace["rewards"]) == len(namespace["terminals"]) == len(namespace["truncateds"]) == envs.num_agents
    assert len(namespace["infos"]) == envs.num_envs


@pytest.mark.usefixtures("packages")
def test_samples__hooks_and_structured_observations_run(capsys):
    """An adapter's creator and policy, then the structure of what came out, which prints its keys."""
    namespace = {"backend": pufferlib.vector.Serial}
    run(ENVIRONMENT_HOOKS, namespace)
    run(STRUCTURED_OBSERVATIONS, namespace)

    keys = list(namespace["envs"].driver_env.emulated.observation.space)
    printed = capsys.readouterr().out
    assert f"Packed tensor: torch.Size({list(namespace['obs'].shape)})" in printed
    assert f"Unpacked: dict_keys({keys})" in printed
    assert all(len(leaf) == len(namespace["obs"]) for leaf in namespace["env_outputs"].values())


@pytest.mark.parametrize("adapter", ["butterfly", "classic_control", "minigrid"])
def test_samples__hooks_work_with_every_first_adapter(adapter):
    """The sample of environment hooks, with another adapter's name in the place of nmmo."""
    namespace = {"backend": pufferlib.vector.Serial}
    run(ENVIRONMENT_HOOKS.replace("nmmo", adapter), namespace)
    envs = namespace["envs"]

    assert namespace["next_obs"].shape == (envs.num_agents, *envs.single_observation_space.shape)


@pytest.mark.usefixtures("packages")
def test_samples__a_policy_in_two_halves_gets_its_recurrence():
    """LSTMWrapper and RecurrentPolicy handle the recurrence of a policy with an encoder and a decoder."""
    from pufferlib.frameworks.cleanrl import RecurrentPolicy
    from pufferlib.models import LSTMWrapper

    namespace: dict[str, Any] = {}
    run(EMULATION, namespace)
    with pufferlib.vector.make(namespace["nmmo_creator"], backend=pufferlib.vector.Serial, num_envs=2) as envs:
        policy = RecurrentPolicy(LSTMWrapper(envs.driver_env, Default(envs.driver_env)))
        observations, _ = envs.reset(seed=0)
        state, starts = None, np.ones(envs.num_agents, bool)
        for _ in range(3):
            actions, _, _, value, state = policy.get_action_and_value(
                torch.as_tensor(observations), state, starts=torch.as_tensor(starts)
            )
            observations, _, terminals, truncations, _ = envs.step(actions.numpy())
            starts = terminals | truncations

    assert value.shape == (envs.num_agents, 1)
