"""Snake: its dynamics to the last bit, and what its options promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pufferlib.vector
from ocean.lockstep import compare
from ocean.snake_model import SnakeModel
from pufferlib.exceptions import ConfigError
from pufferlib.ocean import env_creator


@st.composite
def games(draw):
    """A config, a seed and the actions of some dozen steps; straight on is likely, so that snakes live long enough."""
    size = draw(st.integers(4, 9))
    num_snakes = draw(st.integers(1, min(5, size**2 // 2)))
    options = {
        "size": size,
        "num_snakes": num_snakes,
        "food": draw(st.integers(0, size**2 // 2 - num_snakes)),
        "radius": draw(st.integers(1, 4)),
        "max_steps": draw(st.integers(1, 40)),
        "respawn": draw(st.booleans()),
    }
    choice = st.sampled_from([0, 0, 0, 1, 2, 7, -1])
    actions = draw(st.lists(st.lists(choice, min_size=num_snakes, max_size=num_snakes), max_size=60))
    return options, draw(st.integers(0, 2**31)), actions


@pytest.mark.timeout(120)
@settings(max_examples=150, deadline=None)
@given(games())
def test_snake__plays_like_the_slow_model(game):
    """Observations, rewards, ends, masks and numbers are those of a model with lists, for any config and actions."""
    options, seed, actions = game

    compare("snake", options, SnakeModel(seed, **options), seed, actions)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("respawn", [False, True])
def test_snake__long_snakes_play_like_the_slow_model(respawn):
    """Snakes that look for food and avoid what is deadly grow long, and still move as the model's do."""
    options = {"size": 8, "num_snakes": 3, "food": 20, "radius": 3, "max_steps": 150, "respawn": respawn}
    model = SnakeModel(5, **options)
    actions = greedy_actions(options, seed=5, num_steps=600)

    assert compare("snake", options, model, 5, actions) >= 8


def greedy_actions(options, seed, num_steps):
    """What snakes do that turn from a deadly cell right ahead, or else towards food right beside them."""
    chosen, longest = [], 0.0
    with pufferlib.vector.make(env_creator("snake"), num_envs=1, env_kwargs=options) as pool:
        seen, _ = pool.reset(seed=seed)
        for _ in range(num_steps):
            chosen.append([greedy(planes) for planes in seen])
            seen, _, _, _, infos = pool.step(np.array(chosen[-1]))
            longest = max([longest, *(info["length"] for info in infos[0].values())] if infos[0] else [longest])
    assert longest > 10
    return chosen


def greedy(planes):
    """The action of one snake that sees these planes."""
    middle = planes.shape[1] // 2
    cells = {0: (middle - 1, middle), 1: (middle, middle - 1), 2: (middle, middle + 1)}
    safe = [action for action, (row, column) in cells.items() if not planes[1:, row, column].any()]
    fed = [action for action in safe if planes[0][cells[action]]]
    return (fed or safe or [0])[0]


def make(**options):
    """A pool of one board."""
    return pufferlib.vector.make(env_creator("snake"), num_envs=1, env_kwargs=options)


def test_snake__dead_snakes_stay_away_without_respawn():
    """After its death a snake's row is masked and zero until the board is over; then everyone begins anew."""
    with make(size=6, num_snakes=2, food=3, max_steps=60, respawn=False) as pool:
        pool.async_reset(seed=3)
        pool.recv()
        gone, num_away = np.zeros(2, bool), 0
        for _ in range(60):
            pool.send(np.array([1, 0]))  # one turns in circles, the other runs into a wall
            seen, rewards, terminals, truncations, _, _, mask = pool.recv()
            away, gone = gone.copy(), gone | terminals | truncations
            if gone.all():
                break
            if away.any():
                assert not seen[away].any() and not rewards[away].any() and not mask[away].any()
                num_away += 1

    assert gone.all() and mask.all() and num_away > 30


def test_snake__dead_snakes_come_back_with_respawn():
    """A snake that died is masked for one step and then there again, as a new episode."""
    with make(size=6, num_snakes=2, food=3, respawn=True) as pool:
        pool.async_reset(seed=3)
        pool.recv()
        masks, ends = [], []
        for _ in range(100):
            pool.send(np.array([0, 0]))
            _, _, terminals, _, _, _, mask = pool.recv()
            ends.append(terminals.copy())
            masks.append(mask.copy())
    ended, alive = np.array(ends), np.array(masks)

    assert ended.sum() > 20
    np.testing.assert_array_equal(alive[:-1], ~ended[:-1])
    assert alive[1:][ended[:-1]].all()


def test_snake__all_that_live_are_cut_after_max_steps():
    """The last step of the board truncates who lives, and the next board begins."""
    with make(size=20, num_snakes=4, food=0, max_steps=3) as pool:
        pool.reset(seed=1)
        for _ in range(2):
            _, _, terminals, truncations, _ = pool.step(np.zeros(4, int))
            assert not truncations.any()
        _, _, terminals, truncations, infos = pool.step(np.zeros(4, int))

    assert (truncations ^ terminals).all() and truncations.any()
    assert all(info["episode"]["l"] <= 3 and info["length"] <= 3 for info in infos[0].values())


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"size": 3}, r"size.*3.*4 to 256"),
        ({"num_snakes": 0}, r"num_snakes.*0"),
        ({"size": 5, "num_snakes": 13}, r"too many for 5 x 5"),
        ({"size": 5, "num_snakes": 2, "food": 11}, r"food.*11.*0 to 10"),
        ({"radius": 17}, r"radius"),
        ({"max_steps": 0}, r"max_steps"),
    ],
)
def test_snake__refuses_boards_that_cannot_be(options, match):
    """Bad options raise an error that names them and what is possible."""
    with pytest.raises(ConfigError, match=match):
        env_creator("snake")(**options)


@pytest.mark.parametrize("size", [4, 20, 31, 47, 120])
def test_snake__draws_frames_of_the_promised_size(size):
    """Pixels show ground, walls, food and a snake, at any size of the board."""
    env = env_creator("snake")(size=size, num_snakes=2, food=2, render_mode="rgb_array")
    env.reset(seed=0)
    colours = {tuple(pixel) for pixel in env.draw().reshape(-1, 3)}

    assert {(22, 24, 30), (68, 72, 84), (255, 96, 88)} < colours
    assert env.render().shape[0] >= 256
