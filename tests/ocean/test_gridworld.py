"""Gridworld: its dynamics to the last bit, mazes that can be solved, and numbers that tell the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pufferlib.vector
from ocean.gridworld_model import WAYS, GridworldModel, beside
from ocean.lockstep import compare
from pufferlib.exceptions import ConfigError
from pufferlib.ocean import env_creator


@st.composite
def options_of_mazes(draw):
    """Options of small mazes, with time enough."""
    size, door = draw(st.sampled_from([5, 7, 9, 13])), draw(st.booleans())
    enough = ((size - 1) ** 2 // 4 - 1) * 2 * (1 + door)
    return {
        "size": size,
        "radius": draw(st.integers(1, 4)),
        "loops": draw(st.integers(0, 12)),
        "door": door,
        "max_steps": enough + draw(st.integers(0, 10)),
    }


@pytest.mark.timeout(120)
@settings(max_examples=150, deadline=None)
@given(options_of_mazes(), st.integers(0, 2**31), st.lists(st.integers(-1, 6), max_size=80))
def test_gridworld__plays_like_the_slow_model(options, seed, actions):
    """Observations, rewards, ends and numbers are those of a model with a dict, for any config and actions."""
    compare("gridworld", options, GridworldModel(seed, **options), seed, [[action] for action in actions])


def shortest_way(model, start, goal):
    """Actions from a cell to another, along falling distances."""
    distances, actions = model.distances(goal), []
    while start != goal:
        action = next(a for a, way in WAYS.items() if distances.get(beside(start, way), 10**6) < distances[start])
        actions.append(action)
        start = beside(start, WAYS[action])
    return actions


@pytest.mark.timeout(120)
@settings(max_examples=80, deadline=None)
@given(options_of_mazes(), st.integers(0, 2**31))
def test_gridworld__the_shortest_way_has_efficiency_one(options, seed):
    """Who goes to the key and then to the goal, each by the shortest way, gets there with efficiency 1."""
    model = GridworldModel(seed, **options)
    model.reset()
    stops = [cell for cell, thing in model.things.items() if thing == "key"] + [model.goal]
    actions, place = [], model.agent
    for stop in stops:
        actions += shortest_way(model, place, stop)
        place = stop
    assert len(actions) == model.shortest <= options["max_steps"]

    with pufferlib.vector.make(env_creator("gridworld"), num_envs=1, env_kwargs=options) as pool:
        pool.reset(seed=seed)
        for action in actions[:-1]:
            _, _, terminals, truncations, _ = pool.step(np.array([action]))
            assert not terminals[0] and not truncations[0]
        _, rewards, terminals, _, infos = pool.step(np.array([actions[-1]]))

    assert terminals[0] and rewards[0] == 1 - 1 / options["max_steps"]
    assert infos[0]["reached"] == infos[0]["efficiency"] == 1
    assert infos[0]["episode"]["r"] == pytest.approx(1 - len(actions) / options["max_steps"])


@pytest.mark.timeout(60)
def test_gridworld__a_maze_without_loops_is_a_tree():
    """Every room can be reached, in one way only: there is one wall fewer open than there are rooms."""
    for seed in range(50):
        model = GridworldModel(seed, size=13, max_steps=100)
        model.reset()

        assert len(model.things) == 36 + 35
        assert len(model.distances(model.agent)) == len(model.things)
        assert model.is_dead_end(model.goal) and model.goal != model.agent


def test_gridworld__a_door_stops_who_has_no_key():
    """Without the key the door is a wall; with it, it opens. The key is seen in the agent's own cell from then on."""
    options = {"size": 7, "door": True, "radius": 3, "max_steps": 100}
    seed = next(seed for seed in range(100) if key_is_off_the_way(options, seed))
    model = GridworldModel(seed, **options)
    model.reset()
    to_goal = shortest_way(model, model.agent, model.goal)
    key = next(cell for cell, thing in model.things.items() if thing == "key")
    middle = options["radius"]

    with pufferlib.vector.make(env_creator("gridworld"), num_envs=1, env_kwargs=options) as pool:
        pool.reset(seed=seed)
        for action in to_goal:
            seen, _, terminals, _, _ = pool.step(np.array([action]))
        assert not terminals[0] and not seen[0, 2, middle, middle] and seen[0, 3].sum() == 1
        # The last move but one bumped into the door, the last one had nowhere to go: the agent stands before the door.
        place = next(cell for cell in model.things if model.distances(model.goal)[cell] == 2)
        for action in shortest_way(model, place, key):
            seen, *_ = pool.step(np.array([action]))
        assert seen[0, 2, middle, middle] == 1
        for action in shortest_way(model, key, model.goal):
            seen, _, terminals, _, _ = pool.step(np.array([action]))
        assert terminals[0]


def key_is_off_the_way(options, seed):
    """Whether the way to the goal doesn't pass the key, and runs straight through the door."""
    model = GridworldModel(seed, **options)
    model.reset()
    place = model.agent
    actions = shortest_way(model, place, model.goal)
    for action in actions:
        place = beside(place, WAYS[action])
        if model.things[place] == "key":
            return False
    return actions[-1] == actions[-2]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"size": 8}, r"size.*8.*odd number from 5 to 95"),
        ({"size": 97}, r"size.*97"),
        ({"radius": 0}, r"radius"),
        ({"loops": -1}, r"loops"),
        ({"size": 23}, r"max_steps.*200.*size 23.*240"),
        ({"size": 11, "door": True, "max_steps": 95}, r"max_steps.*95.*take 96"),
    ],
)
def test_gridworld__refuses_mazes_that_cannot_be(options, match):
    """Bad options raise an error that names them and what is possible."""
    with pytest.raises(ConfigError, match=match):
        env_creator("gridworld")(**options)


@pytest.mark.parametrize("size", [5, 11, 25, 51, 95])
def test_gridworld__draws_the_view_brighter_than_the_rest(size):
    """The picture holds the agent's colour, walls in the light and walls in the dark."""
    env = env_creator("gridworld")(size=size, radius=1, max_steps=10_000, render_mode="rgb_array")
    env.reset(seed=0)
    colours = {tuple(pixel) for pixel in env.draw().reshape(-1, 3)}

    assert {(94, 196, 255), (146, 152, 168), (58, 60, 67)} < colours
    assert env.render().shape[0] >= 256
