"""What every native environment promises, whatever it is: found by name, so a new one is tested at once."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import pufferlib.ocean
import pufferlib.vector
from native_play import sample_actions
from pufferlib.emulation import Buffers
from pufferlib.ocean._copies import Copies, Memory

NAMES = pufferlib.ocean.names()
MODES = ("same_step", "next_step", "disabled")
ADVICE = (
    ".*observation space m(in|ax)imum value is -?infinity",
    ".*symmetric and normalized (Box action )?space",
    ".*unconventional shape",
    "Nested observation spaces are not supported by Stable Baselines3",
    "The action space is not based off a numpy array",
    "The minimal resolution for an image is 36x36",
    "It seems that your observation.*is an image but",
)


@pytest.fixture(params=NAMES)
def name(request):
    """Each environment."""
    return request.param


@pytest.fixture
def env(name):
    """One of each."""
    return pufferlib.ocean.make(name)


def test_every_environment__has_a_data_sheet(name):
    """The class says what one does, sees, gets and when it ends."""
    kind = pufferlib.ocean.load(name)

    for word in ("observation", "action", "reward", "end"):
        assert word in (kind.__doc__ or "").lower(), f"{name}: the data sheet says nothing of {word!r}"
    assert kind.__module__ == f"pufferlib.ocean.{name}"


def test_every_environment__stays_inside_its_spaces(env):
    """Two thousand steps of random play: observations lie in the space that was promised, rewards are finite."""
    pool = pufferlib.vector.make(pufferlib.ocean.env_creator(env.kind.name), num_envs=4)
    rng = np.random.default_rng(1)
    pool.reset(seed=1)
    layout = env.emulated.observation
    for _ in range(500):
        observations, rewards, *_ = pool.step(sample_actions(env, pool.num_agents, rng))
        assert np.isfinite(rewards).all()
        for row in observations:
            assert layout.space.contains(layout.unpack(row))


@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_every_environment__writes_its_rows_whole_and_no_others(name, fill):
    """What lay in a copy's rows before doesn't show through, and its neighbours' rows stay as they are."""
    env = pufferlib.ocean.make(name)
    plan, num_agents = env.plan, env.num_slots
    memory = Memory(3, num_agents, len(env.kind.numbers), plan.state_bytes)
    rows = Buffers.allocate(3 * num_agents, env.single_observation_space)
    flat = env.single_action_space
    actions = np.zeros((3 * num_agents, *(flat.shape or ())), flat.dtype)
    copies = Copies(name, memory, rows, actions, np.ones(3, np.bool_), "same_step")
    copies.init(0, 3, env.config.pack())
    copies.reset(0, 3, seeds=np.arange(3, dtype=np.uint64))
    memory.states[0], memory.states[2] = 0, 0
    others = np.r_[:num_agents, 2 * num_agents : 3 * num_agents]
    mine = slice(num_agents, 2 * num_agents)
    twin = pufferlib.ocean.make(name)
    twin.attach(Buffers.allocate(num_agents, env.single_observation_space))
    twin.reset_into(seed=1)
    rng = np.random.default_rng(3)
    for _ in range(300):
        actions[mine] = sample_actions(env, num_agents, rng)
        for array in (rows.observations, rows.final_observations):
            array.view(np.uint8)[...] = fill
        copies.step(1, 1)
        twin.step_into(actions[mine])
        if twin.episode_over:
            twin.reset_into()

        assert (rows.observations[others].view(np.uint8) == fill).all()
        np.testing.assert_array_equal(rows.observations[mine], twin._buffers.observations, strict=True)
    assert not memory.states[[0, 2]].any()


def test_every_environment__ignores_actions_that_are_out_of_range(name):
    """Numbers that no space contains neither crash nor leave the space of observations."""
    env = pufferlib.ocean.make(name)
    dtype = np.dtype(env.single_action_space.dtype or np.int64)
    wild = (-(2**63), 2**63 - 1, -1, 2**32, 0) if dtype.kind == "i" else (np.nan, np.inf, -np.inf, 1e30, -1e30)
    pool = pufferlib.vector.make(pufferlib.ocean.env_creator(name), num_envs=5)
    pool.reset(seed=1)
    shape = (pool.num_agents, *(env.single_action_space.shape or ()))
    layout = env.emulated.observation
    rng = np.random.default_rng(0)
    for _ in range(200):
        observations, rewards, *_ = pool.step(rng.choice(np.array(wild, dtype), shape))
        assert np.isfinite(rewards).all()
        assert all(layout.space.contains(layout.unpack(row)) for row in observations)


@pytest.mark.parametrize("mode", MODES)
def test_every_environment__is_the_same_alone_and_in_a_pool(name, mode):
    """A pool's rows are those of single environments with the same seeds and actions."""
    pool = pufferlib.vector.make(pufferlib.ocean.env_creator(name), num_envs=3, autoreset=mode)
    rng = np.random.default_rng(5)
    observations, _ = pool.reset(seed=9)
    twins = [pufferlib.ocean.make(name) for _ in range(3)]
    num_agents = twins[0].num_slots
    buffers = [Buffers.allocate(num_agents, twins[0].single_observation_space) for _ in twins]
    for index, twin in enumerate(twins):
        twin.attach(buffers[index])
        twin.reset_into(seed=9 + index)
        assert (observations[index * num_agents : (index + 1) * num_agents] == buffers[index].observations).all()
    over = np.zeros(3, np.bool_)
    for _ in range(400):
        if mode == "disabled" and over.any():
            pool.reset(options={"reset_mask": over})
            for twin in np.array(twins, object)[over]:
                twin.reset_into()
            over = np.zeros(3, np.bool_)
        actions = sample_actions(twins[0], pool.num_agents, rng)
        observations, rewards, terminals, truncations, infos = pool.step(actions)
        for index, twin in enumerate(twins):
            mine = slice(index * num_agents, (index + 1) * num_agents)
            if mode == "next_step" and over[index]:
                info = {}
                twin.reset_into()
            else:
                info = twin.step_into(actions[mine])
                assert (rewards[mine] == buffers[index].rewards).all()
                assert (terminals[mine] == buffers[index].terminals).all()
                assert (truncations[mine] == buffers[index].truncations).all()
                ended = terminals[mine] | truncations[mine]
                assert (pool.final_observations[mine][ended] == buffers[index].observations[ended]).all()
            over[index] = twin.episode_over
            if mode == "same_step" and over[index]:
                twin.reset_into()
            assert (observations[mine] == buffers[index].observations).all()
            assert infos[index] == info


def test_every_environment__begins_afresh_with_a_seed(name):
    """What was played before leaves no trace in an episode that begins with a seed."""
    pool = pufferlib.vector.make(pufferlib.ocean.env_creator(name), num_envs=4)
    rng = np.random.default_rng(2)
    plan = [sample_actions(pool, pool.num_agents, rng) for _ in range(100)]
    found = []
    for num_before in (0, 7, 50):
        pool.reset(seed=100 + num_before)
        for _ in range(num_before):
            pool.step(sample_actions(pool, pool.num_agents, rng))
        rows = [pool.reset(seed=5)[0].tobytes()]
        for actions in plan:
            observations, rewards, *_ = pool.step(actions)
            rows.append((observations.tobytes(), rewards.tobytes()))
        found.append(rows)

    assert found[0] == found[1] == found[2]


def test_every_environment__draws(name):
    """Frames have the promised size and more than one colour, and pictures are large enough to look at."""
    env = pufferlib.ocean.make(name, render_mode="rgb_array")
    if env.plan.spec.frame is None:
        pytest.skip("draws nothing")
    env.reset(seed=1)

    frame, picture = env.draw(), env.render()
    assert frame.shape == (*env.plan.spec.frame, 3)
    assert picture.shape[0] >= 256
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 1


def test_every_environment__passes_the_checkers(name):
    """Gymnasium's, Stable-Baselines3's and PettingZoo's checkers find nothing, with flat and with original spaces."""
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        for message in ADVICE:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        for flat in (True, False):
            env = pufferlib.ocean.load(name)(flat=flat)
            if env.num_slots == 1:
                check_env(env, skip_render_check=True)
                sb3.check_env(env)
            else:
                check_parallel(name, flat)


def check_parallel(name, flat):
    """Runs PettingZoo's tests."""
    pettingzoo = pytest.importorskip("pettingzoo.test")
    kind = pufferlib.ocean.load(name)
    pettingzoo.parallel_api_test(kind(flat=flat), num_cycles=300)
    pettingzoo.parallel_seed_test(lambda: kind(flat=flat), num_cycles=100)
