"""Multiprocessing beside Serial: for the same seeds and actions, the same bits."""

import time
from functools import partial

import numpy as np
import pytest

import pufferlib.vector
from vector_random_envs import Swarm, Wanderer

NUM_ENVS = 6
MODES = ["same_step", "next_step", "disabled"]
CREATORS = {
    "flat": partial(Wanderer, "flat"),
    "structured": partial(Wanderer, "structured"),
    "continuous": partial(Wanderer, "continuous"),
    "mixed": partial(Wanderer, "mixed"),
    "agents": partial(Swarm, "structured"),
    "continuous agents": partial(Swarm, "continuous"),
}


class Actor:
    """Chooses the k-th action of each environment from its index and k alone, whatever batch it comes in."""

    def __init__(self, envs, seed=0):
        """Looks at the spaces of a pool."""
        self.envs, self.seed = envs, seed
        self.num_slots = envs.num_agents // envs.num_envs
        self.counts = [0] * envs.num_envs

    def __call__(self, env_id):
        """Gives one action a row of the batch."""
        actions = []
        for env in env_id[:: self.num_slots] // self.num_slots:
            random = np.random.default_rng([self.seed, env, self.counts[env]])
            self.counts[env] += 1
            actions += [self.draw(random) for _ in range(self.num_slots)]
        return np.array(actions)

    def draw(self, random):
        """Draws one flat action; of mixed ones, the first entries are whole numbers."""
        layout, space = self.envs.emulated.action, self.envs.single_action_space
        if layout.kind == "discrete":
            return random.integers(layout.nvec[0])
        if layout.kind == "multidiscrete":
            return random.integers(layout.nvec)
        action = random.uniform(-1, 1, space.shape).astype(space.dtype)
        if layout.kind == "mixed":
            action[: len(layout.nvec)] = random.integers(layout.nvec)
        return action


def assert_same(ours, theirs):
    """Compares nested values bit for bit."""
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert ours.tobytes() == theirs.tobytes()
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for name in ours:
            assert_same(ours[name], theirs[name])
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    else:
        assert ours == theirs


def compare_sync(creator, autoreset, num_steps=40, **kwargs):
    """Steps both backends side by side, with resets in between."""
    options = {"num_envs": NUM_ENVS, "autoreset": autoreset, "infos": "all"}
    serial = pufferlib.vector.make(creator, **options)
    parallel = pufferlib.vector.make(creator, **options, backend="multiprocessing", **kwargs)
    with serial, parallel:
        actors = Actor(serial), Actor(parallel)
        assert_same(serial.reset(seed=7, options={"a": 1}), parallel.reset(seed=7, options={"a": 1}))
        for tick in range(num_steps):
            if tick == num_steps // 2:
                assert_same(serial.reset(), parallel.reset())
            over = serial.arena.episode_over.copy()
            if autoreset == "disabled" and over.any():
                mask = {"reset_mask": over}
                assert_same(serial.reset(options=mask), parallel.reset(options=mask))
            pair = []
            for envs, actor in zip((serial, parallel), actors, strict=True):
                envs.send(actor(np.arange(envs.num_agents)))
                batch = envs.recv()
                ended = batch.terminals | batch.truncations
                pair.append((*batch, envs.final_observations[ended]))
            assert_same(*pair)


@pytest.mark.parametrize("autoreset", MODES)
@pytest.mark.parametrize("name", CREATORS)
def test_multiprocessing__is_serial_bit_for_bit(name, autoreset):
    """Observations, rewards, flags, masks, infos and last observations are the same in every autoreset mode."""
    compare_sync(CREATORS[name], autoreset, num_workers=2)


@pytest.mark.parametrize("num_workers", [1, 3, 6])
def test_multiprocessing__is_serial_for_any_number_of_workers(num_workers):
    """How environments are spread over workers changes nothing."""
    compare_sync(CREATORS["agents"], "same_step", num_workers=num_workers)


@pytest.mark.parametrize("options", [{"zero_copy": False}, {"use_futex": False}, {"on_failure": "restart"}])
def test_multiprocessing__is_serial_with_any_option(options):
    """Copies, naps and readiness to restart change nothing."""
    compare_sync(CREATORS["structured"], "same_step", num_workers=3, **options)


def play(envs, num_steps):
    """Plays until every environment made `num_steps` steps; gives each one's rows, by step."""
    num_slots = envs.num_agents // envs.num_envs
    rows = {env: [] for env in range(envs.num_envs)}
    actor = Actor(envs)
    envs.async_reset(seed=3)
    while min(len(own) for own in rows.values()) <= num_steps:
        batch = envs.recv()
        final = envs.final_observations
        for position, env in enumerate((batch.env_id[::num_slots] // num_slots).tolist()):
            own = slice(position * num_slots, (position + 1) * num_slots)
            ended = batch.terminals[own] | batch.truncations[own]
            arrays = [np.copy(batch[part][own]) for part in (0, 1, 2, 3, 6)]
            rows[env].append((*arrays, batch.infos[position], final[own][ended]))
        envs.send(actor(batch.env_id))
    return {env: own[: num_steps + 1] for env, own in rows.items()}


@pytest.mark.parametrize("autoreset", ["same_step", "next_step"])
@pytest.mark.parametrize("zero_copy", [True, False])
@pytest.mark.parametrize("name", ["structured", "agents"])
def test_multiprocessing__plays_each_environment_like_serial_when_async(name, zero_copy, autoreset):
    """In whatever order environments come, each one's own sequence is that of Serial."""
    options = {"num_envs": NUM_ENVS, "autoreset": autoreset, "infos": "all"}
    with pufferlib.vector.make(CREATORS[name], **options) as envs:
        expected = play(envs, 40)
    parallel = {"backend": "multiprocessing", "num_workers": 3 if zero_copy else 6, "batch_size": 2 if zero_copy else 3}
    with pufferlib.vector.make(CREATORS[name], **options, **parallel, zero_copy=zero_copy) as envs:
        got = play(envs, 40)

    for env in range(NUM_ENVS):
        assert_same(got[env], expected[env])


def test_batches__stay_valid_until_the_next_send():
    """A zero-copy batch is a view of shared memory that no worker writes before the next `send`."""
    with pufferlib.vector.make(
        CREATORS["flat"], num_envs=4, num_workers=4, batch_size=1, backend="multiprocessing"
    ) as envs:
        actor = Actor(envs)
        envs.async_reset(seed=1)
        for _ in range(100):
            batch = envs.recv()
            before = [np.copy(part) for part in batch[:4]]
            assert np.shares_memory(batch.observations, envs.arena.observations)
            time.sleep(0.001)  # the other workers go on
            assert_same([np.asarray(part) for part in batch[:4]], before)
            envs.send(actor(batch.env_id))


def test_batches__that_are_copies_stay_the_callers():
    """With zero_copy=False a batch never changes again."""
    with pufferlib.vector.make(
        CREATORS["flat"], num_envs=4, num_workers=4, batch_size=2, zero_copy=False, backend="multiprocessing"
    ) as envs:
        actor = Actor(envs)
        kept = []
        envs.async_reset(seed=1)
        for _ in range(50):
            batch = envs.recv()
            kept.append((batch, [np.copy(part) for part in batch[:4]]))
            envs.send(actor(batch.env_id))

    for batch, copies in kept:
        assert_same(list(batch[:4]), copies)
