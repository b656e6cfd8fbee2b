"""What is special about Griddly: thirty-two games for one to twelve players, old APIs, shared buffers and Vulkan."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

import pufferlib.environments.griddly as adapter
from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments.griddly import environment
from pufferlib.environments.griddly._vulkan import has_vulkan
from pufferlib.exceptions import ConfigError, UnknownEnvironment

GRIDDLY = environment._import_griddly()
NO_VULKAN = {"VK_DRIVER_FILES": "/nowhere", "VK_ICD_FILENAMES": "/nowhere"}
needs_vulkan = pytest.mark.skipif(not has_vulkan(), reason="Vulkan finds no device: see apt.txt")
# Games in which nothing happens by chance.
SURE = (
    "Bait",
    "Clusters",
    "Cook",
    "Doggo",
    "Drunk",
    "Eyeball",
    "Griddly",
    "Heal",
    "Kill",
    "Laby",
    "Push",
    "Soko",
    "Zen",
)


def play(env: Any, num_steps: int, seed: int) -> list[Any]:
    """Plays the same random actions every time; returns observations and rewards of all players as bytes."""
    results: list[Any] = [env.reset(seed=seed)[0]]
    rng = np.random.default_rng(0)
    space = env.single_action_space
    high = np.array([space.n]) if hasattr(space, "n") else space.nvec
    for _ in range(num_steps):
        if isinstance(env, GymnasiumPufferEnv):
            observation, reward, terminated, truncated, _ = env.step(draw(rng, high))
            results.append((observation.tobytes(), reward))
            if terminated or truncated:
                env.reset()
            continue
        observations, rewards, *_ = env.step({agent: draw(rng, high) for agent in env.agents})
        results.append(([observation.tobytes() for observation in observations.values()], rewards))
        if not env.agents:
            env.reset()
    return results[1:]


def draw(rng: np.random.Generator, high: np.ndarray) -> Any:
    """Draws a random action."""
    return int(rng.integers(high[0])) if len(high) == 1 else rng.integers(high)


def run(code: str, **environ: str) -> str:
    """Runs code in a process of its own, warnings being errors, and returns what it prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env={**os.environ, **environ})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_names__are_griddlys_own_ids():
    """Every game that comes with Griddly is listed, under the id by which Griddly registers it."""
    code = (
        "import gymnasium\n"
        "from pufferlib.environments import _legacy\n"
        "with _legacy.gym_alias():\n"
        "    import griddly\n"
        "    print(*sorted(name for name in gymnasium.registry if name.startswith('GDY-')))\n"
    )

    assert adapter.names() == run(code).split()
    assert len(adapter.names()) == 32


def test_import__leaves_the_process_as_it_was():
    """No gym, no ids that Gymnasium couldn't make, and no folders of Griddly on the import path."""
    adapter.make().close()

    assert "gym" not in sys.modules
    assert not [name for name in gymnasium.registry if name.startswith("GDY-")]
    assert not [folder for folder in sys.path if "griddly" in folder]


@pytest.mark.parametrize("name", adapter.names())
def test_seed__same_seed_gives_the_same_game(name):
    """In a used game as in a new one; another seed changes the games that have chance in them, and no others."""
    first, second = adapter.make(name, max_steps=150), adapter.make(name, max_steps=150)
    expected = play(first, 200, seed=5)

    assert play(first, 200, seed=5) == expected
    assert play(second, 200, seed=5) == expected
    is_sure = any(f"-{word}" in name for word in SURE)
    if is_sure:
        assert play(second, 200, seed=6) == expected
    elif "Spider-Nest" not in name:  # whose spiders start out of sight
        assert play(second, 200, seed=6) != expected


def test_step__changes_nothing_about_the_game():
    """Observations, rewards and ends are those of Griddly's own wrapper."""
    env = adapter.make(max_steps=None)
    env.reset(seed=1)
    theirs = GRIDDLY.GymWrapper(
        "Single-Player/Mini-Grid/minigrid-spiders.yaml",
        level=0,
        player_observer_type=GRIDDLY.gd.ObserverType.VECTOR,
        global_observer_type=GRIDDLY.gd.ObserverType.VECTOR,
    )
    theirs.seed(int(np.random.default_rng(1).integers(2**31)))
    np.testing.assert_array_equal(env.reset(seed=1)[0], theirs.reset(), strict=True)
    num_ends = 0
    for action in np.random.default_rng(2).integers(5, size=200):
        observation, reward, terminated, truncated, _ = env.step(int(action))
        expected, expected_reward, done, _ = theirs.step(int(action))
        np.testing.assert_array_equal(observation, expected, strict=True)
        assert (reward, terminated, truncated) == (expected_reward, done, False)
        assert type(reward) is float
        if done:
            num_ends += 1
            np.testing.assert_array_equal(env.reset()[0], theirs.reset(), strict=True)

    assert num_ends > 1


@pytest.mark.parametrize("name", ["GDY-Butterflies-and-Spiders-v0", "GDY-Robot-Tag-4v4-v0"])
def test_observations__are_the_callers(name):
    """Griddly writes each observation into the same memory; what we give out doesn't change any more."""
    env = adapter.make(name).env
    kept = [env.reset(seed=0)[0]]
    copies = [np.array(list(kept[0].values()) if isinstance(kept[0], dict) else kept[0])]
    for _ in range(5):
        is_team = isinstance(kept[0], dict)
        action = {agent: np.array([1, 2]) for agent in env.agents} if is_team else 2
        kept.append(env.step(action)[0])
        copies.append(np.array(list(kept[-1].values()) if is_team else kept[-1]))

    for observation, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(
            list(observation.values()) if isinstance(observation, dict) else observation, copy
        )
    assert any(not np.array_equal(copy, copies[0]) for copy in copies)


def test_infos__say_who_won():
    """The last step of a game says whether it was won or lost, beside its statistics."""
    env = adapter.make()
    env.action_space.seed(0)
    env.reset(seed=0)
    results = set()
    for _ in range(600):
        _, reward, terminated, _, info = env.step(env.action_space.sample())
        if terminated:
            results.add((info["won"], info["lost"], reward))
            env.reset()

    assert results == {(1, 0, 1.0), (0, 1, -1.0)}


def test_max_steps__cuts_the_game():
    """After `max_steps` a game is truncated, neither won nor lost; None lets it go on."""
    env = adapter.make("GDY-Sokoban-v0", max_steps=7)
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(7)]
    assert [step[3] for step in steps] == [False] * 6 + [True]
    assert not any(step[2] for step in steps)
    assert (steps[-1][4]["won"], steps[-1][4]["lost"], steps[-1][4]["episode"]["l"]) == (0, 0, 7)

    endless = adapter.make("GDY-Sokoban-v0", max_steps=None)
    endless.reset(seed=0)
    assert not any(any(endless.step(0)[2:4]) for _ in range(1200))


def test_zen_puzzle__its_own_time_limit_is_a_truncation():
    """The puzzle calls it a loss when 1,000 steps are over; time is not part of what the player sees."""
    env = adapter.make("GDY-Zen-Puzzle-v0", max_steps=None)
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(1000)]

    assert not any(step[2] for step in steps)
    assert [step[3] for step in steps] == [False] * 999 + [True]
    assert steps[-1][4]["lost"] == 0


@pytest.mark.parametrize("name", adapter.names())
def test_levels__can_all_be_played(name):
    """Every level that is offered can be loaded, and one more can't."""
    num_levels = environment._num_levels(environment._files()[name].read_text(encoding="utf-8"))
    for level in range(num_levels):
        with_level = adapter.make(name, level=level)
        with_level.reset(seed=0)
        with_level.close()
    wrapper = GRIDDLY.GymWrapper(
        str(environment._files()[name]),
        player_observer_type=GRIDDLY.gd.ObserverType.VECTOR,
        global_observer_type=GRIDDLY.gd.ObserverType.VECTOR,
    )
    assert wrapper.level_count == num_levels

    with pytest.raises(ConfigError, match=f"Choose a whole number from 0 to {num_levels - 1}"):
        adapter.make(name, level=num_levels)


def test_level__changes_the_grid():
    """Another level of a game may be larger, and so are the observations."""
    shapes = {adapter.make("GDY-Bait-v0", level=level).single_observation_space.shape for level in range(3)}

    assert len(shapes) > 1


def test_teams__stay_until_the_end():
    """In a game of several players all act at once, each has its own rewards, and it ends for all."""
    env = adapter.make("GDY-Robot-Tag-8v8-v0", max_steps=None)
    env.reset(seed=1)
    for agent in env.possible_agents:
        env.action_space(agent).seed(int(agent.rpartition("_")[2]))
    rewards: set[float] = set()
    infos: dict[str, Any] = {}
    while env.agents:
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        _, reward, terminals, truncations, infos = env.step(actions)
        assert set(reward) == set(env.possible_agents)
        assert len(set(terminals.values())) == 1
        assert not any(truncations.values())
        rewards |= set(reward.values())

    assert len(rewards) > 1
    assert {info["episode"]["l"] for info in infos.values()} == {infos["player_1"]["episode"]["l"]}
    assert len({info["episode"]["r"] for info in infos.values()}) > 1


def test_teams__losing_is_told_to_each():
    """When the units of both sides have bled to death, both players have lost."""
    env = adapter.make("GDY-Heal-Or-Die-v0")
    env.reset(seed=0)
    infos: dict[str, Any] = {}
    while env.agents:
        *_, infos = env.step({agent: np.zeros(4, np.int64) for agent in env.agents})

    assert {agent: (info["won"], info["lost"]) for agent, info in infos.items()} == {
        "player_1": (0, 1),
        "player_2": (0, 1),
    }


@needs_vulkan
@pytest.mark.parametrize(
    ("observer", "shape"), [("sprite", (3, 168, 168)), ("block", (3, 168, 168)), ("isometric", (3, 224, 160))]
)
def test_observer__pixels_follow_the_game(observer, shape):
    """With Vulkan a player can see pixels: of the same game, and other ones after a move."""
    env, plain = adapter.make(observer=observer), adapter.make()
    pictures = [env.reset(seed=3)[0]]
    plain.reset(seed=3)
    for action in (2, 1, 2, 2):
        got, expected = env.step(action), plain.step(action)
        pictures.append(got[0])
        assert got[1:4] == expected[1:4]

    assert {picture.shape for picture in pictures} == {shape}
    assert len({picture.tobytes() for picture in pictures}) > 1
    assert len(np.unique(pictures[0])) > 10


@needs_vulkan
def test_render__shows_sprites_and_leaves_the_game_alone():
    """Frames show the whole grid as people see it, and the game goes on as it would without them."""
    seen, unseen = adapter.make(render_mode="rgb_array"), adapter.make()
    seen.reset(seed=4)
    unseen.reset(seed=4)
    frames = set()
    for action in (2, 1, 2, 3, 2, 2):
        frame = seen.render()
        assert (frame.shape, frame.dtype) == ((144, 144, 3), np.uint8)
        frames.add(frame.tobytes())
        np.testing.assert_array_equal(seen.step(action)[0], unseen.step(action)[0])

    assert len(frames) > 1
    assert unseen.render() is None


def test_vulkan__without_a_device_nothing_crashes():
    """Griddly alone dies of a segmentation fault; here pixels are refused with a command, and frames are squares."""
    code = (
        "import numpy as np, pufferlib.environments.griddly as adapter\n"
        "from pufferlib.exceptions import MissingDependency\n"
        "try:\n"
        "    adapter.make(observer='sprite')\n"
        "except MissingDependency as error:\n"
        "    print(error)\n"
        "for name in ('GDY-Spiders-v0', 'GDY-Foragers-v0'):\n"
        "    env = adapter.make(name, render_mode='rgb_array')\n"
        "    env.reset(seed=0)\n"
        "    frame = env.render()\n"
        "    print(frame.shape, frame.dtype, len(np.unique(frame)) > 2)\n"
    )

    assert run(code, **NO_VULKAN).splitlines() == [
        "observer='sprite' needs the package libvulkan.so.1 with a device, which isn't installed. "
        "Run: apt-get install libvulkan1 mesa-vulkan-drivers",
        "(60, 60, 3) uint8 True",
        "(100, 90, 3) uint8 True",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"levle": 1}, "Did you mean level"),
        ({"level": "1"}, "level: it can't be '1'"),
        ({"observer": "sprites"}, "Choose sprite"),
        ({"observer": "ascii"}, "observer: it can't be 'ascii'"),
        ({"max_steps": 0}, "max_steps: it can't be 0"),
        ({"render_mode": "human"}, "render_mode: it can't be 'human'"),
    ],
    ids=str,
)
def test_make__refuses_wrong_options(options, words):
    """The message names the option, its value, and what to write instead."""
    with pytest.raises(ConfigError) as raised:
        adapter.make(**options)

    assert words in str(raised.value)


def test_make__unknown_game_gets_the_nearest():
    """A slip in the name is answered with the names that exist."""
    with pytest.raises(UnknownEnvironment, match="Did you mean GDY-Spiders-v0"):
        adapter.make("GDY-Spider-v0")


@pytest.mark.parametrize("package", ["griddly", "pettingzoo"])
def test_make__missing_package_gives_the_command(package):
    """Where a package isn't installed, the error names it and the command that installs it."""
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"
        "import pufferlib.environments.griddly as adapter\n"
        "from pufferlib.exceptions import MissingDependency\n"
        "try:\n"
        "    adapter.make()\n"
        "except MissingDependency as error:\n"
        "    print(error.package, error.remedy)\n"
    )

    assert run(code) == f"{package} puffer install griddly\n"


def test_close__twice_is_fine():
    """A closed game can be closed again, and others go on."""
    first, second = adapter.make(), adapter.make()
    second.reset(seed=0)
    first.close()
    first.close()

    assert second.step(1)[0].any()


@pytest.mark.parametrize("name", ["GDY-Doggo-v0", "GDY-Kill-The-King-v0"])
def test_policy__fits_grids_of_every_size(name):
    """Small grids are seen cell by cell, large ones pooled to eight cells a side; both give a row each."""
    torch = pytest.importorskip("torch")
    from pufferlib.environments.griddly.policy import GridPolicy

    env = adapter.make(name)
    policy = adapter.Policy(env).network
    assert isinstance(policy, GridPolicy)
    shape = env.single_observation_space.shape
    planes = torch.randint(0, 2, (3, *shape), dtype=torch.uint8)

    _, value = policy(planes)
    assert value.shape == (3, 1)
    assert policy.linear.in_features == 64 * min(8, shape[1]) * min(8, shape[2])


@needs_vulkan
def test_policy__sees_pixels_with_atari_s_network():
    """For pixels the policy is the convolutional one."""
    torch = pytest.importorskip("torch")
    from pufferlib.models import Convolutional

    env = adapter.make(observer="sprite")
    policy = adapter.Policy(env)

    assert isinstance(policy.network, Convolutional)
    assert policy(torch.as_tensor(env.reset(seed=0)[0])[None])[1].shape == (1, 1)
