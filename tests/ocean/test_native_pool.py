"""Pools of native environments: one object for thousands, different configs, seeds, attributes, wrong use."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import gymnasium
import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from pufferlib._native import core
from pufferlib.emulation import Buffers
from pufferlib.exceptions import ConfigError, EnvironmentFailed, InvalidVectorOption
from pufferlib.ocean import NativeConfig
from pufferlib.vector._native_group import NativeGroup

SQUARED = pufferlib.ocean.env_creator("squared")


def test_make__one_object_stands_for_thousands():
    """With one creator for all, it is called once; the copies are bytes in one array."""
    calls = []

    def creator():
        calls.append(1)
        return SQUARED(size=5)

    with pufferlib.vector.make(creator, num_envs=5000) as pool:
        observations, _ = pool.reset(seed=1)
        assert len(calls) == 1
        assert len(np.unique(observations.reshape(5000, -1), axis=0)) == 16  # every place of the target


def test_make__configs_may_differ_where_spaces_do_not():
    """Snakes of other rules in one pool: each environment is what it would be alone."""
    options = [{"max_steps": 5}, {"max_steps": 9}, {"max_steps": 5}]
    creator = pufferlib.ocean.env_creator("cartpole")
    with pufferlib.vector.make(creator, num_envs=3, env_kwargs=options) as pool:
        assert isinstance(pool._group, NativeGroup)
        pool.reset(seed=1)
        ends = np.zeros(3, np.int64)
        for step in range(1, 10):
            *_, truncations, _ = pool.step(np.array([step % 2] * 3))
            ends[truncations & (ends == 0)] = step
        assert ends.tolist() == [5, 9, 5]


def test_make__spaces_must_be_the_same():
    """Squares of different sizes don't fit into one array."""
    with pytest.raises(InvalidVectorOption, match="environment 1 with observation space"):
        pufferlib.vector.make(SQUARED, num_envs=2, env_kwargs=[{"size": 5}, {"size": 7}])


def test_make__mixes_with_python_environments():
    """A wrapped copy is an environment like any other: then each is stepped by itself."""
    wrapped = functools.partial(lambda: gymnasium.wrappers.TimeLimit(SQUARED(size=5), 10))
    with pufferlib.vector.make([functools.partial(SQUARED, size=5), wrapped]) as pool:
        assert not isinstance(pool._group, NativeGroup)
        pool.reset(seed=1)
        found = [pool.step(np.zeros(2, np.int64))[3].tolist() for _ in range(16)]
        assert found[9] == [False, True]
        assert found[15] == [True, False]


def test_make__wrong_options_name_the_environment():
    """A config that can't be is a failure of that environment's constructor."""
    with pytest.raises(EnvironmentFailed, match="Environment 0.*constructor.*size"):
        pufferlib.vector.make(SQUARED, num_envs=2, env_kwargs={"size": 4})


def test_reset__seeds_are_those_of_gymnasium():
    """An int counts up, a list is one each, None goes on; without any seed episodes differ from run to run."""
    with (
        pufferlib.vector.make(SQUARED, num_envs=64) as pool,
        pufferlib.vector.make(SQUARED, num_envs=64) as other,
    ):
        counted = pool.reset(seed=2**64 - 3)[0].copy()
        listed = pool.reset(seed=[(2**64 - 3 + i) for i in range(64)])[0].copy()
        assert (counted == listed).all()
        mixed = pool.reset(seed=[None, *range(1, 64)])[0].copy()
        assert (mixed[1:] == pool.reset(seed=0)[0][1:]).all()
        assert (pool.reset()[0].copy() != pool.reset(seed=0)[0]).any()
        assert (pool.reset()[0] != other.reset()[0]).any()
        with pytest.raises(EnvironmentFailed, match="Environment 3 .*-1"):
            pool.reset(seed=[0, 1, 2, -1, *range(60)])


def test_reset__no_seed_is_random_at_first_and_goes_on_later():
    """The first reset without a seed draws one from the system, the next ones go on with the same numbers."""
    with pufferlib.vector.make(SQUARED, num_envs=200) as pool:
        pool.reset(seed=4)
        first = pool.reset()[0].copy()
        pool.reset(seed=4)
        assert (pool.reset()[0] == first).all()


def test_pool__attributes_of_every_copy():
    """`as_gymnasium` reads, calls and sets attributes, and renders each copy as it stands."""
    creator = functools.partial(SQUARED, render_mode="rgb_array")
    envs = pufferlib.vector.make(creator, num_envs=3).as_gymnasium()
    envs.reset(seed=1)

    assert [config.size for config in envs.get_attr("config")] == [11, 11, 11]
    envs.set_attr("label", ["a", "b", "c"])
    assert envs.get_attr("label") == ("a", "b", "c")
    frames = envs.render()
    assert len(frames) == 3
    assert (frames[0] != frames[1]).any()
    envs.step(np.array([1, 2, 3]))
    assert all((new != old).any() for new, old in zip(envs.render(), frames, strict=True))
    with pytest.raises(EnvironmentFailed, match="nonsense"):
        envs.call("nonsense")
    envs.close()


def test_view__acts_on_its_own_copy():
    """An object of a pool is one copy and no other; attached to other rows, it begins anew."""
    envs = pufferlib.vector.make(functools.partial(SQUARED, size=5), num_envs=3).as_gymnasium()
    before = envs.reset(seed=1)[0]
    views = envs.call("driver_env")
    views[2].reset(seed=50)
    views[1].step(1)
    after = envs.pool.arena.observations.copy()

    assert (after[0] == before[0]).all()
    assert (after[2] == SQUARED(size=5).reset(seed=50)[0]).all()
    assert (after[1] != before[1]).any()
    views[1].attach(Buffers.allocate(1, views[1].single_observation_space))
    assert views[1].episode_over
    views[1].reset(seed=9)
    assert (envs.pool.arena.observations == after).all()
    envs.close()


def test_config__checks_types_and_ranges():
    """What C can't hold is refused by name; whole numbers and numpy's are taken as what they are."""

    @dataclass(frozen=True)
    class Config(NativeConfig):
        size: int = 1
        wind: float = 0.0
        walls: bool = False

    assert Config(np.int64(3), 2, np.True_) == Config(3, 2.0, True)
    assert len(Config().pack()) == 24
    assert np.frombuffer(Config(5, 0.5, True).pack(), "<i4")[[0, 4]].tolist() == [5, 1]
    for options, words in (
        ({"size": 2**31}, "size.*32 bits"),
        ({"size": 1.0}, "size.*no whole number"),
        ({"size": True}, "size.*no whole number"),
        ({"wind": float("nan")}, "wind.*finite"),
        ({"wind": "1"}, "wind.*no number"),
        ({"walls": 1}, "walls.*isn't a bool"),
        ({"sise": 1}, "sise.*Did you mean 'size'"),
    ):
        with pytest.raises(ConfigError, match=words):
            Config.of(options)


def test_config__refuses_options_out_of_range():
    """Both ends are part of a range; the error says what was given and what is possible."""

    @dataclass(frozen=True)
    class Config(NativeConfig):
        size: int = 3
        wind: float = 0.5
        steps: int = 1

        def check(self):
            self.require(size=(3, 9), wind=(0, 1), steps=(1, None))

    assert Config(9, 0.0, 2**31 - 1) == Config(9, 0, 2**31 - 1)
    for options, words in (
        ({"size": 10}, "size: it is 10. Choose 3 to 9."),
        ({"wind": -0.5}, "wind: it is -0.5. Choose 0 to 1."),
        ({"steps": 0}, "steps: it is 0. Choose 1 or more."),
    ):
        with pytest.raises(ConfigError, match=f"^{words}$"):
            Config.of(options)


def test_core__refuses_arrays_that_do_not_fit():
    """The binding checks names, sizes, dtypes and ranges before anything is written."""
    arrays = [
        np.zeros((2, 8), np.uint64),
        np.zeros((2, 9), np.uint8),
        np.zeros((2, 9), np.uint8),
        np.zeros(2, np.int64),
    ]
    arrays += [np.zeros(2), *(np.zeros(2, np.bool_) for _ in range(4)), np.zeros(2), np.zeros(2)]
    arrays += [np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros((2, 1))]

    def batch(name="squared", num_envs=2, changed=None, array=None):
        given = list(arrays)
        if changed is not None:
            given[changed] = array
        return core.env_batch(name, 0, num_envs, 1, 9, 8, 64, 1, tuple(given))

    assert batch()
    with pytest.raises(KeyError, match="nonsense"):
        batch("nonsense")
    with pytest.raises(ValueError, match="states must be 192"):
        batch(num_envs=3)
    for index, array in (
        (4, np.zeros(2, np.float32)),
        (4, np.zeros(2, np.int64)),
        (5, np.zeros(2, np.int8)),
        (7, np.zeros(3, np.bool_)),
    ):
        with pytest.raises(ValueError, match="rewards|terminals|mask"):
            batch(changed=index, array=array)
    with pytest.raises((ValueError, BufferError)):
        batch(changed=1, array=np.zeros((2, 18), np.uint8)[:, ::2])
    read_only = np.zeros((2, 9), np.uint8)
    read_only.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        batch(changed=1, array=read_only)
    for first, count in ((-1, 1), (0, 3), (2, 1), (1, -1), (2**62, 2**62)):
        with pytest.raises(IndexError):
            core.env_step(batch(), first, count)
    with pytest.raises(ValueError, match="4 bytes"):
        core.env_init(batch(), 0, 2, b"123")
