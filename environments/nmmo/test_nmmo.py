"""What is special about Neural MMO: state that outlives episodes and worlds, lists that overflow, and no files."""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nmmo")

import pufferlib.environments.nmmo as adapter  # noqa: E402 (after the skip)
from pufferlib.environments.nmmo._tasks import TASKS  # noqa: E402
from pufferlib.exceptions import ConfigError, UnknownEnvironment  # noqa: E402

TINY: dict[str, Any] = {"num_agents": 4, "map_center": 16, "num_maps": 2, "horizon": 40, "PLAYER_N_OBS": 12}
FORAGE = "terrain,resource"
make = functools.partial(adapter.make, "small", **TINY)


def play(env: Any, seed: int, num_steps: int) -> list[tuple[Any, ...]]:
    """Plays the same random actions every time; returns what came back, observations as bytes."""
    rng = np.random.default_rng(seed)
    nvec = env.single_action_space.nvec
    steps: list[tuple[Any, ...]] = [env.reset(seed=seed)]
    for _ in range(num_steps):
        if not env.agents:
            break
        steps.append(env.step({agent: rng.integers(nvec) for agent in env.agents}))
    return [({agent: row.tobytes() for agent, row in step[0].items()}, *step[1:]) for step in steps]


def test_names__are_the_presets():
    """Two presets are listed; wrong names and options are answered with the nearest that exist."""
    assert adapter.names() == ["medium", "small"]
    with pytest.raises(UnknownEnvironment, match="medium"):
        adapter.make("mediun")
    with pytest.raises(ConfigError, match="PLAYER_N_OBS"):
        adapter.make("small", PLAYER_NOBS=3)
    with pytest.raises(ConfigError, match="combat"):
        adapter.make("small", systems="terrain,combta")
    with pytest.raises(ConfigError, match="eat_food"):
        adapter.make("small", task="eat_foot")


@pytest.mark.parametrize(
    "options",
    [
        {"systems": "npc"},
        {"systems": "terrain,exchange"},
        {"systems": "terrain,item,profession"},
        {"num_agents": 65, "map_center": 16},
        {"num_agents": 0},
        {"map_center": 15},
        {"horizon": 40_000},
        {"PLAYER_VISION_RADIUS": 16},
    ],
    ids=str,
)
def test_make__refuses_what_can_not_work(options):
    """Systems without those that they need, crowded maps and endless episodes are errors before anything starts."""
    with pytest.raises(ConfigError):
        adapter.make("small", **{**TINY, **options})


def test_reset__same_seed_gives_the_same_world_again():
    """A used world and a fresh one play the same game, step by step, with NPCs and items about."""
    used, fresh = make(), make()
    play(used, seed=1, num_steps=40)

    assert play(used, seed=2, num_steps=40) == play(fresh, seed=2, num_steps=40)


def test_step__worlds_do_not_meddle_with_each_other():
    """Two worlds with other systems and prices take turns, and each plays as if it were alone."""
    alone = play(make(), seed=3, num_steps=30)
    first = make()
    second = make(systems="terrain,resource,combat,progression,item,equipment,profession,exchange", PRICE_N_OBS=5)
    rngs = np.random.default_rng(3), np.random.default_rng(4)
    together: list[tuple[Any, ...]] = [first.reset(seed=3)]
    second.reset(seed=4)
    while first.agents and len(together) < len(alone):
        if second.agents:
            second.step({agent: rngs[1].integers(second.single_action_space.nvec) for agent in second.agents})
        together.append(first.step({agent: rngs[0].integers(first.single_action_space.nvec) for agent in first.agents}))

    assert [({agent: row.tobytes() for agent, row in step[0].items()}, *step[1:]) for step in together] == alone


def test_make__writes_no_files(tmp_path):
    """Landscapes stay in memory: the working directory is empty afterwards, and nothing is printed."""
    code = (
        "import pufferlib.environments.nmmo as adapter\n"
        "env = adapter.make('small', num_agents=4, map_center=16)\n"
        "env.reset(seed=0)\n"
        "env.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert os.listdir(tmp_path) == []


def test_observations__keep_the_agent_where_too_many_are_in_sight():
    """With room for two entities, one of them is the agent itself and nothing fails."""
    env = make(num_agents=40, PLAYER_N_OBS=2, systems="terrain,resource,combat,npc")
    layout = env.emulated.observation
    for _ in range(3):
        observations = env.reset(seed=5)[0]
        for agent, row in observations.items():
            assert agent in layout.unpack(row)["Entity"][:, 0]


def test_counts__stay_at_the_largest_number():
    """Gold beyond 16 bits doesn't stop the game."""
    env = make()
    env.reset(seed=0)
    player = env.env.unwrapped.realm.players[1]
    player.gold.update(100_000)
    env.step({agent: np.zeros(len(env.single_action_space.nvec), np.int64) for agent in env.agents})

    assert player.gold.val == 100_000
    assert player.datastore_record.table._data[player.datastore_record.id].max() == np.iinfo(np.int16).max


@pytest.mark.parametrize("task", [*TASKS])
def test_make__every_task_gives_rewards(task):
    """Each task runs, and its progress lies in 0..1."""
    env = make(task=task, task_goal=2, horizon=20)
    infos = [info for step in play(env, seed=6, num_steps=20)[1:] for info in step[4].values() if info]

    assert len(infos) == 4
    assert all(0 <= info["task_progress"] <= 1 for info in infos)


def test_eat_food__pays_for_each_meal():
    """With a goal of four, an agent gets a quarter for each of its first meals, and 1 less if it dies."""
    env = adapter.make("small", **{**TINY, "horizon": 100}, systems=FORAGE, task="eat_food", task_goal=4)
    infos = [info for step in play(env, seed=7, num_steps=100)[1:] for info in step[4].values() if info]

    assert any(info["ate"] for info in infos)
    for info in infos:
        assert info["episode"]["r"] == pytest.approx(min(info["ate"], 4) / 4 - (not info["survived"]))


def test_infos__only_ends_have_some_and_they_are_numbers():
    """Every agent gets its sums once, at its own end."""
    steps = play(make(), seed=8, num_steps=40)
    infos = [(agent, info) for step in steps for agent, info in step[-1].items() if info]

    assert sorted(agent for agent, _ in infos) == [1, 2, 3, 4]
    assert all(isinstance(value, float) for _, info in infos for key, value in info.items() if key != "episode")


def test_render__shows_agents_on_their_tiles():
    """The frame has white squares where agents stand."""
    env = make(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()

    assert frame.shape == (18 * 8, 18 * 8, 3)
    assert 1 <= (frame == 255).all(2).sum() / 36 <= 4


def test_close__lets_the_world_be_freed():
    """No cache of the package keeps a world that nobody else has."""
    env = make()
    play(env, seed=0, num_steps=3)
    env.close()
    world = weakref.ref(env.env.unwrapped)
    del env
    gc.collect()

    assert world() is None


def test_policy__takes_legal_choices_only():
    """Every sampled choice is one that ActionTargets allows."""
    torch = pytest.importorskip("torch")
    from pufferlib.pytorch import sample_actions

    torch.manual_seed(0)
    env = make()
    policy = adapter.Policy(env)
    observations, _ = env.reset(seed=1)
    for _ in range(5):
        actions = sample_actions(policy(torch.as_tensor(np.stack([*observations.values()])))[0])[0].numpy()
        for row, action in zip(observations.values(), actions, strict=True):
            targets = env.emulated.observation.unpack(row)["ActionTargets"]
            masks = [mask for arguments in targets.values() for mask in arguments.values()]
            assert all(mask[choice] for mask, choice in zip(masks, action, strict=True))
        observations = env.step(dict(zip(env.agents, actions, strict=True)))[0]


def test_policy__absent_agents_get_finite_values():
    """Rows without an agent are all zero; their logits can be sampled."""
    torch = pytest.importorskip("torch")
    env = make()
    logits, value = adapter.Policy(env)(torch.zeros((2, *env.single_observation_space.shape), dtype=torch.uint8))

    assert torch.isfinite(value).all()
    assert all(torch.isfinite(head).all() for head in logits)
