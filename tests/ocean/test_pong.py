"""Pong: its dynamics to the last bit, its two sides, and how strong the script is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pufferlib.ocean
import pufferlib.vector
from ocean.lockstep import compare
from ocean.pong_model import PongModel
from pufferlib.exceptions import ConfigError

DEFAULTS = {"players": 1, "points": 5, "max_steps": 3000, "strength": 0.5}
STAY, UP, DOWN = 0, 1, 2


def follow(seen: np.ndarray, aim: float = 0.0) -> np.ndarray:
    """Goes where the ball is, so as to strike it with that part of the paddle (-1 to 1); for rows (A, 9)."""
    off = seen[:, 1] - aim * 4.5 / 22 - seen[:, 5]
    return np.where(off < -0.05, UP, np.where(off > 0.05, DOWN, STAY))


def record(options: dict, seed: int, num_steps: int) -> list[list[int]]:
    """The actions of players that follow the ball, but for one in eight, which are random."""
    random = np.random.default_rng(seed)
    with pufferlib.vector.make(pufferlib.ocean.env_creator("pong"), num_envs=1, env_kwargs=options) as pool:
        seen, _ = pool.reset(seed=seed)
        actions = []
        for _ in range(num_steps):
            good = random.random(len(seen)) < 0.875
            chosen = np.where(good, follow(seen, random.uniform(-1, 1)), random.integers(3, size=len(seen)))
            actions.append(chosen.tolist())
            seen = pool.step(chosen)[0]
    return actions


def play(strength: float, policy, num_episodes: int = 40) -> float:
    """Mean return of so many games, side by side."""
    options = {"strength": strength}
    with pufferlib.vector.make(pufferlib.ocean.env_creator("pong"), num_envs=num_episodes, env_kwargs=options) as pool:
        seen, _ = pool.reset(seed=7)
        returns: dict[int, float] = {}
        while len(returns) < num_episodes:
            seen, _, _, _, infos = pool.step(policy(seen))
            for i in range(num_episodes):
                if "episode" in infos[i]:
                    returns.setdefault(i, infos[i]["episode"]["r"])
    return float(np.mean(list(returns.values())))


@pytest.mark.timeout(120)
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_pong__plays_like_the_slow_model(data):
    """Observations, rewards, ends and numbers are those of a model with objects, for any config and any actions."""
    options = {
        "players": data.draw(st.integers(1, 2)),
        "points": data.draw(st.integers(1, 99)),
        "max_steps": data.draw(st.integers(1, 300)),
        "strength": data.draw(st.floats(0, 2)),
    }
    choice = st.sampled_from([0, 1, 2, 1, 2, 7, -1, 2**40])
    row = st.lists(choice, min_size=options["players"], max_size=options["players"])
    actions, seed = data.draw(st.lists(row, max_size=200)), data.draw(st.integers(0, 2**31))

    compare("pong", options, PongModel(seed, **options), seed, actions)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("changes", [{}, {"players": 2}, {"strength": 1.0, "points": 2}])
def test_pong__good_players_play_like_the_slow_model(changes):
    """Long rallies, in which the ball gets fast, agree to the last bit too."""
    options = DEFAULTS | changes

    assert compare("pong", options, PongModel(3, **options), 3, record(options, 3, 6000)) >= 2


def test_pong__two_agents_see_mirrored_courts_and_share_the_points():
    """Each sees itself on the right; what one gains the other loses; both end together, one of them the winner."""
    random = np.random.default_rng(0)
    options = {"players": 2, "points": 2}
    with pufferlib.vector.make(pufferlib.ocean.env_creator("pong"), num_envs=1, env_kwargs=options) as pool:
        seen, _ = pool.reset(seed=1)
        total = np.zeros(2)
        while True:
            np.testing.assert_array_equal(seen[0, [0, 2, 7]], -seen[1, [0, 2, 7]])
            np.testing.assert_array_equal(seen[0, [1, 3, 4, 8]], seen[1, [1, 3, 4, 8]])
            np.testing.assert_array_equal(seen[0, [5, 6]], seen[1, [6, 5]])
            seen, rewards, terminals, _, infos = pool.step(random.integers(3, size=2))
            total += rewards
            if terminals.any():
                break

    assert terminals.all()
    assert sorted(np.abs(total)) == [abs(total[0])] * 2
    assert total.sum() == 0
    assert sorted(infos[0][f"agent_{i}"]["won"] for i in range(2)) == [0, 1]


def test_pong__the_script_gets_stronger_with_its_strength():
    """Nothing beats a script that can't move; a follower beats a slow one and not a fast one; random actions lose."""
    random = np.random.default_rng(0)

    assert play(0.0, follow) > 3.5
    assert play(0.5, follow) > 0.5 > play(1.0, follow) > -1
    assert play(0.5, lambda seen: random.integers(3, size=len(seen))) < -4


def test_pong__frames_show_both_scores():
    """Either side's digit changes when it makes a point."""
    env = pufferlib.ocean.make("pong")
    env.reset(seed=3)
    before, reward = env.draw(), 0.0
    while not reward:
        _, reward, *_ = env.step(UP)
    after = env.draw()

    assert before.shape == (52, 80, 3)
    left, right = (slice(1, 6), slice(18, 21)), (slice(1, 6), slice(58, 61))
    changed = left if reward < 0 else right
    assert (before[changed] != after[changed]).any()
    other = right if reward < 0 else left
    assert (before[other] == after[other]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"players": 3}, "players.*3.*1 to 2"),
        ({"points": 0}, "points.*0.*1 to 99"),
        ({"strength": -0.5}, "strength.*-0.5.*0 to 2"),
        ({"max_steps": 0}, "max_steps.*0"),
    ],
)
def test_pong__refuses_games_that_nobody_could_play(options, message):
    """The error names the option, its value and what is possible."""
    with pytest.raises(ConfigError, match=message):
        pufferlib.ocean.make("pong", **options)
