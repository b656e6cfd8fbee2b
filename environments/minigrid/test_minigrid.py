"""What is special about Minigrid: missions are text, BabyAI talks, and some levels lack their pictures."""

from __future__ import annotations

import builtins
import importlib

import gymnasium
import numpy as np
import pytest

pytest.importorskip("minigrid")

import pufferlib.environments.minigrid as adapter
from pufferlib.environments.minigrid import environment
from pufferlib.exceptions import MissingDependency

LONGEST = (
    "put the purple object in front of you next to the purple object in front of you"
    " and put the purple object in front of you next to the purple object in front of you"
    " after you put the purple object in front of you next to the purple object in front of you"
    " and put the purple object in front of you next to the purple object in front of you"
)


def current(name: str) -> bool:
    """Says whether an id is the newest of its kind, so that making it doesn't warn."""
    stem, version = name.rsplit("-v", 1)
    return f"{stem}-v{int(version) + 1}" not in gymnasium.registry


def test_names__are_all_of_minigrid_and_babyai():
    """Every id of both families is listed, but for those that this installation can't make."""
    names = adapter.names()

    everything = {name for name in gymnasium.registry if name.startswith(("MiniGrid-", "BabyAI-"))}
    assert len(names) >= 172
    assert everything - set(names) == {name for name in everything - set(names) if "WFC" in name}


def test_make__levels_without_their_picture_say_what_to_install():
    """The wheels of Minigrid lack the pictures for wave function collapse: such levels can't be made."""
    name = "MiniGrid-WFC-MazeSimple-v0"
    if name in adapter.names():
        pytest.skip("This minigrid has its pictures.")

    with pytest.raises(MissingDependency, match=r"SimpleMaze\.png.*pip install networkx imageio"):
        adapter.make(name)


def test_mission__survives_emulation_in_every_level():
    """Of every listed level, the flat row unpacks to the observation that the level itself returned."""
    for name in filter(current, adapter.names()):
        with adapter.make(name) as env, gymnasium.make(name, disable_env_checker=True) as plain:
            unpack, inner = env.emulated.observation.unpack, plain.unwrapped
            for seed in range(2):
                unpacked = unpack(env.reset(seed=seed)[0])
                with environment.muted(importlib.import_module("minigrid.envs.babyai.core.roomgrid_level")):
                    original, _ = plain.reset(seed=seed)
                assert unpacked["mission"] == original["mission"] == inner.mission, name
                assert unpacked["direction"] == original["direction"], name
                np.testing.assert_array_equal(unpacked["image"], original["image"], strict=True)


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("MiniGrid-DoorKey-5x5-v0", "use the key to open the door and then get to the goal"),
        ("MiniGrid-Fetch-5x5-N2-v0", "you must fetch a yellow ball"),
        ("BabyAI-BossLevel-v0", LONGEST),
        ("BabyAI-GoToLocal-v0", LONGEST),
    ],
)
def test_mission__space_is_as_long_as_the_longest(name, longest):
    """Minigrid's lengths are exact; BabyAI's is the bound of its grammar, the same for all levels."""
    with adapter.make(name) as env:
        space = env.emulated.observation.space["mission"]

    assert isinstance(space, gymnasium.spaces.Text)
    assert space.max_length == len(longest)
    assert longest in space


def test_mission__hardest_babyai_levels_stay_inside_the_bound():
    """A thousand missions of the levels with the longest grammar fit, with room left."""
    with adapter.make("BabyAI-MiniBossLevel-v0") as env:
        space = env.emulated.observation.space["mission"]
        env.reset(seed=0)
        missions = [env.env.reset()[0]["mission"] for _ in range(1000)]

    assert all(mission in space for mission in missions)
    assert max(map(len, missions)) > 150


def test_reset__babyai_is_silent(capsys):
    """BabyAI itself reports rejected samples on stdout; through the adapter nothing is printed."""
    name = "BabyAI-GoToSeqS5R2-v0"
    with gymnasium.make(name, disable_env_checker=True) as talkative:
        for seed in range(5):
            talkative.reset(seed=seed)
    assert "Sampling rejected" in capsys.readouterr().out
    with adapter.make(name) as silent:
        for seed in range(5):
            silent.reset(seed=seed)

    assert capsys.readouterr() == ("", "")


def test_muted__leaves_everyone_else_alone(capsys):
    """Only the one module loses its `print`, and it gets it back, after an error too."""
    module = importlib.import_module("minigrid.envs.babyai.core.roomgrid_level")
    with pytest.raises(KeyError), environment.muted(module):
        eval("print('inside')", vars(module))
        print("outside")
        raise KeyError
    eval("print('again')", vars(module))

    assert capsys.readouterr().out == "outside\nagain\n"
    assert builtins.print is print


def test_policy__encodes_each_mission_as_if_it_were_alone():
    """Encoding every different mission of a batch once gives each row its own mission's features."""
    torch = pytest.importorskip("torch")
    from pufferlib.environments.minigrid.policy import MissionEncoder

    encoder = MissionEncoder(num_letters=27, size=8)
    missions = torch.zeros(6, 20, dtype=torch.uint8)
    missions[0, :3] = missions[3, :3] = torch.tensor([3, 1, 2])
    missions[1, :20] = missions[4, :20] = torch.arange(1, 21)
    missions[2, :3] = torch.tensor([3, 2, 1])

    together = encoder(missions)
    alone = torch.cat([encoder(mission[None]) for mission in missions])
    torch.testing.assert_close(together, alone)
    assert len(torch.unique(together.detach(), dim=0)) == 4


def test_policy__mission_changes_the_action():
    """Two rows that differ in nothing but the mission get different logits."""
    torch = pytest.importorskip("torch")
    with adapter.make("BabyAI-GoToObj-v0") as env:
        layout = env.emulated.observation
        seen = layout.unpack(env.reset(seed=1)[0])
        rows = [layout.pack({**seen, "mission": words}) for words in ("go to the red ball", "go to the red key")]
        logits, _ = adapter.Policy(env)(torch.from_numpy(np.stack(rows)))

    assert not torch.equal(logits[0], logits[1])
