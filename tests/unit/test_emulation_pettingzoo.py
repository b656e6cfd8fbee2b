"""PettingZooPufferEnv: slots for agents that come and go."""

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec

from emulation_envs import Village
from pufferlib.emulation import Buffers, PettingZooPufferEnv, emulate
from pufferlib.exceptions import ActionMismatch, EmulationError


def attached() -> tuple[PettingZooPufferEnv, Buffers]:
    """A village and its buffers, filled with rubbish."""
    env = emulate(Village())
    buffers = Buffers.allocate(env.num_slots, env.single_observation_space)
    buffers.observations.fill(77)
    env.attach(buffers)
    return env, buffers


def views(env: PettingZooPufferEnv, rows: np.ndarray) -> list[tuple[int, float]]:
    """(who, when) of each row."""
    view = env.emulated.observation.view(rows)
    return list(zip(view["who"].tolist(), view["when"][:, 0].tolist(), strict=True))


def test_step_into__keeps_a_slot_for_every_agent():
    """Rows follow the script of the village: present, dead, late, vanished and cut-off agents."""
    env, buffers = attached()
    actions = np.zeros((4, 2), np.int64)
    log = []

    env.reset_into(seed=0)
    log.append((buffers.mask.tolist(), views(env, buffers.observations)))
    for _ in range(6):
        env.step_into(actions)
        log.append((buffers.mask.tolist(), views(env, buffers.observations)))
        if env.num_steps == 2:
            assert buffers.terminals.tolist() == [False, True, False, False]
            assert views(env, buffers.final_observations)[1] == (1, 2.0)
            assert buffers.rewards.tolist() == [0.2, 1.2, 0.0, 3.2]

    there, gone = True, False
    assert log == [
        ([there, there, gone, there], [(0, 0), (1, 0), (0, 0), (3, 0)]),
        ([there, there, gone, there], [(0, 1), (1, 1), (0, 0), (3, 1)]),
        ([there, there, gone, there], [(0, 2), (1, 2), (0, 0), (3, 2)]),  # agent 1 dies: its last observation
        ([there, gone, there, there], [(0, 3), (0, 0), (2, 3), (3, 3)]),  # agent 2 comes
        ([there, gone, there, there], [(0, 4), (0, 0), (2, 4), (3, 3)]),  # agent 3 vanishes: its last observation
        ([there, gone, there, gone], [(0, 5), (0, 0), (2, 5), (0, 0)]),
        ([there, gone, there, gone], [(0, 6), (0, 0), (2, 6), (0, 0)]),
    ]
    assert env.episode_over and buffers.truncations.tolist() == [True, False, True, False]
    assert views(env, buffers.final_observations)[0] == (0, 6.0)


def test_step_into__vanished_agents_are_truncated():
    """An agent that goes without a word ends its episode by truncation, with its last observation kept."""
    env, buffers = attached()
    env.reset_into()
    for _ in range(4):
        env.step_into(np.zeros((4, 2), np.int64))

    assert buffers.truncations.tolist() == [False, False, False, True]
    assert views(env, buffers.final_observations)[3] == (3, 3.0)


def test_step_into__passes_only_live_agents_actions():
    """The environment sees original actions of live agents; rows of absent ones are ignored."""
    env, _ = attached()
    env.reset_into()
    actions = np.array([[1, 2], [0, 1], [9, 9], [1, 0]])

    env.step_into(actions)

    assert env.last_actions == {0: (1, 3), 1: (0, 2), 3: (1, 1)}


def test_step__speaks_of_live_agents_only():
    """The PettingZoo side never pads: dicts hold the agents that are there."""
    env = emulate(Village())
    observations, infos = env.reset()
    assert list(observations) == list(infos) == env.agents == [0, 1, 3]

    results = [env.step({agent: [0, 0] for agent in env.agents}) for _ in range(3)]

    assert [list(result[0]) for result in results] == [[0, 1, 3], [0, 1, 3], [0, 3, 2]]
    assert results[2][3] == {0: False, 3: False, 2: False}
    assert env.agents == [0, 3, 2] and env.num_agents == 3 and env.max_num_agents == 4


def test_step__wants_an_action_of_every_live_agent():
    """Missing actions, and actions of agents that aren't there, raise with both lists."""
    env = emulate(Village())
    env.reset()

    for actions in ({0: [0, 0]}, {agent: [0, 0] for agent in range(4)}):
        with pytest.raises(ActionMismatch, match=r"live agents \[0, 1, 3\]"):
            env.step(actions)


def test_step_into__after_the_end_wants_a_reset():
    """Stepping an ended episode is an error that says so."""
    env, _ = attached()
    env.reset_into()
    for _ in range(6):
        env.step_into(np.zeros((4, 2), np.int64))

    with pytest.raises(EmulationError, match="Reset it first"):
        env.step_into(np.zeros((4, 2), np.int64))


def test_spaces__are_one_object_an_agent():
    """Each agent's space is the same object every time and draws its own random numbers."""
    env = emulate(Village())

    assert env.action_space(0) is env.action_space(0)
    assert env.action_space(0) is not env.action_space(1)
    assert env.action_space(0) == env.single_action_space == spaces.MultiDiscrete([2, 3])


def test_aec__environments_are_converted():
    """An AEC environment comes out as a Parallel one."""
    env = emulate(parallel_to_aec(Village()))
    assert isinstance(env, PettingZooPufferEnv)

    from pettingzoo.classic import rps_v2

    rps = emulate(rps_v2.env())
    observations, _ = rps.reset(seed=1)
    assert len(observations) == 2


def test_wrapper__finds_attributes_of_the_wrapped_environment():
    """Attributes come through; private and missing ones raise AttributeError."""
    env = emulate(Village())

    assert env.last_actions == {} and env.driver_env is env and env.render_mode is None
    with pytest.raises(AttributeError):
        _ = env.missing


class Strangers(Village):
    """An agent appears that nobody announced."""

    def reset(self, seed=None, options=None):
        """Agent 8 is there."""
        observations, infos = super().reset(seed, options)
        self.agents = [0, 8]
        return {**observations, 8: self._observe(8)}, infos


class Silent(Village):
    """A live agent gets no observation."""

    def reset(self, seed=None, options=None):
        """Agent 1 is live but unseen."""
        observations, infos = super().reset(seed, options)
        del observations[1]
        return observations, infos


class Diverse(Village):
    """Agents with different spaces."""

    def action_space(self, agent):
        """One more choice for each."""
        return spaces.Discrete(2 + agent)


class Nobody(Village):
    """No possible agents."""

    def __init__(self):
        super().__init__()
        self.possible_agents = []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Strangers, "agent 8 isn't one of its possible_agents"),
        (Silent, "live agent 1 has no observation"),
        (Diverse, r"action_space of 0 is Discrete\(2\), but that of 1 is Discrete\(3\)"),
        (Nobody, "no possible_agents"),
    ],
)
def test_wrapper__names_what_the_environment_does_wrong(broken, message):
    """Broken multi-agent environments raise errors with the agent and the remedy."""
    with pytest.raises(EmulationError, match=message):
        emulate(broken()).reset()


def test_wrapper__refuses_gymnasium_environments():
    """The wrong wrapper says which is the right one."""
    with pytest.raises(EmulationError, match="GymnasiumPufferEnv"):
        PettingZooPufferEnv(env=object())


class Shift(Village):
    """Agent 2 comes in the very step in which agent 3 vanishes."""

    def step(self, actions):
        """Lets one go and another one in."""
        observations, rewards, terminals, truncations, infos = super().step(actions)
        if self.num_steps == 1:
            names = self.possible_agents
            self.agents = names[:3]
            observations[names[2]] = observations.pop(names[3])
            for values in (rewards, terminals, truncations):
                values.pop(names[3], None)
        return observations, rewards, terminals, truncations, infos


def test_step_into__an_agent_may_come_while_another_vanishes():
    """The row of the one who comes is written in the same step."""
    env = emulate(Shift())
    buffers = Buffers.allocate(env.num_slots, env.single_observation_space)
    env.attach(buffers)
    env.reset_into(seed=0)
    env.step_into(np.zeros((4, 2), np.int64))

    assert buffers.mask.tolist()[:3] == [True, True, True]
    assert views(env, buffers.observations)[2] == (3, 1.0)
