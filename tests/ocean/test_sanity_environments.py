"""The environments of the sanity suite do what their data sheets say, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pufferlib.ocean
import pufferlib.vector
from ocean.lockstep import compare
from ocean.sanity_models import MODELS
from pufferlib.exceptions import ConfigError
from pufferlib.ocean import env_creator

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in MODELS),
    ("absent", {"agents": 1, "steps": 1, "prize": 5.0}),
    ("absent", {"agents": 16, "steps": 3}),
    ("bandit", {"arms": 16}),
    ("continuous", {"tolerance": 0.3}),
    ("discount", {"wait": 1, "little": 1.1, "much": 9.0}),
    ("memory", {"symbols": 2, "min_steps": 2, "max_steps": 2}),
    ("mixed", {"tolerance": 0.5}),
    ("multiagent", {"agents": 16, "steps": 1}),
    ("password", {"length": 2}),
    ("seeds", {"worlds": 16}),
    ("spaces", {"steps": 3}),
    ("stochastic", {"share": 0.2, "steps": 7}),
    ("truncation", {"limit": 5, "pay_off": 1.5}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=lambda value: str(value).replace(" ", ""))
def test_environment__plays_like_the_slow_model(name: str, options: dict[str, Any]):
    """Observations, rewards, both flags, masks, scores and last observations over hundreds of random steps."""
    env = pufferlib.ocean.make(name, **options)
    layout = env.emulated.action
    layout.space.seed(3)
    for seed in (0, 7, 2**40):
        actions = [[layout.pack(layout.space.sample()) for _ in range(env.num_slots)] for _ in range(300)]
        num_ended = compare(name, options, MODELS[name](seed, **options), seed, actions)

        assert num_ended > 0


@pytest.mark.parametrize("name", MODELS)
def test_environment__has_a_score_from_0_to_1(name: str):
    """What counts is reported for each episode as `score`, whatever the returns are."""
    env = pufferlib.ocean.make(name)
    layout = env.emulated.action
    layout.space.seed(1)
    with pufferlib.vector.make(env_creator(name), num_envs=8) as pool:
        pool.async_reset(seed=1)
        scores = []
        for _ in range(200):
            infos = pool.recv().infos
            for info in infos:
                ends = [info] if env.num_slots == 1 else list(info.values())
                scores += [end["score"] for end in ends if "episode" in end]
            pool.send(np.stack([layout.pack(layout.space.sample()) for _ in range(pool.num_agents)]))

    assert scores and 0 <= min(scores) <= max(scores) <= 1


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("absent", "agents", 17),
        ("absent", "steps", 0),
        ("absent", "prize", 1.0),
        ("afterlife", "price", 1.0),
        ("bandit", "arms", 1),
        ("continuous", "tolerance", 0.0),
        ("discount", "wait", 33),
        ("discount", "much", 1.2),
        ("entropy", "share", 1.0),
        ("memory", "max_steps", 2),
        ("mixed", "tolerance", -1.0),
        ("multiagent", "agents", 1),
        ("password", "length", 17),
        ("seeds", "worlds", 17),
        ("spaces", "steps", 0),
        ("stochastic", "share", 0.0),
        ("terminal", "prize", 1.0),
        ("truncation", "limit", 1),
    ],
)
def test_environment__refuses_options_that_make_no_task(name: str, option: str, value: float):
    """The error names the option."""
    with pytest.raises(ConfigError, match=option):
        pufferlib.ocean.make(name, **{option: value})


def test_seeds__an_environment_stays_in_its_world():
    """A reset without a seed doesn't leave it, one with another seed may; sixteen seeds show all four worlds."""
    env = pufferlib.ocean.make("seeds")
    worlds = set()
    for seed in range(16):
        first, _ = env.reset(seed=seed)
        again, _ = env.reset()
        worlds.add(int(first.argmax()))

        np.testing.assert_array_equal(first, again)
    assert worlds == {0, 1, 2, 3}


def test_afterlife__the_debt_outlives_the_episode():
    """Taking pays 1 and costs 2 in the next episode, though nobody sees it there."""
    env = pufferlib.ocean.make("afterlife")
    rewards = []
    for action in (1, 1, 0, 0):
        observation, _ = env.reset(seed=None)
        rewards.append(env.step(action)[1])

        assert not observation.any()
    assert rewards == [1, -1, -2, 0]
