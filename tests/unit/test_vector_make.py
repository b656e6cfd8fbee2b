"""What `make` accepts, and how it words what it doesn't."""

import gymnasium
import numpy as np
import pytest

import pufferlib.vector
from pufferlib.exceptions import InvalidVectorOption
from vector_envs import BACKENDS, Counter


class Wide(Counter):
    """A Counter with more actions."""

    def __init__(self):
        """Widens the action space."""
        super().__init__()
        self.action_space = gymnasium.spaces.Discrete(11)


def test_make__defaults_are_one_serial_environment():
    """Without options there is one environment in this process."""
    with pufferlib.vector.make(Counter) as envs:
        assert isinstance(envs, pufferlib.vector.Serial)
        assert (envs.num_envs, envs.num_agents, envs.agents_per_batch) == (1, 1, 1)


@pytest.mark.parametrize("backend", [pufferlib.vector.Serial, "serial", "Serial"])
def test_make__takes_a_backend_or_its_name(backend):
    """The backend may be a class or a name in any case."""
    with pufferlib.vector.make(Counter, backend=backend) as envs:
        assert isinstance(envs, pufferlib.vector.Serial)


@pytest.mark.parametrize("backend", BACKENDS)
def test_make__args_and_kwargs_reach_every_creator(backend):
    """One creator gets the same arguments for every environment."""
    with pufferlib.vector.make(Counter, [2], {"cut": True}, backend=backend, num_envs=2) as envs:
        envs.reset()
        envs.step([0, 0])
        _, _, terminals, truncations, _ = envs.step([0, 0])

    assert terminals.tolist() == [False, False]
    assert truncations.tolist() == [True, True]


@pytest.mark.parametrize("backend", BACKENDS)
def test_make__a_list_of_creators_has_arguments_each(backend):
    """With a list of creators, arguments come one list and one dict an environment."""
    with pufferlib.vector.make([Counter, Counter], [[1], [2]], [{"cut": True}, {}], backend=backend) as envs:
        envs.reset()
        _, _, first_terminals, first_truncations, _ = (np.copy(part) for part in envs.step([0, 0]))
        _, _, terminals, truncations, _ = envs.step([0, 0])

    assert envs.num_envs == 2
    assert (first_terminals.tolist(), first_truncations.tolist()) == ([False, False], [True, False])
    assert (terminals.tolist(), truncations.tolist()) == ([False, True], [True, False])


@pytest.mark.parametrize("backend", BACKENDS)
def test_make__one_creator_takes_a_dict_an_environment(backend):
    """A list of keyword arguments works with one creator too."""
    with pufferlib.vector.make(Counter, env_kwargs=[{"length": 1}, {"length": 2}], num_envs=2, backend=backend) as envs:
        envs.reset()

        assert envs.step([0, 0])[2].tolist() == [True, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_make__spaces_are_those_of_the_batch(backend):
    """Single spaces describe a row, the others a batch of B rows."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=6, batch_size=3) as envs:
        assert envs.single_observation_space == gymnasium.spaces.Box(-np.inf, np.inf, (4,), np.float64)
        assert envs.single_action_space == gymnasium.spaces.Discrete(10)
        assert envs.observation_space.shape == (3, 4)
        assert envs.action_space == gymnasium.spaces.MultiDiscrete([10] * 3)
        assert (envs.num_envs, envs.num_agents, envs.agents_per_batch) == (6, 6, 3)
        assert envs.driver_env.emulated.observation.space == envs.emulated.observation.space


@pytest.mark.parametrize("mode", ["next_step", gymnasium.vector.AutoresetMode.NEXT_STEP])
def test_make__takes_gymnasiums_autoreset_modes(mode):
    """The enum of Gymnasium names the same modes."""
    with pufferlib.vector.make(Counter, autoreset=mode) as envs:
        assert envs.options.autoreset == "next_step"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_envs": 12, "batch_size": 5}, "batch_size=5 does not divide num_envs=12. Nearest that do: 4 or 6."),
        ({"num_envs": 12, "batch_size": 13}, "batch_size=13 does not divide num_envs=12. Nearest that do: 12."),
        ({"num_envs": 12, "num_workers": 7}, "num_workers=7 does not divide num_envs=12. Nearest that do: 6 or 12."),
        ({"num_envs": 0}, "num_envs=0 is less than one or no number. The least is 1."),
        ({"num_envs": -3}, "num_envs=-3 is less than one or no number. The least is 1."),
        ({"num_envs": True}, "num_envs=True is less than one or no number. The least is 1."),
        ({"num_envs": 2.5}, "num_envs=2.5 is not a whole number. Pass an int."),
        ({"batch_size": 0}, "batch_size=0 is less than one or no number. The least is 1."),
        ({"zero_copy": 1}, "zero_copy=1 is not a bool. Pass True or False."),
        (
            {"autoreset": "next-step"},
            "autoreset='next-step' is none of 'same_step', 'next_step', 'disabled'. Did you mean 'next_step'?",
        ),
        ({"autoreset": 3}, "Choose one of: same_step, next_step, disabled."),
        ({"infos": "end"}, "infos='end' is none of 'ends', 'all'. Did you mean 'ends'?"),
        ({"num_env": 3}, "num_env=... is not an option of Serial. Did you mean 'num_envs'?"),
        ({"xyz": 3}, "Choose one of: env_args"),
        (
            {"backend": "serail"},
            "'serail' is none of 'serial', 'threads', 'multiprocessing', 'ray'. Did you mean 'serial'?",
        ),
        ({"backend": dict}, "is no backend. Choose one of: serial, threads, multiprocessing, ray."),
        ({"env_args": 3}, "env_args=3 is not a list of arguments."),
        ({"env_args": "ab"}, "env_args='ab' is not a list of arguments."),
        ({"env_kwargs": 3}, "env_kwargs=3 does not fit 1 environments. Pass 1 entries."),
        ({"env_kwargs": [{}, {}]}, "env_kwargs=2 entries does not fit 1 environments. Pass 1 entries."),
        ({"env_kwargs": [3]}, "env_kwargs=3 is not a dict of keyword arguments."),
        ({"env_kwargs": {3: 4}}, "is not a dict of keyword arguments."),
    ],
)
def test_make__errors_name_the_nearest_valid_value(options, message):
    """Each wrong option says what is wrong and what would work."""
    with pytest.raises(InvalidVectorOption) as caught:
        pufferlib.vector.make(Counter, **options)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("creators", "options", "message"),
    [
        ([], {}, "env_creators=[] is empty."),
        (3, {}, "env_creators=3 can't be called."),
        ("CartPole-v1", {}, "can't be called."),
        ([Counter, 3], {}, "holds no callable there."),
        ([Counter, Counter], {"num_envs": 3}, "num_envs=3 does not fit the list of 2 creators. Pass 2"),
        ([Counter, Counter], {"env_args": [[3]]}, "env_args=1 entries does not fit 2 environments."),
        ([Counter, Counter], {"env_args": [3, 4]}, "env_args=3 is not a list of arguments."),
        (
            [Counter, Wide],
            {},
            "makes environment 1 with action space Discrete(11), but the first one's is Discrete(10).",
        ),
    ],
)
def test_make__errors_about_creators(creators, options, message):
    """Lists of creators must fit the counts and agree in their spaces."""
    with pytest.raises(InvalidVectorOption) as caught:
        pufferlib.vector.make(creators, **options)

    assert message in str(caught.value)


def test_make__the_same_object_twice_is_an_error():
    """A creator that hands out one object for two environments would mix their episodes."""
    env = Counter()

    with pytest.raises(InvalidVectorOption, match="gave the same object for environments 0 and 1"):
        pufferlib.vector.make(lambda: env, num_envs=2)

    assert env.num_closed > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_make__numpy_counts_are_numbers(backend):
    """Counts computed with numpy work like ints."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=np.int64(4), batch_size=np.int32(2)) as envs:
        assert envs.num_envs == 4


def test_vector__lists_its_public_names():
    """`__all__` is sorted and holds every public name of the package."""
    public = [name for name in vars(pufferlib.vector) if not name.startswith("_")]

    assert pufferlib.vector.__all__ == sorted(pufferlib.vector.__all__)
    assert sorted(public) == sorted(pufferlib.vector.__all__)
