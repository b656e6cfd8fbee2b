"""What is special about MAgent2: armies that shrink, unlike units, and an engine that sets process-wide things."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("magent2")

import pufferlib.environments.magent as adapter  # noqa: E402 (after the skip)
import pufferlib.vector  # noqa: E402
from pufferlib.environments.magent._games import IDLE_ACTIONS  # noqa: E402
from pufferlib.environments.magent.environment import kind_of  # noqa: E402
from pufferlib.exceptions import ConfigError, UnknownEnvironment  # noqa: E402

BATTLE, PURSUIT, ARMS, TIGER = "battle_v4", "adversarial_pursuit_v4", "combined_arms_v6", "tiger_deer_v4"


def test_names__are_the_six_games():
    """The games are listed by the names of their modules."""
    names = [PURSUIT, BATTLE, "battlefield_v5", ARMS, "gather_v5", TIGER]

    assert adapter.names() == names


@pytest.mark.parametrize(("name", "kinds"), [(PURSUIT, 2), (ARMS, 2), (TIGER, 2)])
def test_make__unlike_agents_share_one_space(name, kinds):
    """Padding gives all agents one observation shape, with a channel for each kind that is all 1 for its own."""
    env = adapter.make(name, map_size=16)
    observations, _ = env.reset(seed=0)

    assert len(env.kinds) == kinds
    for agent, observation in observations.items():
        told = observation[..., -kinds:]
        own = env.kinds.index(kind_of(agent))
        assert told[..., own].all()
        assert told.sum() == told[..., own].size


def test_make__pads_around_so_that_agents_stay_in_the_middle():
    """A deer's 3 x 3 tiles lie in the middle of a tiger's 9 x 9."""
    env = adapter.make(TIGER, map_size=16)
    theirs = env.env.env.env  # under the padding and the statistics
    theirs.reset(seed=0)
    padded = env.reset(seed=0)[0]
    original = theirs.reset(seed=0)[0]
    deer = next(agent for agent in original if agent.startswith("deer"))

    assert original[deer].shape[:2] == (3, 3)
    assert np.array_equal(padded[deer][3:6, 3:6, :5], original[deer])
    assert not padded[deer][:3, :, :5].any()


@pytest.mark.parametrize("name", [PURSUIT, ARMS, TIGER])
def test_make__idle_agents_stay_where_they_are(name):
    """The action that stands for those that an agent doesn't have moves nobody and attacks nobody."""
    env = adapter.make(name, map_size=16)
    env.reset(seed=0)
    game = env.env.unwrapped
    before = [game.env.get_pos(handle).copy() for handle in game.handles]
    last = int(env.single_action_space.n) - 1
    has_all = dict(zip(env.kinds, env.legal_actions.all(1), strict=True))
    env.step({agent: IDLE_ACTIONS[kind_of(agent)] if has_all[kind_of(agent)] else last for agent in env.agents})
    after = [game.env.get_pos(handle) for handle in game.handles]

    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))


STAY = 6
CHARGE = [8, 8, 8, 7] + [17] * 6  # to the right, up to blue's front, then attack what stands there


def test_infos__tell_who_survived():
    """Everyone gets statistics once: the dead when they die, the others at the end."""
    env = adapter.make(BATTLE, map_size=12)
    env.reset(seed=0)
    infos: dict[str, dict[str, Any]] = {}
    for action in CHARGE:
        steps = env.step({agent: action if "red" in agent else STAY for agent in env.agents})
        infos |= {agent: steps[4][agent] for agent in steps[2] if steps[2][agent] or steps[3][agent]}
        if not env.agents:
            break

    assert infos.keys() == set(env.possible_agents) == {"red_0", "red_1", "blue_0", "blue_1"}
    assert {agent: info["survived"] for agent, info in infos.items()} == {
        agent: float("red" in agent) for agent in infos
    }
    assert [infos["red_0"]["team_alive"], infos["blue_0"]["team_alive"]] == [1, 0]
    assert infos["red_0"]["episode"]["l"] == 10
    assert infos["red_0"]["episode"]["r"] > 4 > 0 > infos["blue_0"]["episode"]["r"]


def test_reset__every_team_does_what_it_is_told_in_the_first_step():
    """The package lets all teams take the first team's actions in the first step; here red goes and blue stays."""
    theirs = importlib.import_module("magent2.environments.battle.battle").parallel_env(map_size=12)
    ours = adapter.make(BATTLE, map_size=12)
    gone = []
    for env, game in ((theirs, theirs), (ours, ours.env.unwrapped)):
        env.reset(seed=0)
        before = [game.env.get_pos(handle).copy() for handle in game.handles]
        env.step({agent: 4 if "blue" in agent else STAY for agent in env.agents})
        gone.append(
            [bool((game.env.get_pos(handle) != old).any()) for handle, old in zip(game.handles, before, strict=True)]
        )

    assert gone == [[False, False], [False, True]]


def test_pool__masks_the_dead_and_keeps_their_rows_at_zero():
    """A dead soldier's row is masked out and empty until the next battle."""
    creator = pufferlib.environments.make_creator(f"magent/{BATTLE}", map_size=16)
    with pufferlib.vector.make(creator, num_envs=1) as envs:
        half = envs.num_agents // 2
        envs.async_reset(seed=1)
        for action in CHARGE:
            envs.recv()
            envs.send(np.repeat([action, STAY], half))
        _, _, died, _, infos, _, mask = envs.recv()
        assert 0 < died.sum() < half
        assert not mask[died].any()
        envs.send(np.full(2 * half, STAY))
        observations, rewards, _, _, _, _, mask = envs.recv()

    assert not mask[died].any()
    assert not observations[died].any()
    assert not rewards[died].any()


def test_render__shows_every_step():
    """The package shows each frame three times; here each step is seen at once."""
    env = adapter.make(BATTLE, map_size=16, render_mode="rgb_array")
    env.reset(seed=0)
    frames = []
    for action in (0, 4, 8, 0):
        env.step({agent: action for agent in env.agents})
        frames.append(env.render())
    env.close()

    assert all(not np.array_equal(old, new) for old, new in zip(frames, frames[1:], strict=False))


def test_close__leaves_other_games_alone():
    """Closing one game doesn't quit pygame under the others, which still write their banners."""
    first, second = (adapter.make(BATTLE, map_size=12, render_mode="rgb_array") for _ in range(2))
    for env in (first, second):
        env.reset(seed=0)
        env.render()
    first.close()

    assert len(np.unique(second.render())) > 2
    second.close()


def test_make__leaves_the_environment_variables_as_they_were():
    """The engine's OMP_NUM_THREADS doesn't stay, and nothing is printed."""
    code = (
        "import os, pufferlib.environments.magent as adapter\n"
        "env = adapter.make('battle_v4', map_size=12, render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "assert env.render().any()\n"
        "assert 'OMP_NUM_THREADS' not in os.environ\n"
    )
    environ = {name: value for name, value in os.environ.items() if name not in {"OMP_NUM_THREADS", "DISPLAY"}}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, env=environ)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make__wrong_names_are_answered_with_the_nearest():
    """A game or an option that doesn't exist is an error that names one that does."""
    with pytest.raises(UnknownEnvironment, match="battle_v4"):
        adapter.make("batle_v4")
    with pytest.raises(ConfigError, match="attack_penalty"):
        adapter.make(BATTLE, atack_penalty=-1)
    with pytest.raises(ConfigError, match="map_size"):
        adapter.make("gather_v5", map_size=20)
