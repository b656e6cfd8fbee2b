"""Resets, steps, autoreset, infos, seeds and copies, on every backend."""

import gymnasium
import numpy as np
import pytest

import pufferlib.vector
from pufferlib.exceptions import ActionMismatch, InvalidVectorOption, VectorStateError
from vector_envs import BACKENDS, Counter

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def roll(envs, num_steps, action=1):
    """Steps with one constant action and keeps copies of all that comes back."""
    results = []
    for _ in range(num_steps):
        *arrays, infos = envs.step(np.full(envs.num_agents, action))
        results.append((*(array.copy() for array in arrays), infos))
    return results


def test_reset__gives_first_observations_and_infos(backend):
    """Row e is environment e; infos come one dict an environment."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=3) as envs:
        observations, infos = envs.reset(seed=7)

        assert observations.tolist() == [[7, 0, 0, -1], [8, 0, 0, -1], [9, 0, 0, -1]]
        assert infos == [{"begin": 0}] * 3


def test_step__same_step_keeps_the_last_observation(backend):
    """The row after an end is the new episode's first; its last observation is kept beside it."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2, env_kwargs=[{"length": 2}, {"length": 3}]) as envs:
        envs.reset(seed=0)
        envs.step([1, 1])
        observations, rewards, terminals, truncations, infos = envs.step([4, 5])

        assert observations.tolist() == [[0, 1, 0, -1], [1, 0, 2, 5]]
        assert rewards.tolist() == [2, 2]
        assert rewards.dtype == np.float64
        assert terminals.tolist() == [True, False]
        assert truncations.tolist() == [False, False]
        assert infos == [{"count": 2, "reset_info": {"begin": 1}}, {}]
        assert envs.final_observations[0].tolist() == [0, 0, 2, 4]


def test_step__a_truncation_resets_too(backend):
    """Either end begins a new episode."""
    with pufferlib.vector.make(Counter, [1], {"cut": True}, backend=backend) as envs:
        envs.reset(seed=0)
        observations, _, terminals, truncations, _ = envs.step([2])

        assert (terminals.tolist(), truncations.tolist()) == ([False], [True])
        assert observations.tolist() == [[0, 1, 0, -1]]
        assert envs.final_observations.tolist() == [[0, 0, 1, 2]]


def test_step__flags_are_cleared_after_the_end(backend):
    """The step after a same-step reset has no flags from the one before."""
    with pufferlib.vector.make(Counter, [2], backend=backend) as envs:
        envs.reset()
        ends = [terminals.tolist() for _, _, terminals, _, _ in roll(envs, 5)]

    assert ends == [[False], [True], [False], [True], [False]]


def test_step__next_step_resets_one_step_later(backend):
    """The end shows its own last observation; the next step resets, ignores the action and gives zero reward."""
    with pufferlib.vector.make(Counter, [2], backend=backend, autoreset="next_step") as envs:
        envs.reset(seed=0)
        first, last, again, after = roll(envs, 4)
        kept = envs.final_observations.copy()

    assert first[0].tolist() == [[0, 0, 1, 1]]
    assert last[0].tolist() == [[0, 0, 2, 1]]
    assert last[2].tolist() == [True]
    assert last[4] == [{"count": 2}]
    assert again[0].tolist() == [[0, 1, 0, -1]]
    assert (again[1].tolist(), again[2].tolist(), again[3].tolist()) == ([0], [False], [False])
    assert again[4] == [{"begin": 1}]
    assert after[0].tolist() == [[0, 1, 1, 1]]
    assert kept.tolist() == [[0, 0, 2, 1]]


def test_step__disabled_waits_for_a_reset_mask(backend):
    """An ended episode can't be stepped; a masked reset begins the next one and leaves the others alone."""
    kwargs = [{"length": 1}, {"length": 3}]
    with pufferlib.vector.make(Counter, env_kwargs=kwargs, num_envs=2, backend=backend, autoreset="disabled") as envs:
        envs.reset(seed=0)
        observations, _, terminals, _, infos = envs.step([1, 1])
        assert observations.tolist() == [[0, 0, 1, 1], [1, 0, 1, 1]]
        assert terminals.tolist() == [True, False]
        assert infos == [{"count": 1}, {}]

        with pytest.raises(VectorStateError, match=r"Autoreset is disabled and the episode is over in environment 0\."):
            envs.step([1, 1])
        options = {"reset_mask": np.array([True, False])}
        observations, infos = envs.reset(seed=[50, None], options=options)

        assert observations.tolist() == [[50, 1, 0, -1], [1, 0, 1, 1]]
        assert infos == [{"begin": 1}, {}]
        assert options.keys() == {"reset_mask"}
        assert envs.step([1, 1])[0].tolist() == [[50, 1, 1, 1], [1, 0, 2, 1]]


def test_reset__hands_options_on_without_the_mask(backend):
    """Environments get the options, but not the reset mask."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        view = envs.as_gymnasium()
        envs.reset(options={"level": 3})
        first = view.get_attr("options")
        envs.reset(options={"level": 4, "reset_mask": np.array([False, True])})

        assert first == ({"level": 3}, {"level": 3})
        assert view.get_attr("options") == ({"level": 3}, {"level": 4})


@pytest.mark.parametrize(
    "mask",
    [[True, False], np.array([1, 0]), np.array([True]), np.array([False, False]), np.array([[True, False]])],
)
def test_reset__refuses_wrong_masks(backend, mask):
    """A reset mask is an (E,) bool array with at least one True."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        envs.reset()

        with pytest.raises(InvalidVectorOption, match="Pass a numpy array of 2 bools"):
            envs.reset(options={"reset_mask": mask})
        envs.step([0, 0])


def test_reset__refuses_a_mask_before_the_first_reset(backend):
    """Nothing can be left as it was before anything was reset; a mask of all True is fine."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        with pytest.raises(VectorStateError, match="were never reset"):
            envs.reset(options={"reset_mask": np.array([True, False])})
        envs.reset(options={"reset_mask": np.array([True, True])})
        envs.send([0, 0])

        with pytest.raises(VectorStateError, match="are being stepped"):
            envs.async_reset(options={"reset_mask": np.array([True, False])})


@pytest.mark.parametrize(
    ("seed", "expected"),
    [(5, [5, 6, 7]), (np.int64(5), [5, 6, 7]), ([3, 1, 2], [3, 1, 2]), (None, [-1, -1, -1]), ([4, None, 2], [4, -1, 2]),
     (np.array([3, 4, 5]), [3, 4, 5])],
)  # fmt: skip
def test_reset__seeds_are_one_an_environment(backend, seed, expected):
    """An int counts up; a list has one seed, or None, an environment."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=3) as envs:
        observations, _ = envs.reset(seed=seed)

        assert observations[:, 0].tolist() == expected


@pytest.mark.parametrize("seed", [[1, 2], 1.5, "abc", [1, 2, "c"], [1.0, 2.0, 3.0]])
def test_reset__refuses_wrong_seeds(backend, seed):
    """Seeds that don't fit say what would."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=3) as envs:
        with pytest.raises(InvalidVectorOption, match="Pass None, an int, or a list of 3 of them"):
            envs.reset(seed=seed)


def test_reset__same_seed_same_trajectories(backend):
    """Two pools with one seed agree bit for bit, through autoresets without a seed."""
    runs = []
    for _ in range(2):
        with pufferlib.vector.make(lambda: gymnasium.make("CartPole-v1"), backend=backend, num_envs=3) as envs:
            rows = [envs.reset(seed=11)[0].copy()]
            actions = np.random.default_rng(0).integers(0, 2, (200, 3))
            rows += [envs.step(row)[0].copy() for row in actions]
            runs.append(np.stack(rows))

    assert runs[0].tobytes() == runs[1].tobytes()


def test_infos__ends_keep_resets_and_ends_only(backend):
    """By default a step in the middle of an episode has an empty info."""
    with pufferlib.vector.make(Counter, backend=backend) as envs:
        _, reset_infos = envs.reset()
        infos = [infos for *_, infos in roll(envs, 4)]

    assert reset_infos == [{"begin": 0}]
    assert infos == [[{}], [{}], [{"count": 3, "reset_info": {"begin": 1}}], [{}]]


def test_infos__all_keeps_every_one(backend):
    """With infos="all" every step's info arrives."""
    with pufferlib.vector.make(Counter, backend=backend, infos="all") as envs:
        envs.reset()
        infos = [infos for *_, infos in roll(envs, 3)]

    assert infos == [[{"count": 1}], [{"count": 2}], [{"count": 3, "reset_info": {"begin": 1}}]]


def test_infos__an_empty_reset_info_adds_no_key(backend):
    """An environment without infos stays without them at ends."""
    with pufferlib.vector.make(Counter, [1], {"quiet": True}, backend=backend) as envs:
        envs.reset()

        assert roll(envs, 2)[1][-1] == [{}]


def test_infos__the_dicts_are_the_callers(backend):
    """Writing into an empty info doesn't show up in the next."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        envs.reset()
        infos = envs.step([0, 0])[-1]
        infos[0]["mine"] = 1

        assert infos[1] == {}
        assert envs.step([0, 0])[-1] == [{}, {}]


def test_zero_copy__views_live_until_the_next_send(backend):
    """With zero_copy the arrays are the pool's own memory; receiving doesn't move them."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        first, _ = envs.reset(seed=0)
        second = envs.step([3, 4])[0]

        assert np.shares_memory(first, second)
        assert np.shares_memory(second, envs.arena.observations)


def test_zero_copy__false_gives_copies_to_keep(backend):
    """Without zero_copy nothing that came back changes later."""
    with pufferlib.vector.make(Counter, [2], backend=backend, zero_copy=False) as envs:
        kept = [envs.reset(seed=0)[0]]
        steps = [envs.step([a]) for a in (1, 2, 3)]
        kept += [step[0] for step in steps]
        final = envs.final_observations

        assert [rows[0].tolist() for rows in kept] == [[0, 0, 0, -1], [0, 0, 1, 1], [0, 1, 0, -1], [0, 1, 1, 3]]
        assert [step[1].tolist() for step in steps] == [[1], [2], [101]]
        assert [step[2].tolist() for step in steps] == [[False], [True], [False]]
        assert not np.shares_memory(final, envs.final_observations)


def test_actions__are_copied_in(backend):
    """Changing the actions between send and recv changes nothing."""
    with pufferlib.vector.make(Counter, backend=backend) as envs:
        envs.reset(seed=0)
        actions = np.array([3])
        envs.send(actions)
        actions[0] = 4

        assert envs.recv()[0].tolist() == [[0, 0, 1, 3]]


@pytest.mark.parametrize("actions", [[1, 2], (1, 2), np.array([1, 2], np.int32), np.array([1, 2], np.uint8)])
def test_actions__take_lists_and_other_integer_types(backend, actions):
    """Anything that numpy turns into integers of the right shape is taken."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        envs.reset()

        assert envs.step(actions)[0][:, 3].tolist() == [1, 2]


@pytest.mark.parametrize(
    "actions", [1, [1], [1, 2, 3], [[1, 2]], [1.0, 2.0], ["a", "b"], [None, None], [[1], [2, 3]], [1 + 0j, 2]]
)
def test_actions__refuse_wrong_shapes_and_types(backend, actions):
    """Wrong actions step nothing: right ones still can be sent."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        envs.reset(seed=0)
        with pytest.raises(ActionMismatch, match=r"(int64, shape|array of shape) \(2,\)"):
            envs.step(actions)

        assert envs.step([1, 1])[0][:, 2].tolist() == [1, 1]


def test_actions__continuous_rows_take_any_float(backend):
    """float64 actions fit a float32 space; integers do too."""
    with pufferlib.vector.make(lambda: gymnasium.make("Pendulum-v1"), backend=backend, num_envs=2) as envs:
        envs.reset(seed=0)
        envs.step(np.zeros((2, 1), np.float64))
        envs.step(np.ones((2, 1), np.int64))

        with pytest.raises(ActionMismatch, match=r"float32, shape \(2, 1\)"):
            envs.step(np.zeros(2))


def test_structured__spaces_are_emulated(backend):
    """A creator may give a plain environment with structured spaces: rows are flat and unpack to the original."""

    class Structured(Counter):
        def __init__(self):
            super().__init__()
            box = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
            self.observation_space = gymnasium.spaces.Dict({"box": box, "n": gymnasium.spaces.Discrete(5)})
            self.action_space = gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(2), gymnasium.spaces.Discrete(3)])

        def _observe(self, action):
            self.last_action = action
            return {"box": np.full(3, 0.5, np.float32), "n": np.int64(self.count)}

    with pufferlib.vector.make(Structured, backend=backend, num_envs=2) as envs:
        envs.reset()
        observations = envs.step([[1, 2], [0, 1]])[0]
        rows = [envs.emulated.observation.unpack(row) for row in observations]
        taken = envs.as_gymnasium().get_attr("last_action")

        assert [int(row["n"]) for row in rows] == [1, 1]
        assert rows[0]["box"].tolist() == [0.5] * 3
        assert taken == ((1, 2), (0, 1))
