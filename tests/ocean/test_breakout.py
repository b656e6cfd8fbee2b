"""Breakout: its dynamics to the last bit, and what its data sheet promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pufferlib.ocean
import pufferlib.vector
from ocean.breakout_model import BreakoutModel
from ocean.lockstep import compare
from pufferlib.exceptions import ConfigError

DEFAULTS = {"rows": 6, "lives": 3, "paddle_width": 10, "max_steps": 5000, "ball_speed": 1.5}
STAY, LEFT, RIGHT = 0, 1, 2


def follow(observation: np.ndarray) -> int:
    """Goes where the ball is."""
    off = observation[0] - observation[4]
    return LEFT if off < -0.05 else RIGHT if off > 0.05 else STAY


def record(options: dict, seed: int, num_steps: int) -> list[list[int]]:
    """The actions of a player that follows the ball, but for one in eight, which are random."""
    random = np.random.default_rng(seed)
    with pufferlib.vector.make(pufferlib.ocean.env_creator("breakout"), num_envs=1, env_kwargs=options) as pool:
        seen, _ = pool.reset(seed=seed)
        actions = []
        for _ in range(num_steps):
            actions.append([follow(seen[0]) if random.random() < 0.875 else int(random.integers(3))])
            seen = pool.step(np.array(actions[-1]))[0]
    return actions


@pytest.mark.timeout(120)
@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "rows": st.integers(1, 8),
            "lives": st.integers(1, 9),
            "paddle_width": st.integers(2, 36),
            "max_steps": st.integers(1, 300),
            "ball_speed": st.floats(0.1, 2),
        }
    ),
    st.integers(0, 2**31),
    st.lists(st.sampled_from([0, 1, 2, 2, 1, 7, -1, 2**40]), max_size=200),
)
def test_breakout__plays_like_the_slow_model(options, seed, actions):
    """Observations, rewards, ends and numbers are those of a model with sets, for any config and any actions."""
    compare("breakout", options, BreakoutModel(seed, **options), seed, [[action] for action in actions])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("changes", [{}, {"rows": 1, "paddle_width": 30}, {"rows": 8, "ball_speed": 2.0, "lives": 1}])
def test_breakout__good_players_play_like_the_slow_model(changes):
    """Long games, in which the ball gets fast and high, agree to the last bit too."""
    options = DEFAULTS | changes

    assert compare("breakout", options, BreakoutModel(3, **options), 3, record(options, 3, 6000)) >= 2


def test_breakout__a_cleared_wall_ends_the_game():
    """Whoever breaks all bricks gets one reward for each, a terminal, and the number `cleared`."""
    options = {"rows": 1, "paddle_width": 36}
    with pufferlib.vector.make(pufferlib.ocean.env_creator("breakout"), num_envs=1, env_kwargs=options) as pool:
        seen, _ = pool.reset(seed=1)
        while True:
            seen, _, terminals, truncations, infos = pool.step(np.array([follow(seen[0])]))
            if terminals[0] or truncations[0]:
                break

    assert terminals[0]
    assert infos[0]["episode"]["r"] == 12
    assert infos[0]["cleared"] == 1


def test_breakout__doing_nothing_loses_every_ball():
    """Three balls are lost, each some steps after it was served, and the game is over: a terminal."""
    env = pufferlib.ocean.make("breakout", lives=3)
    seen, _ = env.reset(seed=4)
    lives, over, num_steps = [], False, 0
    while not over:
        env_seen, _, over, _, _ = env.step(STAY if abs(seen[0]) > 0.4 else LEFT)
        seen, num_steps = env_seen, num_steps + 1
        lives.append(round(float(seen[6]) * 3))

    assert sorted(set(lives), reverse=True) == [3, 2, 1, 0]
    assert num_steps < 500


def test_breakout__frames_show_the_score_and_the_bricks():
    """A broken brick's pixels turn dark, and the digits at the top left change."""
    env = pufferlib.ocean.make("breakout", paddle_width=36)
    seen, _ = env.reset(seed=2)
    before, reward = env.draw(), 0.0
    while not reward:
        seen, reward, *_ = env.step(follow(seen))
    after = env.draw()

    gone = int(np.flatnonzero(seen[8:] == 0)[0])
    row, column = 14 + 3 * (gone // 12), 2 + 6 * (gone % 12)
    assert before.shape == after.shape == (64, 76, 3)
    assert before[row + 1, column + 2].max() > 80
    assert after[row + 1, column + 2].max() < 40
    assert (before[1:6, 2:5] != after[1:6, 2:5]).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 9}, "rows.*9.*1 to 8"),
        ({"lives": 0}, "lives.*0.*1 to 9"),
        ({"paddle_width": 1}, "paddle_width.*1.*2 to 36"),
        ({"ball_speed": 3.0}, "ball_speed.*3.*0.1 to 2"),
        ({"ball_sped": 3.0}, "ball_sped.*ball_speed"),
    ],
)
def test_breakout__refuses_what_does_not_fit_the_court(options, message):
    """The error names the option, its value and what is possible."""
    with pytest.raises(ConfigError, match=message):
        pufferlib.ocean.make("breakout", **options)
