"""`as_gymnasium()` beside `gymnasium.vector.SyncVectorEnv`: the same seeds and actions, bit for bit."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as vector_wrappers

import pufferlib.vector
from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.exceptions import InvalidVectorOption, MissingDependency
from vector_envs import BACKENDS, Counter

MODES = ["next_step", "same_step", "disabled"]


class Talker(gymnasium.Env):
    """Short random episodes with infos of every kind: numbers, arrays, texts, dicts, sometimes missing."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = spaces.Box(-np.inf, np.inf, (2, 3), np.float64)
    action_space = spaces.MultiDiscrete([3, 4])

    def __init__(self):
        """Renders frames."""
        self.render_mode = "rgb_array"
        self.level = 1

    def reset(self, *, seed=None, options=None):
        """Begins an episode; every second one has something to say."""
        super().reset(seed=seed)
        info = {"start": self.np_random.random(), "options": str(options)} if self.np_random.random() < 0.5 else {}
        return self._observe(), info

    def step(self, action):
        """Ends at random, in either way or both."""
        terminated, truncated = (bool(flag) for flag in self.np_random.random(2) < 0.1)
        info = {"sum": int(np.sum(action)), "nested": {"noise": self.np_random.random(2), "empty": {}}}
        if self.np_random.random() < 0.3:
            info |= {"text": "hello", "flag": True, "f32": np.float32(0.1), "none": None, "list": [1, 2]}
        return self._observe(), self.np_random.normal(), terminated, truncated, info

    def render(self):
        """Draws the level."""
        return np.full((2, 2, 3), self.level, np.uint8)

    def _observe(self):
        return self.np_random.normal(size=(2, 3))


class Structured(Talker):
    """The same with structured spaces."""

    observation_space = spaces.Dict({"a": spaces.Box(-9, 9, (3,), np.float32), "b": spaces.Discrete(7)})
    action_space = spaces.Tuple([spaces.Discrete(3), spaces.Discrete(4)])

    def _observe(self):
        return {"a": self.np_random.random(3, np.float32), "b": self.np_random.integers(7)}


CREATORS = {
    "CartPole": lambda: gymnasium.make("CartPole-v1"),
    "Pendulum": lambda: gymnasium.make("Pendulum-v1", max_episode_steps=37),
    "MountainCarContinuous": lambda: gymnasium.make("MountainCarContinuous-v0", max_episode_steps=50),
    "FrozenLake": lambda: GymnasiumPufferEnv(env=gymnasium.make("FrozenLake-v1")),
    "Talker": Talker,
    "Structured": lambda: GymnasiumPufferEnv(env=Structured()),
    "Statistics": lambda: gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1")),
}


def make_pair(creator, mode, backend="serial", num_envs=3):
    """Makes our view and Gymnasium's, over the same environments."""
    ours = pufferlib.vector.make(creator, num_envs=num_envs, backend=backend, autoreset=mode).as_gymnasium()
    theirs = SyncVectorEnv([creator] * num_envs, autoreset_mode=AutoresetMode[mode.upper()])
    return ours, theirs


def assert_same(ours, theirs, path="result"):
    """Compares types, dtypes, shapes and bytes, all the way down."""
    if path.endswith("['t']"):
        return  # seconds on a clock
    assert type(ours) is type(theirs), path
    if isinstance(ours, dict):
        assert list(ours) == list(theirs), path
        for key in ours:
            assert_same(ours[key], theirs[key], f"{path}[{key!r}]")
    elif isinstance(ours, tuple | list):
        assert len(ours) == len(theirs), path
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_same(*pair, f"{path}[{index}]")
    elif isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), path
        if ours.dtype == object:
            assert_same(ours.tolist(), theirs.tolist(), path)
        else:
            assert ours.tobytes() == theirs.tobytes(), f"{path}: {ours} is not {theirs}"
    else:
        assert ours == theirs, path


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CREATORS)
def test_as_gymnasium__is_sync_vector_env_bit_for_bit(name, mode, backend):
    """1,000 steps agree in observations, rewards, flags, infos, final_obs and final_info, in each autoreset mode."""
    ours, theirs = make_pair(CREATORS[name], mode, backend)
    theirs.action_space.seed(1)
    num_ends = 0

    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata == theirs.metadata
    assert_same(ours.reset(seed=123), theirs.reset(seed=123), "reset")
    for step in range(1000):
        actions = theirs.action_space.sample()
        result = ours.step(actions)
        assert_same(result, theirs.step(actions), f"step {step}")
        ended = result[2] | result[3]
        num_ends += ended.sum()
        if mode == "disabled" and ended.any():
            seeds = [step, None, 2 * step]
            reset = [env.reset(seed=seeds, options={"reset_mask": ended, "more": 1}) for env in (ours, theirs)]
            assert_same(*reset, f"reset after step {step}")
    ours.close()
    theirs.close()

    assert num_ends > 10


@pytest.mark.parametrize("mode", MODES)
def test_as_gymnasium__resets_in_the_middle_like_sync_vector_env(mode):
    """Whole and masked resets in the middle of episodes agree too, with and without seeds."""
    ours, theirs = make_pair(Talker, mode)
    rng = np.random.default_rng(0)
    assert_same(ours.reset(seed=[5, 3, 4]), theirs.reset(seed=[5, 3, 4]))
    for _ in range(100):
        actions = theirs.action_space.sample()
        result = ours.step(actions)
        assert_same(result, theirs.step(actions))
        ended = result[2] | result[3]
        if rng.random() < 0.2:
            seed = int(rng.integers(1000))
            assert_same(ours.reset(seed=seed), theirs.reset(seed=seed))
        elif rng.random() < 0.3 or (mode == "disabled" and ended.any()):
            mask = ended | (rng.random(3) < 0.3)
            if mask.any():
                assert_same(*(env.reset(options={"reset_mask": mask.copy()}) for env in (ours, theirs)))
    ours.close()
    theirs.close()


def wrapped(wrapper, env):
    """Puts one of Gymnasium's vector wrappers around a vector environment."""
    return {
        "RecordEpisodeStatistics": vector_wrappers.RecordEpisodeStatistics,
        "NormalizeObservation": vector_wrappers.NormalizeObservation,
        "NormalizeReward": vector_wrappers.NormalizeReward,
        "ClipReward": lambda e: vector_wrappers.ClipReward(e, -0.1, 0.1),
        "ClipAction": vector_wrappers.ClipAction,
        "RescaleAction": lambda e: vector_wrappers.RescaleAction(e, np.float32(-1), np.float32(1)),
        "FlattenObservation": vector_wrappers.FlattenObservation,
        "TransformObservation": lambda e: vector_wrappers.TransformObservation(e, lambda rows: rows * 2),
        "DictInfoToList": vector_wrappers.DictInfoToList,
    }[wrapper](env)


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
@pytest.mark.parametrize(
    "wrapper",
    ["RecordEpisodeStatistics", "NormalizeReward", "ClipReward", "ClipAction", "RescaleAction", "DictInfoToList"],
)
def test_as_gymnasium__works_in_gymnasiums_wrappers(wrapper, mode):
    """Gymnasium's own vector wrappers give on our view what they give on theirs."""
    ours, theirs = (wrapped(wrapper, env) for env in make_pair(CREATORS["Pendulum"], mode))
    ours.action_space.seed(3)
    theirs.action_space.seed(3)
    assert_same(ours.reset(seed=9), theirs.reset(seed=9))
    for step in range(120):
        assert_same(ours.step(ours.action_space.sample()), theirs.step(theirs.action_space.sample()), f"step {step}")
    ours.close()
    theirs.close()

    assert ours.unwrapped.closed


@pytest.mark.parametrize("wrapper", ["NormalizeObservation", "FlattenObservation", "TransformObservation"])
def test_as_gymnasium__works_in_gymnasiums_observation_wrappers(wrapper):
    """Wrappers that change observations agree as well."""
    ours, theirs = (wrapped(wrapper, env) for env in make_pair(CREATORS["CartPole"], "next_step"))
    theirs.action_space.seed(3)
    assert_same(ours.reset(seed=9), theirs.reset(seed=9))
    for step in range(120):
        actions = theirs.action_space.sample()
        assert_same(ours.step(actions), theirs.step(actions), f"step {step}")
    ours.close()
    theirs.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_as_gymnasium__reaches_into_environments(backend):
    """call, get_attr, set_attr, render and the random generators are those of the wrapped environments."""
    ours, theirs = make_pair(Talker, "same_step", backend)
    for env in (ours, theirs):
        env.reset(seed=3)
        env.set_attr("level", [1, 2, 3])
        env.set_attr("render_mode", "rgb_array")
        with pytest.raises(ValueError, match="2.*values"):
            env.set_attr("level", [1, 2])

    assert ours.get_attr("level") == theirs.get_attr("level") == (1, 2, 3)
    assert ours.np_random_seed == theirs.np_random_seed == (3, 4, 5)
    assert [rng.random() for rng in ours.np_random] == [rng.random() for rng in theirs.np_random]
    assert_same(ours.render(), theirs.render())
    assert ours.render_mode == theirs.render_mode
    ours.close()
    theirs.close()


def test_as_gymnasium__is_a_vector_env():
    """The view is one to isinstance, and names its autoreset mode as Gymnasium does."""
    with pufferlib.vector.make(Counter, num_envs=2, autoreset="disabled") as envs:
        view = envs.as_gymnasium()

        assert isinstance(view, gymnasium.vector.VectorEnv)
        assert view.metadata["autoreset_mode"] is AutoresetMode.DISABLED
        assert "autoreset_mode" not in envs.driver_env.metadata
        assert (view.num_envs, view.unwrapped) == (2, view)


def test_as_gymnasium__gives_arrays_to_keep():
    """What came back stays as it was, though the pool's own arrays are views."""
    with pufferlib.vector.make(Counter, [2]) as envs:
        view = envs.as_gymnasium()
        first, _ = view.reset(seed=0)
        view.step(np.array([1]))
        _, _, _, _, infos = view.step(np.array([2]))
        view.step(np.array([3]))

        assert first.tolist() == [[0, 0, 0, -1]]
        assert infos["final_obs"][0].tolist() == [0, 0, 2, 2]


def test_as_gymnasium__leaves_the_pool_usable():
    """The pool's own calls still give its own infos, now all of them."""
    with pufferlib.vector.make(Counter, [2]) as envs:
        view = envs.as_gymnasium()
        view.reset(seed=0)

        assert envs.step([1])[-1] == [{"count": 1}]
        assert envs.step([1])[-1] == [{"count": 2, "reset_info": {"begin": 1}}]


def test_as_gymnasium__close_closes_the_pool():
    """Closing either closes the environments once."""
    envs = pufferlib.vector.make(Counter)
    view = envs.as_gymnasium()
    env = envs.driver_env.env
    view.close()
    view.close()
    envs.close()

    assert envs.closed
    assert env.num_closed == 1


def test_as_gymnasium__needs_batches_of_all_environments():
    """A VectorEnv steps all at once; the error names the batch size that works."""
    with pufferlib.vector.make(Counter, num_envs=4, batch_size=2) as envs:
        with pytest.raises(InvalidVectorOption, match=r"batch_size=2 is below num_envs=4.*Nearest: 4"):
            envs.as_gymnasium()


def test_as_gymnasium__names_the_gymnasium_that_it_needs(monkeypatch):
    """Gymnasium 1.0 has no autoreset modes: the error says which version has."""
    monkeypatch.delattr(gymnasium.vector, "AutoresetMode")
    with pufferlib.vector.make(Counter) as envs:
        with pytest.raises(MissingDependency, match=r"Run: pip install 'gymnasium>=1\.1'"):
            envs.as_gymnasium()
