"""Old Gym and old PettingZoo environments, as today's."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo import ParallelEnv
from pettingzoo.test import parallel_api_test

import pufferlib.vector
from pufferlib.emulation import GymnasiumPufferEnv, PettingZooPufferEnv
from pufferlib.exceptions import EmulationError, UnsupportedSpace
from pufferlib.wrappers import GymToGymnasium, PettingZooTruncatedWrapper
from pufferlib.wrappers._gym import to_gymnasium_space
from vector_envs import Crowd


def old_space(kind, **attributes):
    """Makes an object that looks like a space of the old gym package."""
    return type(kind, (), attributes)()


BOX = old_space("Box", low=np.zeros(2, np.float32), high=np.ones(2, np.float32), shape=(2,), dtype=np.float32)
DISCRETE = old_space("Discrete", n=3)


class OldGym:
    """An environment of gym 0.21: four values from step, one from reset, seeds by `seed`, modes by `render`."""

    metadata = {"render.modes": ["rgb_array"], "video.frames_per_second": 25}
    observation_space = BOX
    action_space = DISCRETE
    cut = False

    def __init__(self):
        """Has no generator before `seed`."""
        self.rng = np.random.default_rng(0)
        self.count = 0
        self.secret = 42

    def seed(self, seed=None):
        """Seeds, as it was done."""
        self.rng = np.random.default_rng(seed)
        return [seed]

    def reset(self):
        """Gives an observation only."""
        self.count = 0
        return self.rng.random(2, np.float32)

    def step(self, action):
        """Gives four values."""
        self.count += 1
        info = {"TimeLimit.truncated": True} if self.cut and self.count == 3 else {}
        return self.rng.random(2, np.float32), 1.0, self.count == 3, info

    def render(self, mode="human"):
        """Draws in a mode."""
        return mode

    def close(self):
        """Notes it."""
        self.count = -1


class OldWrapper:
    """A wrapper that passes any keyword on, as gym's did."""

    def __init__(self, env):
        """Wraps."""
        self.env = env
        self.observation_space, self.action_space, self.metadata = env.observation_space, env.action_space, env.metadata

    def __getattr__(self, name):
        """Looks further inside."""
        return getattr(self.env, name)

    def reset(self, **kwargs):
        """Hands any keyword on."""
        return self.env.reset(**kwargs)

    def step(self, action):
        """Hands the action on."""
        return self.env.step(action)


@pytest.mark.parametrize("wrap", [lambda env: env, OldWrapper, lambda env: OldWrapper(OldWrapper(env))])
@pytest.mark.parametrize("cut", [False, True])
def test_gym__four_values_become_five(wrap, cut):
    """An end is a truncation where the info says so, otherwise a termination."""
    old = OldGym()
    old.cut = cut
    env = GymToGymnasium(wrap(old))
    observation, info = env.reset(seed=3)
    steps = [env.step(0) for _ in range(3)]

    assert observation in env.observation_space
    assert info == {}
    assert [step[2:4] for step in steps] == [(False, False), (False, False), (not cut, cut)]


def test_gym__passes_gymnasiums_checker():
    """The wrapped environment is a conforming Gymnasium environment."""
    env = GymToGymnasium(OldGym(), render_mode="rgb_array")
    env.render = lambda: np.zeros((2, 2, 3), np.uint8)

    check_env(env, skip_render_check=True)


def test_gym__seeds_reach_the_environment():
    """The same seed gives the same episode, whichever way the environment takes it."""
    env = GymToGymnasium(OldWrapper(OldGym()))
    first, _ = env.reset(seed=5)
    again, _ = env.reset(seed=5)
    other, _ = env.reset()

    assert first.tolist() == again.tolist() != other.tolist()


def test_gym__new_resets_get_seed_and_options():
    """From gym 0.26 on reset takes seed and options and gives an info; step gives five values."""

    class Gym26(OldGym):
        seed = None

        def reset(self, *, seed=None, options=None):
            self.rng = np.random.default_rng(seed)
            return super().reset(), {"seed": seed, "options": options}

        def step(self, action):
            observation, reward, done, _ = super().step(action)
            return observation, reward, False, done, {}

    env = GymToGymnasium(OldWrapper(Gym26()))
    _, info = env.reset(seed=4, options={"level": 2})
    env.step(0)
    env.step(0)

    assert info == {"seed": 4, "options": {"level": 2}}
    assert env.step(0)[2:4] == (False, True)
    assert env.reset(options=None)[1] == {"seed": None, "options": None}


def test_gym__without_any_seed_the_seed_is_ignored():
    """An environment that can't be seeded still resets."""

    class Unseeded(OldGym):
        seed = None

    env = GymToGymnasium(Unseeded())

    assert env.reset(seed=3, options={"a": 1})[1] == {}


def test_gym__render_hands_the_mode_in():
    """Old render methods take a mode, new ones have it."""

    class NewRender(OldGym):
        render_mode = "ansi"

        def render(self):
            return "drawn"

    assert GymToGymnasium(OldGym(), render_mode="rgb_array").render() == "rgb_array"
    assert GymToGymnasium(OldGym()).render() == "human"
    env = GymToGymnasium(NewRender())
    assert (env.render(), env.render_mode) == ("drawn", "ansi")


def test_gym__metadata_gets_todays_names():
    """Render modes and frame rate are found under the new keys."""
    metadata = GymToGymnasium(OldGym()).metadata

    assert (metadata["render_modes"], metadata["render_fps"]) == (["rgb_array"], 25)


def test_gym__attributes_and_close_are_those_of_the_environment():
    """What the wrapper doesn't have comes from inside; close closes, where there is a close."""
    old = OldGym()
    env = GymToGymnasium(old)
    env.close()

    assert (env.secret, old.count) == (42, -1)
    with pytest.raises(AttributeError):
        env.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        env._private  # noqa: B018

    class NoClose:
        observation_space, action_space = BOX, DISCRETE

        def reset(self):
            return np.zeros(2, np.float32)

    GymToGymnasium(NoClose()).close()


def test_gym__other_step_results_are_an_error():
    """Three values are nobody's API."""

    class Three(OldGym):
        def step(self, action):
            return 1, 2, 3

    env = GymToGymnasium(Three())
    env.reset()

    with pytest.raises(EmulationError, match=r"step\(\) gave 3 values"):
        env.step(0)


def test_gym__split_done_can_be_overridden():
    """Environments with their own mark of a cut get it read by a subclass."""

    class Discounted(GymToGymnasium):
        def split_done(self, done, info):
            return False, done

    env = Discounted(OldGym())
    env.reset()
    steps = [env.step(0)[2:4] for _ in range(3)]

    assert steps[-1] == (False, True)


def test_gym__works_in_emulation_and_a_pool():
    """A creator of a wrapped old environment is all that a pool needs."""
    env = GymnasiumPufferEnv(env=GymToGymnasium(OldGym()))
    assert env.reset(seed=1)[0].shape == (2,)

    with pufferlib.vector.make(lambda: GymToGymnasium(OldGym()), num_envs=2) as envs:
        envs.reset(seed=0)
        ends = [envs.step([0, 1])[2].tolist() for _ in range(4)]
    assert ends == [[False, False], [False, False], [True, True], [False, False]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BOX, gymnasium.spaces.Box(0, 1, (2,), np.float32)),
        (DISCRETE, gymnasium.spaces.Discrete(3)),
        (old_space("Discrete", n=3, start=2), gymnasium.spaces.Discrete(3, start=2)),
        (old_space("MultiDiscrete", nvec=np.array([2, 3])), gymnasium.spaces.MultiDiscrete([2, 3])),
        (old_space("MultiBinary", n=4), gymnasium.spaces.MultiBinary(4)),
        (old_space("MultiBinary", n=(2, 3)), gymnasium.spaces.MultiBinary([2, 3])),
        (old_space("Dict", spaces={"a": DISCRETE}), gymnasium.spaces.Dict(a=gymnasium.spaces.Discrete(3))),
        (old_space("Tuple", spaces=(DISCRETE,)), gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(3)])),
        (gymnasium.spaces.Text(3), gymnasium.spaces.Text(3)),
    ],
)
def test_gym__spaces_become_gymnasiums(old, new):
    """Every space of gym has its counterpart."""
    assert to_gymnasium_space(old, "space") == new


def test_gym__unknown_spaces_are_an_error():
    """The error names the leaf."""
    with pytest.raises(UnsupportedSpace, match=r"space\['a'\].*Graph has no counterpart"):
        to_gymnasium_space(old_space("Dict", spaces={"a": old_space("Graph")}), "space")


class OldParallel(ParallelEnv):
    """A parallel environment from before truncations: four dicts, `dones` with `__all__`, a bare observation dict."""

    metadata = {"name": "old", "render_modes": []}
    render_mode = None

    def __init__(self):
        """Has two agents, of which the first ends early."""
        self.possible_agents = ["a", "b"]
        self.agents = []
        self.seeded = None

    def observation_space(self, agent):
        """A count."""
        return self._observation_space

    def action_space(self, agent):
        """Two choices."""
        return self._action_space

    _observation_space = gymnasium.spaces.Box(0, 10, (1,), np.float32)
    _action_space = gymnasium.spaces.Discrete(2)

    def seed(self, seed):
        """Seeds, as it was done."""
        self.seeded = seed

    def reset(self):
        """Gives observations only."""
        self.count = 0
        self.agents = ["a", "b"]
        return self._observe()

    def step(self, actions):
        """Ends "a" in step 2 by death, "b" in step 3 by the clock."""
        self.count += 1
        acted = [agent for agent in ("a", "b") if agent in actions]
        dones = {agent: self.count == {"a": 2, "b": 3}[agent] for agent in acted}
        infos = {"b": {"TimeLimit.truncated": True}} if dones.get("b") else {}
        return self._observe(acted), dict.fromkeys(acted, 1), {**dones, "__all__": self.count == 3}, infos

    def _observe(self, agents=("a", "b")):
        return {agent: np.full(1, self.count, np.float32) for agent in agents}


def test_truncated__old_dones_are_split():
    """`dones` become terminations, or truncations where the agent's info says so; `agents` loses who ended."""
    env = PettingZooTruncatedWrapper(OldParallel())
    observations, infos = env.reset(seed=5, options={"a": 1})
    assert (list(observations), infos, env.env.seeded) == (["a", "b"], {"a": {}, "b": {}}, 5)

    steps = []
    agents = []
    while env.agents:
        steps.append(env.step(dict.fromkeys(env.agents, 0)))
        agents.append(env.agents)

    assert [step[2] for step in steps] == [{"a": False, "b": False}, {"a": True, "b": False}, {"b": False}]
    assert [step[3] for step in steps] == [{"a": False, "b": False}, {"a": False, "b": False}, {"b": True}]
    assert [step[4] for step in steps] == [{"a": {}, "b": {}}, {"a": {}, "b": {}}, {"b": {"TimeLimit.truncated": True}}]
    assert agents == [["a", "b"], ["b"], []]


def test_truncated__conforms_to_pettingzoo():
    """The wrapped old environment passes PettingZoo's own test, emulated as well."""
    parallel_api_test(PettingZooTruncatedWrapper(OldParallel()), num_cycles=30)
    parallel_api_test(PettingZooPufferEnv(env=PettingZooTruncatedWrapper(OldParallel())), num_cycles=30)


def test_truncated__fills_in_what_is_missing():
    """Five dicts with gaps are completed: False, False and {}."""

    class Gaps(OldParallel):
        def reset(self, seed=None):
            return super().reset(), {}

        def step(self, actions):
            observations, rewards, _, _ = super().step(actions)
            return observations, rewards, {"a": self.count == 2}, None, None

    env = PettingZooTruncatedWrapper(Gaps())
    env.reset(seed=3)
    step = env.step({"a": 0, "b": 0})

    assert step[2:] == ({"a": False, "b": False}, {"a": False, "b": False}, {"a": {}, "b": {}})


def test_truncated__todays_environments_pass_through():
    """An environment that has the API already behaves as it did, agents that come late included."""
    plain, wrapped = Crowd(), PettingZooTruncatedWrapper(Crowd())
    assert plain.reset(seed=1)[1] == wrapped.reset(seed=1)[1]
    while plain.agents:
        assert wrapped.agents == plain.agents
        actions = dict.fromkeys(plain.agents, 2)
        assert plain.step(actions)[1:] == wrapped.step(actions)[1:]
    assert wrapped.agents == []


def test_truncated__works_in_a_pool():
    """The documented use: a pool of wrapped old environments."""

    def creator():
        return PettingZooPufferEnv(env=PettingZooTruncatedWrapper(OldParallel()))

    with pufferlib.vector.make(creator, num_envs=2) as envs:
        envs.reset()
        flags = []
        for _ in range(3):
            _, _, terminals, truncations, _ = envs.step(np.zeros(4, int))
            flags.append((terminals.tolist(), truncations.tolist()))

    assert flags == [
        ([False] * 4, [False] * 4),
        ([True, False, True, False], [False] * 4),
        ([False] * 4, [False, True, False, True]),
    ]


def test_gym__callables_without_a_signature_take_no_keywords():
    """A compiled reset that doesn't say what it takes is called without arguments."""

    class Compiled(OldGym):
        seed = None

        class reset:  # noqa: N801
            __signature__ = "none"

            def __new__(cls):
                return np.zeros(2, np.float32)

    assert GymToGymnasium(Compiled()).reset(seed=3)[1] == {}
