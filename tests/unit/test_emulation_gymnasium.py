"""GymnasiumPufferEnv: what a user of the wrapper sees."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from emulation_envs import MIXED, STRUCTURED, StructuredEnv
from pufferlib.emulation import Buffers, GymnasiumPufferEnv, emulate
from pufferlib.exceptions import ActionMismatch, EmulationError, ObservationMismatch
from space_strategies import same


def test_wrapper__loses_nothing_of_observations_and_actions():
    """Flat observations unpack to the original ones, and flat actions reach the environment as originals."""
    env, raw = GymnasiumPufferEnv(env=StructuredEnv()), StructuredEnv()
    unpack = env.emulated.observation.unpack
    env.action_space.seed(0)

    assert same(unpack(env.reset(seed=3)[0]), raw.reset(seed=3)[0])
    for _ in range(5):
        flat = env.action_space.sample()
        observation, reward, terminal, truncation, info = env.step(flat)
        expected = raw.step(env.emulated.action.unpack(flat))
        assert same(unpack(observation), expected[0])
        assert (reward, terminal, truncation, info) == expected[1:]


def test_wrapper__is_a_gymnasium_environment():
    """Spaces, spec, metadata, render and close are there, and unwrapped is the wrapper itself."""
    env = GymnasiumPufferEnv(env=StructuredEnv(render_mode="rgb_array"))

    assert isinstance(env, gymnasium.Env) and env.unwrapped is env and env.driver_env is env
    assert env.observation_space is env.single_observation_space is env.emulated.observation.flat_space
    assert env.action_space is env.single_action_space is env.emulated.action.flat_space
    assert env.render().shape == (2, 2, 3) and env.render_mode == "rgb_array" and env.metadata["render_modes"]
    env.close()
    assert env.is_closed


def test_wrapper__works_under_gymnasium_s_own_wrappers():
    """TimeLimit and RecordEpisodeStatistics run on top of it."""
    env = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.wrappers.TimeLimit(emulate(StructuredEnv()), 3))
    env.reset(seed=0)

    results = [env.step(env.action_space.sample()) for _ in range(3)]

    assert results[-1][3] and results[-1][4]["episode"]["l"] == 3


def test_wrapper__finds_attributes_of_the_wrapped_environment():
    """Attributes are read and set where they are, through wrappers too; missing ones raise AttributeError."""
    inner = StructuredEnv()
    env = GymnasiumPufferEnv(env=gymnasium.wrappers.TimeLimit(inner, 9))

    env.set_wrapper_attr("num_steps", 7)
    assert inner.num_steps == 7 and env.num_steps == 7
    with pytest.raises(AttributeError, match="missing"):
        _ = env.missing


def test_wrapper__spec_makes_it_again():
    """An environment with a spec can be made from it, flat, as Gymnasium's checker does."""
    env = emulate(gymnasium.make("CartPole-v1"))
    again = env.spec.make()

    assert isinstance(again.unwrapped, GymnasiumPufferEnv)
    assert again.unwrapped.env.spec.id == "CartPole-v1"


def test_wrapper__options_and_seeds_reach_the_environment():
    """Options come through; the seed makes episodes equal; np_random is the wrapped environment's."""
    env = emulate(StructuredEnv())

    first, info = env.reset(seed=5, options={"level": 2})
    second, _ = env.reset(seed=5)

    assert info == {"level": 2} and np.array_equal(first, second)
    assert env.np_random is env.env.np_random and env.np_random_seed == 5


def test_creator__gets_its_arguments():
    """env_creator is called with env_args and env_kwargs."""
    env = GymnasiumPufferEnv(
        env_creator=StructuredEnv, env_args=[STRUCTURED], env_kwargs={"action_space": spaces.Discrete(2)}
    )

    assert env.single_action_space == spaces.Discrete(2)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({}, "not neither"),
        ({"env": StructuredEnv(), "env_creator": StructuredEnv}, "not both"),
        ({"env": StructuredEnv(), "env_args": [1]}, "go with env_creator"),
    ],
)
def test_creator__wants_exactly_one_source(kwargs, message):
    """Neither, both, or arguments without a creator are errors that say so."""
    with pytest.raises(TypeError, match=message):
        GymnasiumPufferEnv(**kwargs)


def test_step__returns_arrays_of_its_own():
    """Observations that a user keeps don't change with the next step."""
    env = emulate(StructuredEnv())
    kept, _ = env.reset(seed=0)
    copy = kept.copy()
    env.step(env.action_space.sample())

    assert np.array_equal(kept, copy)


def test_step_into__writes_the_same_as_step():
    """The buffers hold what step returns, and the last observation of an episode is kept."""
    env, twin = emulate(StructuredEnv()), emulate(StructuredEnv())
    buffers = Buffers.allocate(1, env.single_observation_space)
    env.attach(buffers)
    env.action_space.seed(1)

    info = env.reset_into(seed=4, options={"a": 1})
    observation, expected_info = twin.reset(seed=4, options={"a": 1})
    assert info == expected_info and buffers.mask.all()
    assert np.array_equal(buffers.observations[0], observation)
    for _ in range(5):
        actions = env.action_space.sample()[None]
        info = env.step_into(actions)
        observation, reward, terminal, truncation, expected_info = twin.step(actions[0])
        assert np.array_equal(buffers.observations[0], observation)
        assert (buffers.rewards[0], buffers.terminals[0], buffers.truncations[0]) == (reward, terminal, truncation)
        assert info == expected_info
    assert env.episode_over and np.array_equal(buffers.final_observations[0], observation)


def test_step_into__needs_buffers():
    """Without buffers the call says what to do."""
    env = emulate(StructuredEnv())

    with pytest.raises(EmulationError, match=r"Call attach\(buffers\) first"):
        env.reset_into()


class Faulty(StructuredEnv):
    """Returns what it is told to."""

    def __init__(self, step=None, reset=None, **kwargs):
        super().__init__(spaces.Box(0, 1, (2,)), spaces.Discrete(2), **kwargs)
        self.step_result, self.reset_result = step, reset

    def reset(self, *, seed=None, options=None):
        """Returns the prepared result."""
        return self.reset_result if self.reset_result is not None else (np.zeros(2, np.float32), {})

    def step(self, action):
        """Returns the prepared result."""
        return self.step_result


GOOD = np.zeros(2, np.float32)


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        ((GOOD, 0.0, False, {}), EmulationError, "4 values instead of 5.*GymToGymnasium"),
        ((GOOD, float("nan"), False, False, {}), EmulationError, "the reward is NaN"),
        ((GOOD, np.float32("nan"), False, False, {}), EmulationError, "the reward is NaN"),
        ((GOOD, None, False, False, {}), EmulationError, "reward None isn't a number"),
        ((GOOD + 2, 0.0, False, False, {}), ObservationMismatch, "between 0.0 and 1.0.*2.0 at flat index 0"),
        ((GOOD * np.nan, 0.0, False, False, {}), ObservationMismatch, "nan at flat index 0"),
        ((np.zeros(3, np.float32), 0.0, False, False, {}), ObservationMismatch, r"shape \(3,\)"),
        ((GOOD.astype(np.float64), 0.0, False, False, {}), ObservationMismatch, "float64"),
    ],
)
def test_step__names_what_the_environment_does_wrong(step, error, message):
    """Old APIs, NaN rewards and observations outside of their space are errors with a remedy."""
    env = emulate(Faulty(step=step))
    env.reset()

    with pytest.raises(error, match=message):
        env.step(0)


def test_reset__names_the_old_api():
    """A reset that returns only an observation is an error with a remedy."""
    with pytest.raises(EmulationError, match="GymToGymnasium"):
        emulate(Faulty(reset=GOOD)).reset()


def test_step__refuses_flat_actions_out_of_range():
    """A discrete entry that the original action doesn't have raises before the environment is stepped."""
    env = emulate(StructuredEnv(action_space=spaces.MultiBinary(2)))
    env.reset(seed=0)

    with pytest.raises(ActionMismatch, match=r"below \(2, 2\)"):
        env.step(np.array([0, 2]))
    assert env.num_steps == 0


def test_emulate__takes_environments_of_any_kind_once():
    """Emulated environments come back as they are; other things are refused by name."""
    env = emulate(StructuredEnv())

    assert emulate(env) is env
    with pytest.raises(EmulationError, match="builtins.dict, not a Gymnasium or PettingZoo"):
        emulate({})
    assert MIXED == env.emulated.action.space
