"""Environments with agents that die, are absent at the reset, or come later.

The timetable of `Crowd`: rows are early, late, whole, ghost.
"""

import numpy as np
import pytest

import pufferlib.vector
from pufferlib.exceptions import InvalidVectorOption
from pufferlib.wrappers import MeanOverAgents, MultiagentEpisodeStats
from vector_envs import BACKENDS, Crowd

pytestmark = pytest.mark.parametrize("backend", BACKENDS)
T, F = True, False


def roll(envs, num_steps, action=1):
    """Steps with one constant action and keeps copies of all that comes back, the first batch included."""
    batches = []
    for _ in range(num_steps):
        batch = envs.recv()
        batches.append((*(np.copy(part) for part in batch[:4]), batch.infos, batch.mask.copy()))
        envs.send(np.full(envs.agents_per_batch, action))
    return batches


def test_agents__slots_are_rows(backend):
    """N counts agent slots; environment e, slot a is row e*A + a."""
    with pufferlib.vector.make(Crowd, backend=backend, num_envs=4, batch_size=2) as envs:
        assert (envs.num_envs, envs.num_agents, envs.agents_per_batch) == (4, 16, 8)
        assert envs.observation_space.shape == (8, 3)
        envs.async_reset()
        seen = set()
        while len(seen) < 2:
            batch = envs.recv()
            envs.send(np.zeros(8, int))
            seen.add(tuple(batch.env_id.tolist()))

            assert len(batch.infos) == 2

    assert seen == {tuple(range(8)), tuple(range(8, 16))}


def test_agents__mask_says_who_acts(backend):
    """Absent agents and those that just ended have mask False; a same-step reset shows the new episode's agents."""
    with pufferlib.vector.make(Crowd, backend=backend) as envs:
        envs.async_reset()
        masks = [batch[5].tolist() for batch in roll(envs, 9)]

    assert masks == [
        [T, F, T, T],  # reset, even episode: the late one isn't there yet
        [T, T, T, F],  # the late one came, the ghost has ended
        [F, T, T, F],  # the early one has ended
        [F, T, T, F],
        [T, F, T, F],  # all have ended; reset, odd episode: no ghost
        [T, T, T, F],
        [F, T, T, F],
        [F, T, T, F],
        [T, F, T, T],
    ]


def test_agents__rewards_and_ends_stay_through_a_reset(backend):
    """The last step's rewards and flags belong to the old episode, its observations to the new one."""
    with pufferlib.vector.make(Crowd, backend=backend) as envs:
        envs.async_reset()
        batches = roll(envs, 5)

    assert [batch[1].tolist() for batch in batches] == [
        [0, 0, 0, 0], [1, 10, 21, 31], [1, 11, 21, 0], [0, 11, 21, 0], [0, 11, 21, 0],
    ]  # fmt: skip
    assert [batch[2].tolist() for batch in batches] == [
        [F, F, F, F], [F, F, F, T], [T, F, F, F], [F, F, F, F], [F, T, F, F],
    ]  # fmt: skip
    assert [batch[3].tolist() for batch in batches] == [[F, F, F, F]] * 4 + [[F, F, T, F]]
    assert batches[3][0].tolist() == [[0, 0, 0], [1, 0, 3], [2, 0, 3], [0, 0, 0]]
    assert batches[4][0].tolist() == [[0, 1, 0], [0, 0, 0], [2, 1, 0], [0, 0, 0]]


def test_agents__final_observations_of_each_end(backend):
    """Whoever ended in the batch has its last observation kept, mid-episode or at the reset."""
    with pufferlib.vector.make(Crowd, backend=backend) as envs:
        envs.reset()
        kept = []
        for _ in range(4):
            _, _, terminals, truncations, _ = envs.step([0, 0, 0, 0])
            ended = terminals | truncations
            kept.append(envs.final_observations[ended].tolist())

    assert kept == [[[3, 0, 1]], [[0, 0, 2]], [], [[1, 0, 4], [2, 0, 4]]]


def test_agents__only_living_ones_act(backend):
    """The environment gets actions of living agents only, whatever is sent for the others."""

    class Telling(Crowd):
        def step(self, actions):
            *rest, infos = super().step(actions)
            infos["whole"]["received"] = actions
            return *rest, infos

    with pufferlib.vector.make(Telling, backend=backend, infos="all") as envs:
        envs.reset()
        received = [envs.step([1, 2, 3, 4])[4][0]["whole"]["received"] for _ in range(4)]

    assert received == [
        {"early": 1, "whole": 3, "ghost": 4},
        {"early": 1, "whole": 3, "late": 2},
        {"whole": 3, "late": 2},
        {"whole": 3, "late": 2},
    ]


def test_agents__next_step_resets_when_all_have_ended(backend):
    """The step after the last agent's end resets: zero rewards, no flags, new masks."""
    with pufferlib.vector.make(Crowd, backend=backend, autoreset="next_step") as envs:
        envs.async_reset()
        batches = roll(envs, 7)

    assert batches[4][5].tolist() == [F, F, F, F]
    assert batches[4][0].tolist() == [[0, 0, 0], [1, 0, 4], [2, 0, 4], [0, 0, 0]]
    assert batches[5][0].tolist() == [[0, 1, 0], [0, 0, 0], [2, 1, 0], [0, 0, 0]]
    assert batches[5][1].tolist() == [0] * 4
    assert batches[5][2].tolist() == batches[5][3].tolist() == [F] * 4
    assert batches[5][5].tolist() == [T, F, T, F]
    assert batches[6][5].tolist() == [T, T, T, F]


def test_agents__infos_come_when_any_agent_ends(backend):
    """By default a step in which some agent ended brings the infos by agent; empty ones are left out."""
    with pufferlib.vector.make(Crowd, backend=backend) as envs:
        envs.async_reset()
        infos = [batch[4][0] for batch in roll(envs, 5)]

    assert infos[0] == infos[3] == {}
    assert [infos[i][agent] for i, agent in ((1, "ghost"), (2, "early"), (4, "late"))] == [
        {"last": 1}, {"last": 2}, {"last": 4},
    ]  # fmt: skip


def test_agents__episode_stats_reach_the_infos(backend):
    """Returns and lengths of every agent arrive in the batch in which it ended."""
    with pufferlib.vector.make(lambda: MultiagentEpisodeStats(Crowd()), backend=backend) as envs:
        envs.async_reset()
        infos = [batch[4][0] for batch in roll(envs, 5)]

    assert infos[1]["ghost"]["episode"] == {"r": 31.0, "l": 1}
    assert infos[2]["early"] == {"episode": {"r": 2.0, "l": 2}, "last": 2}
    assert infos[4]["late"]["episode"] == {"r": 43.0, "l": 4}
    assert infos[4]["whole"]["episode"] == {"r": 84.0, "l": 4}


def test_agents__mean_over_agents_is_one_info(backend):
    """With MeanOverAgents a batch has one flat info an environment."""
    with pufferlib.vector.make(lambda: MeanOverAgents(MultiagentEpisodeStats(Crowd())), backend=backend) as envs:
        envs.async_reset()
        infos = [batch[4][0] for batch in roll(envs, 5)]

    assert infos[1] == {"episode": {"r": 31.0, "l": 1.0}, "last": 1.0}
    assert infos[3] == {}
    assert infos[4] == {"episode": {"r": 63.5, "l": 4.0}, "last": 4.0}


def test_agents__disabled_steps_until_the_last_has_ended(backend):
    """Single ends don't need a reset; the environment does when nobody is left."""
    with pufferlib.vector.make(Crowd, backend=backend, autoreset="disabled") as envs:
        envs.reset()
        for _ in range(4):
            envs.step(np.zeros(4, int))
        envs.reset(options={"reset_mask": np.array([True])})
        observations = envs.step(np.zeros(4, int))[0]

        assert observations.tolist() == [[0, 1, 1], [1, 1, 1], [2, 1, 1], [0, 0, 0]]


def test_agents__have_no_gymnasium_view(backend):
    """Gymnasium's interface has no words for agents that come and go."""
    with pufferlib.vector.make(Crowd, backend=backend) as envs:
        with pytest.raises(InvalidVectorOption, match="agents that come and go"):
            envs.as_gymnasium()
