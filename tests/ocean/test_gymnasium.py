"""Native environments through Gymnasium's own doors: `gymnasium.make`, `gymnasium.make_vec`, and PettingZoo's."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import gymnasium
import numpy as np
import pytest

import pufferlib.ocean
from pufferlib.exceptions import ActionMismatch, EmulationError

AutoresetMode = pytest.importorskip("gymnasium.vector", reason="needs gymnasium>=1.1").AutoresetMode
SINGLE = [name for name in pufferlib.ocean.names() if pufferlib.ocean.make(name).num_slots == 1]
MULTI = [name for name in pufferlib.ocean.names() if name not in SINGLE]


def same(one, other):
    """Whether two observations or infos are the same, dtypes included."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray) and one.dtype == object:
        return same(list(one), list(other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("name", SINGLE)
def test_make__gives_the_original_spaces(name):
    """An id makes an environment whose observations and actions are those of the data sheet."""
    spec = pufferlib.ocean.load(name).spec(pufferlib.ocean.load(name).Config())
    with gymnasium.make(f"puffer/{name}-v0") as env:
        assert env.observation_space == spec.observation_space
        assert env.action_space == spec.action_space
        observation, _ = env.reset(seed=1)
        assert observation in env.observation_space
        assert env.step(env.action_space.sample())[0] in env.observation_space


def test_make__needs_no_import_before():
    """`package:id` imports the package, which registers; the registry shows what was imported."""
    code = "import gymnasium as g; print(g.make('pufferlib.ocean:puffer/squared-v0', size=5).observation_space.shape)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("(5, 5)\n", "")


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_make_vec__is_gymnasiums_own_over_the_same(name, mode):
    """The pool behind `make_vec` gives what SyncVectorEnv gives over single environments: every array, every info."""
    single = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
    with (
        closing(gymnasium.make_vec(f"puffer/{name}-v0", num_envs=4, autoreset=mode)) as ours,
        closing(gymnasium.make_vec(f"puffer/{name}-v0", num_envs=4, **single)) as theirs,
    ):
        assert ours.observation_space == theirs.observation_space
        assert ours.action_space == theirs.action_space
        assert same(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
        ours.action_space.seed(0)
        for _ in range(150):
            actions = ours.action_space.sample()
            one, other = ours.step(actions), theirs.step(actions)
            assert same(one, other)
            over = one[2] | one[3]
            if mode == AutoresetMode.DISABLED and over.any():
                options = {"reset_mask": over}
                assert same(ours.reset(options=options)[0], theirs.reset(options=options)[0])


@pytest.mark.parametrize("name", MULTI)
def test_parallel_env__speaks_of_live_agents_in_original_spaces(name):
    """Dicts hold the agents that act or have just ended, in the spaces of the data sheet."""
    pettingzoo = pytest.importorskip("pettingzoo")
    env = pufferlib.ocean.parallel_env(name)
    spec = env.plan.spec

    assert isinstance(env, pettingzoo.ParallelEnv)
    observations, _ = env.reset(seed=1)
    assert set(observations) == set(env.agents)
    assert env.observation_space("agent_0") == spec.observation_space
    for _ in range(50):
        if not env.agents:
            break
        acting = set(env.agents)
        observations, *others = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        assert acting <= set(observations)
        assert all(set(part) == set(observations) for part in others)
        assert all(value in spec.observation_space for value in observations.values())


def test_make__names_the_door_for_several_agents():
    """Gymnasium knows one agent, PettingZoo several: either door names the other, whatever the options make of it."""
    with pytest.raises(EmulationError, match=r'4 agents.*Use pufferlib\.ocean\.parallel_env\("multiagent"\)'):
        gymnasium.make("puffer/multiagent-v0")
    with pytest.raises(EmulationError, match=r'one agent.*Use gymnasium\.make\("puffer/pong-v0"\)'):
        pufferlib.ocean.parallel_env("pong")

    assert pufferlib.ocean.parallel_env("pong", players=2).possible_agents == ["agent_0", "agent_1"]


def test_step__refuses_what_it_cannot_take():
    """A step outside an episode, and an action of another kind, are errors that say what to do."""
    env = pufferlib.ocean.make("squared")
    with pytest.raises(EmulationError, match="before the first reset"):
        env.step(0)
    env.reset(seed=1)
    for action in (0.5, [0], "up", None):
        with pytest.raises(ActionMismatch, match=r"Discrete\(5\)"):
            env.step(action)
    while not env.episode_over:
        env.step(0)
    with pytest.raises(EmulationError, match="episode had ended"):
        env.step(0)


@pytest.mark.parametrize("seed", [-1, 1.5, "1"])
def test_reset__refuses_what_is_no_seed(seed):
    """Seeds are whole numbers from 0 on."""
    with pytest.raises((EmulationError, gymnasium.error.Error), match="(?i)seed"):
        pufferlib.ocean.make("squared").reset(seed=seed)


def test_render__needs_a_mode_that_there_is():
    """Without a mode nothing is drawn; an unknown one is refused; before a reset there is nothing to see."""
    env = pufferlib.ocean.make("squared")
    env.reset(seed=1)
    assert env.render() is None
    with pytest.raises(EmulationError, match="rgb_array"):
        pufferlib.ocean.make("squared", render_mode="human")
    with pytest.raises(EmulationError, match="Reset it first"):
        pufferlib.ocean.make("squared", render_mode="rgb_array").render()


def test_parallel_env__does_without_pettingzoo():
    """Where PettingZoo isn't installed, environments with several agents have the same methods, and pools step them."""
    code = (
        "import sys\n"
        "sys.modules['pettingzoo'] = None\n"
        "import pufferlib.ocean, pufferlib.vector\n"
        "env = pufferlib.ocean.make('snake')\n"
        "print(len(env.reset(seed=1)[0]) == env.num_slots, env.agents[0])\n"
        "pool = pufferlib.vector.make(pufferlib.ocean.env_creator('snake'), num_envs=2)\n"
        "pool.reset()\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("True agent_0\n", "")
