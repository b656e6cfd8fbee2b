"""What is special about Crafter: 22 achievements, a death or a time limit, and worlds that only the seed decides."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

import pufferlib.environments.crafter as adapter
from pufferlib.environments import _legacy
from pufferlib.environments.crafter import environment
from pufferlib.exceptions import ConfigError, UnknownEnvironment

# In this world, with these random actions, Crafter itself goes another way after 15 to 200 steps.
PLAY = """
import hashlib, sys
import numpy as np
import pufferlib.environments.crafter as adapter
ballast = [object() for _ in range(int(sys.argv[1]))]
env = adapter.make(area=(36, 36))
digest = hashlib.blake2b(env.reset(seed=4)[0])
rng = np.random.default_rng(0)
for _ in range(600):
    observation, reward, terminated, truncated, info = env.step(int(rng.integers(17)))
    digest.update(observation)
    digest.update(str((reward, terminated, info["inventory"])).encode())
    if terminated or truncated:
        digest.update(env.reset()[0])
print(digest.hexdigest())
"""


def play(env: Any, num_steps: int, seed: int = 4) -> str:
    """Hashes the observations of a game with random actions."""
    digest = hashlib.blake2b(env.reset(seed=seed)[0])
    rng = np.random.default_rng(0)
    for _ in range(num_steps):
        observation, _, terminated, truncated, _ = env.step(int(rng.integers(17)))
        digest.update(observation)
        if terminated or truncated:
            digest.update(env.reset()[0])
    return digest.hexdigest()


def test_names__are_both_of_crafters_ids():
    """The environment with rewards and the one without, as Crafter registers them."""
    assert adapter.names() == ["CrafterNoReward-v1", "CrafterReward-v1"]


def test_import__leaves_no_gym_and_no_registrations():
    """Crafter finds a gym to import, and neither it nor ids that Gymnasium couldn't make are left."""
    adapter.make(area=24).close()

    assert "gym" not in sys.modules
    assert not [name for name in gymnasium.registry if name.startswith("Crafter")]


def test_seed__gives_the_same_game_in_every_process():
    """Two processes whose objects lie elsewhere in memory, with other hash seeds, play the same 600 steps."""
    digests = set()
    for ballast, hash_seed in (("0", "1"), ("12345", "2")):
        command = [sys.executable, "-c", PLAY, ballast]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=100, env={**os.environ, "PYTHONHASHSEED": hash_seed}
        )
        assert (done.returncode, done.stderr) == (0, "")
        digests.add(done.stdout)

    assert len(digests) == 1


def test_worlds__visit_creatures_in_order_of_arrival():
    """Crafter keeps the creatures of a chunk in a set, ordered by address; ours are in the order of their birth."""
    env = adapter.make(area=(36, 36))
    env.reset(seed=0)
    chunks = env.env.env._game._world.chunks

    assert sum(map(len, chunks.values())) > 5
    for creatures in chunks.values():
        assert isinstance(creatures, environment._InOrder)
        assert not isinstance(creatures, set)


def test_reset__goes_on_to_other_worlds():
    """Without a seed each reset gives another world, and the same seed gives the same row of worlds."""
    env = adapter.make(area=(24, 24))
    rows = []
    for _ in range(2):
        rows.append([env.reset(seed=1)[0], env.reset()[0], env.reset()[0]])

    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0][0], rows[0][1])
    assert not np.array_equal(rows[0][1], rows[0][2])


def test_make__unseeded_environments_differ_and_leave_numpys_generator_alone():
    """Without any seed, two environments are different, and NumPy's global generator isn't drawn from."""
    state = np.random.get_state()[1].copy()
    first, second = adapter.make(area=(24, 24)), adapter.make(area=(24, 24))
    observations = [first.reset()[0], second.reset()[0]]

    assert not np.array_equal(*observations)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_step__changes_nothing_about_the_game():
    """Pixels, rewards and infos are those of Crafter itself, up to the first choice among creatures."""
    with _legacy.gym_alias():
        import crafter
    ours = adapter.make(semantic=True)
    first, _ = ours.reset(seed=3)
    theirs = crafter.Env(seed=ours.env.env._game._seed)
    np.testing.assert_array_equal(first, theirs.reset(), strict=True)
    for action in np.random.default_rng(0).integers(17, size=9):
        got, expected = ours.step(int(action)), theirs.step(int(action))
        np.testing.assert_array_equal(got[0], expected[0], strict=True)
        assert got[1] == expected[1]
        assert got[4].keys() == expected[3].keys()
        np.testing.assert_array_equal(got[4]["semantic"], expected[3]["semantic"], strict=True)


def test_step__time_limit_is_a_truncation():
    """An episode that `length` ends is cut, not dead, and its statistics say how long it was."""
    env = adapter.make(length=5, area=(24, 24))
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(5)]

    assert [step[2] for step in steps] == [False] * 5
    assert [step[3] for step in steps] == [False] * 4 + [True]
    assert steps[-1][4]["episode"]["l"] == 5


def test_step__death_is_a_termination():
    """A player without health is dead: the episode terminates, and its last reward is for the lost health."""
    env = adapter.make(area=(24, 24))
    env.reset(seed=0)
    env.env.env._game._player.health = 0
    _, reward, terminated, truncated, info = env.step(0)

    assert (terminated, truncated) == (True, False)
    assert reward == pytest.approx(-0.9)
    assert info["discount"] == 0


def test_infos__count_the_achievements_at_the_end():
    """The last step tells for each of the 22 achievements whether it was unlocked, and how many were."""
    env = adapter.make(length=3, area=(24, 24))
    env.reset(seed=0)
    env.step(0)
    env.env.env._game._player.achievements.update(collect_wood=4, wake_up=1)
    assert "achievements_unlocked" not in env.step(0)[4]
    info = env.step(0)[4]

    flags = {name: value for name, value in info.items() if name.startswith("achievement_")}
    assert len(flags) == environment.NUM_ACHIEVEMENTS
    assert {name for name, value in flags.items() if value} == {"achievement_collect_wood", "achievement_wake_up"}
    assert info["achievements_unlocked"] == 2
    assert info["achievements"]["collect_wood"] == 4


def test_no_reward__rewards_are_zero_and_the_real_ones_in_the_infos():
    """Without rewards the game is the same, and says what the reward would have been."""
    plain, silent = adapter.make(area=(24, 24)), adapter.make("CrafterNoReward-v1", area=(24, 24))
    for env in (plain, silent):
        env.reset(seed=5)
        env.env.env._game._player.achievements["collect_wood"] = 1

    assert plain.step(0)[1] == plain.step(0)[4]["reward"] + 1 == 1
    _, reward, _, _, info = silent.step(0)
    assert (reward, info["reward"]) == (0.0, 1.0)


def test_render__leaves_the_game_as_it_is():
    """By night a frame holds noise; drawing it doesn't take numbers away from the creatures."""
    seen = adapter.make(render_mode="rgb_array", area=(24, 24))
    unseen = adapter.make(area=(24, 24))
    for env in (seen, unseen):
        env.reset(seed=2)
        env.env.env._game._step = 250  # dark
    for _ in range(20):
        assert seen.render().shape == (576, 576, 3)
        np.testing.assert_array_equal(seen.step(1)[0], unseen.step(1)[0])
    assert unseen.render() is None


@pytest.mark.parametrize(
    ("size", "shape"), [(64, (64, 64, 3)), ((90, 54), (54, 90, 3)), ([54, 90], (90, 54, 3))], ids=str
)
def test_size__is_width_and_height(size, shape):
    """Observations have rows first: the height, then the width."""
    env = adapter.make(size=size, area=24)

    assert env.reset(seed=0)[0].shape == env.single_observation_space.shape == shape


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sise": 64}, "Did you mean size"),
        ({"size": 0}, "size: it can't be 0"),
        ({"size": 9}, "too few pixels"),
        ({"view": (9, 2)}, "Give 3 or more"),
        ({"area": "big"}, "area: it can't be 'big'"),
        ({"length": 0}, "length: it can't be 0"),
        ({"semantic": 1}, "semantic: it can't be 1"),
        ({"render_mode": "human"}, "render_mode: it can't be 'human'"),
    ],
    ids=str,
)
def test_make__refuses_wrong_options(options, words):
    """The message names the option, its value, and what to write instead."""
    with pytest.raises(ConfigError) as raised:
        adapter.make(**options)

    assert words in str(raised.value)


def test_make__unknown_name_gets_the_nearest():
    """A slip in the name is answered with the names that exist."""
    with pytest.raises(UnknownEnvironment, match="Did you mean CrafterReward-v1"):
        adapter.make("CrafterRewards-v1")
