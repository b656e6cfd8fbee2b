"""What is special about Pokemon Red: the ROM is the user's, rewards come out of memory, and no file is left behind."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("pyboy")

import pufferlib.environments.pokemon_red as adapter
from pufferlib.environments.pokemon_red import _memory as memory
from pufferlib.environments.pokemon_red import _rom, _test_rom, states
from pufferlib.exceptions import ConfigError, UnknownEnvironment

BUTTONS = dict(zip(("down", "left", "right", "up", "a", "b", "start"), range(7), strict=True))


@pytest.fixture
def env():
    """The free stand-in, just reset, with one picture an observation."""
    with adapter.make("TestRom", frame_stack=1) as env:
        env.reset(seed=0)
        yield env


@pytest.fixture
def no_rom(monkeypatch, tmp_path):
    """A user without a ROM; returns the folder that stands for the user's data."""
    monkeypatch.delenv(_rom.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def rom_file(tmp_path):
    """The stand-in as a file, with the kind of cartridge that keeps a saved game."""
    rom = bytearray(_test_rom.build())
    rom[0x147], rom[0x149] = 0x03, 0x02  # with battery and 8 KiB
    check = 0
    for value in rom[0x134:0x14D]:
        check = (check - value - 1) & 0xFF
    rom[0x14D] = check
    folder = tmp_path / "roms"
    folder.mkdir()
    path = folder / "game.gb"
    path.write_bytes(rom)
    return path


def press(env, *buttons):
    """Presses buttons and returns the last observation, unpacked, and the sum of the rewards."""
    total = 0.0
    for button in buttons:
        observation, reward, *_ = env.step(BUTTONS[button])
        total += reward
    return env.emulated.observation.unpack(observation), total


def poke(env, address, *values):
    """Writes into the game's memory."""
    for offset, value in enumerate(values):
        env.env.unwrapped.console._pyboy.memory[address + offset] = value


# --- The ROM ---


def test_rom__missing_one_says_where_to_put_it(no_rom):
    """The error names the file, the variable, the option, the checksum, and the environment without a ROM."""
    with pytest.raises(ConfigError) as caught:
        adapter.make("PokemonRed")

    words = str(no_rom / "pufferlib" / "pokemon_red.gb"), _rom.VARIABLE, "rom_path", _rom.SHA1, "TestRom"
    assert [word for word in words if word not in str(caught.value)] == []
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_rom__another_one_is_refused(no_rom, rom_file):
    """A file with another checksum is refused, with both checksums, unless the check is turned off."""
    found = hashlib.sha1(rom_file.read_bytes()).hexdigest()
    with pytest.raises(ConfigError, match=rf"{found}.*{_rom.SHA1}.*check_rom=False"):
        adapter.make("PokemonRed", rom_path=rom_file)

    with adapter.make("PokemonRed", rom_path=rom_file, check_rom=False) as env:
        env.reset(seed=0)


@pytest.mark.parametrize("content", [b"", b"too short", bytes(32768)], ids=["empty", "short", "zeros"])
def test_rom__that_is_no_cartridge_is_refused(content, tmp_path, capfd):
    """Without the check, too, a file that no Game Boy would play gives an error, and nothing is printed."""
    path = tmp_path / "not.gb"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=f"rom_path: PyBoy can't play {len(content)} bytes"):
        adapter.make("PokemonRed", rom_path=path, check_rom=False)
    assert capfd.readouterr() == ("", "")


def test_rom__is_looked_for_in_the_option_then_the_variable_then_the_folder(no_rom, monkeypatch, tmp_path):
    """Each place goes before the next one; `~` is the home folder."""
    paths = {name: tmp_path / name for name in ("option", "variable")}
    paths["folder"] = no_rom / "pufferlib" / "pokemon_red.gb"
    paths["folder"].parent.mkdir(parents=True)
    for name, path in paths.items():
        path.write_text(name)

    assert _rom.read_rom(None, check_rom=False) == b"folder"
    monkeypatch.setenv(_rom.VARIABLE, str(paths["variable"]))
    assert _rom.read_rom(None, check_rom=False) == b"variable"
    assert _rom.read_rom(paths["option"], check_rom=False) == b"option"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _rom.read_rom("~/option", check_rom=False) == b"option"


def test_rom__right_one_passes_the_check(monkeypatch, rom_file):
    """A file whose checksum is the expected one is played."""
    monkeypatch.setattr(_rom, "SHA1", hashlib.sha1(rom_file.read_bytes()).hexdigest())

    with adapter.make("PokemonRed", rom_path=rom_file) as env:
        env.reset(seed=0)
        assert len(env.step(0)) == 5


def test_close__leaves_nothing_beside_the_rom(no_rom, rom_file, monkeypatch, capfd):
    """Neither a saved game nor a log appears, and nothing is printed, though the cartridge has a battery."""
    empty = rom_file.parent.parent / "cwd"
    empty.mkdir()
    monkeypatch.chdir(empty)
    before = dict(os.environ)
    env = adapter.make("PokemonRed", rom_path=rom_file, check_rom=False)
    env.reset(seed=0)
    for action in range(7):
        env.step(action)
    env.close()
    env.close()

    assert [path.name for path in rom_file.parent.iterdir()] == ["game.gb"]
    assert list(empty.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before


# --- Options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"buttons": "up,dwn"}, "no button 'dwn'.*down"),
        ({"buttons": ["up", "up"]}, "twice"),
        ({"frame_skip": 8}, "frame_skip: it is 8.*press_frames"),
        ({"max_steps": 0}, "max_steps: it is 0"),
        ({"idle_frames_max": -1}, "idle_frames_max"),
        ({"render_mode": "human"}, "rgb_array"),
        ({"rom_path": "x"}, "PokemonRed"),
        ({"state_path": "/no/such/file"}, "No such file"),
    ],
)
def test_make__wrong_option_is_refused(options, words):
    """The error names the option, its value and what to choose instead."""
    with pytest.raises(ConfigError, match=words):
        adapter.make("TestRom", **options)


def test_make__wrong_name_gets_the_nearest():
    """A misspelt name is answered with the right one."""
    with pytest.raises(UnknownEnvironment, match="Did you mean PokemonRed"):
        adapter.make("PokemonRet")


# --- What is seen ---


def test_step__moves_one_tile_for_each_press(env):
    """The pad moves the player; position and map are read from memory."""
    seen, _ = press(env, "right", "right", "down", "down", "down", "up", "left", "right", "a")

    assert seen["position"].tolist() == [2, 2]
    assert seen["map"] == 1


def test_observation__shows_the_party(env):
    """Levels and health are those of the party's members; places without a member are zero."""
    poke(env, memory.PARTY_COUNT, 2)
    second = memory.PARTY + memory.MEMBER_SIZE
    poke(env, second + memory.HP, 1, 44)
    poke(env, second + memory.MAX_HP, 1, 144)
    poke(env, second + memory.LEVEL, 77)
    poke(env, memory.BATTLE, 0xFF)
    seen, _ = press(env, "up")

    assert seen["levels"].tolist() == [5, 77, 0, 0, 0, 0]
    assert seen["health"].tolist() == pytest.approx([0.5, 0.75, 0, 0, 0, 0])
    assert seen["battle"] == 3


def test_observation__shows_badges_and_events(env):
    """Badges are bits from the lowest on; events are counted."""
    poke(env, memory.BADGES, 0b101)
    poke(env, memory.EVENTS + memory.EVENT_BYTES - 1, 0xFF)
    poke(env, memory.EVENTS + memory.EVENT_BYTES, 0xFF)  # no event any more
    seen, _ = press(env, "up")

    assert seen["badges"].tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    assert seen["events"] == 8


def test_observation__survives_any_bytes(env):
    """While the game starts its memory holds anything; observations stay in their space."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        for start, size in ((memory.PARTY_COUNT, 300), (memory.BADGES, 16), (memory.EVENTS, 330), (memory.BATTLE, 1)):
            poke(env, start, *map(int, rng.integers(0, 256, size)))
        row, reward, *_ = env.step(0)
        assert env.emulated.observation.space.contains(env.emulated.observation.unpack(row))
        assert np.isfinite(reward)


def test_observation__visited_follows_the_player(env):
    """The player stands in the middle; tiles behind it stay marked, and every map has its own."""
    seen, _ = press(env, "right", "right", "down")
    assert np.argwhere(seen["visited"]).tolist() == [[3, 2], [3, 3], [3, 4], [4, 4]]
    elsewhere, _ = press(env, "a")
    assert elsewhere["visited"].sum() == 1

    for _ in range(255):  # round the byte, back to the first map
        seen, _ = press(env, "a")
    assert np.argwhere(seen["visited"]).tolist() == [[3, 2], [3, 3], [3, 4], [4, 4]]


def test_observation__pictures_are_stacked_with_the_newest_last():
    """At the start all are the same; each step pushes the oldest out."""
    with adapter.make("TestRom", frame_stack=3) as env:
        unpack = env.emulated.observation.unpack
        start = unpack(env.reset(seed=0)[0])["screen"]
        first = unpack(env.step(BUTTONS["right"])[0])["screen"]
        second = unpack(env.step(BUTTONS["down"])[0])["screen"]

    assert (start[..., 0] == start[..., 1]).all()
    assert (start[..., 1] == start[..., 2]).all()
    np.testing.assert_array_equal(first[..., :2], start[..., 1:])
    np.testing.assert_array_equal(second[..., :2], first[..., 1:])
    assert (second[..., 2] != first[..., 2]).any()


def test_render__is_the_screen():
    """The frame has the console's resolution; the picture is its mean over 2 x 2 pixels."""
    with adapter.make("TestRom", render_mode="rgb_array", frame_stack=1) as env:
        row, _ = env.reset(seed=0)
        frame = env.render()
        kept = frame.copy()
        picture = env.emulated.observation.unpack(row)["screen"][..., 0]
        env.step(BUTTONS["right"])

    assert frame.shape == (144, 160, 3)
    np.testing.assert_array_equal(frame, kept)
    means = frame[..., 0].reshape(72, 2, 80, 2).mean((1, 3))
    np.testing.assert_array_equal(picture, means.astype(np.uint8))


# --- What is rewarded ---


def test_reward__explores_every_tile_once(env):
    """A new tile pays, the way back doesn't."""
    assert press(env, "right", "right")[1] == pytest.approx(0.02)
    assert press(env, "left", "left")[1] == 0
    assert press(env, "a")[1] == pytest.approx(0.01)


def test_reward__levels_badges_and_events(env):
    """Each level, badge and event pays its weight, on top of the tile on which nothing moved."""
    assert press(env, "start")[1] == pytest.approx(0.5)
    assert press(env, "b")[1] == pytest.approx(1.0)
    poke(env, memory.BADGES, 0b11)
    assert press(env, "b")[1] == pytest.approx(10.0)  # the second press of B only moves the flag


def test_reward__nothing_twice(env):
    """What is lost and won again pays nothing."""
    press(env, "start")
    poke(env, memory.PARTY_COUNT, 0)
    assert press(env, "up")[1] == pytest.approx(0.01)
    poke(env, memory.PARTY_COUNT, 1)
    assert press(env, "down")[1] == 0


def test_reward__healing(env):
    """Hit points that come back pay their share of the party's; those of a party that had fainted don't."""
    hp = memory.PARTY + memory.HP + 1
    poke(env, hp, 20)
    assert press(env, "b")[1] == pytest.approx(1.0 + 0.5)
    poke(env, hp, 0)
    assert press(env, "b")[1] == 0
    poke(env, hp, 20)
    assert press(env, "b")[1] == 1.0  # three in all: the second flag beside the first
    assert env.env.unwrapped._progress.summary()["faints"] == 1
    assert env.env.unwrapped._progress.summary()["heals"] == pytest.approx(0.5)


def test_reward__weights_are_options():
    """Every weight is an option of its own."""
    zero = dict.fromkeys(("explore_reward", "level_reward", "badge_reward", "event_reward", "heal_reward"), 0.0)
    with adapter.make("TestRom", **{**zero, "level_reward": 7.0}) as env:
        env.reset(seed=0)
        assert press(env, "right", "b", "a", "start")[1] == 7.0


def test_info__sums_the_episode_up():
    """The last step of an episode says how far it has come."""
    with adapter.make("TestRom", max_steps=7) as env:
        env.reset(seed=0)
        for button in ("right", "left", "a", "b", "start", "start", "down"):
            *_, terminated, truncated, info = env.step(BUTTONS[button])

    assert (terminated, truncated) == (False, True)
    assert info["episode"] == {"r": pytest.approx(3 * 0.01 + 1.0 + 2 * 0.5), "l": 7}
    expected = {"badges": 0, "tiles": 4, "maps": 2, "levels": 7, "events": 1, "heals": 0, "faints": 0}
    assert {key: info[key] for key in expected} == expected


# --- States and seeds ---


def test_state__episodes_start_from_a_saved_one(tmp_path):
    """What `save_state` returns is a file that later episodes start from, every time."""
    path = tmp_path / "begin.state"
    with adapter.make("TestRom") as env:
        env.reset(seed=0)
        press(env, "right", "right", "a", "start")
        path.write_bytes(env.save_state())

    with adapter.make("TestRom", state_path=path) as env:
        for _ in range(2):
            seen = env.emulated.observation.unpack(env.reset(seed=0)[0])
            assert (seen["position"].tolist(), seen["map"], seen["levels"][0]) == ([2, 0], 1, 6)
            press(env, "down")


def test_state__can_be_made_by_a_list_of_buttons(tmp_path, rom_file):
    """`make_state` plays from the start without an environment."""
    path = tmp_path / "made.state"
    states.make_state(path, [("none", 200), ("right", 30), ("down", 30), ("down", 5), ("b", 5)], rom_file, False)

    with adapter.make("PokemonRed", rom_path=rom_file, check_rom=False, state_path=path) as env:
        seen = env.emulated.observation.unpack(env.reset(seed=0)[0])
    assert seen["position"].tolist() == [1, 2]
    assert seen["events"] == 1


def test_state__broken_file_is_refused(tmp_path):
    """A file that isn't a state gives an error that says so."""
    path = tmp_path / "broken.state"
    path.write_bytes(b"no state")

    with pytest.raises(ConfigError, match=r"broken\.state isn't a state"):
        adapter.make("TestRom", state_path=path)


def test_seed__decides_how_long_the_start_idles():
    """Without idle frames all seeds play the same game; with them, the same seed gives the same game."""

    def clock(idle_frames_max, seed):
        with adapter.make("TestRom", idle_frames_max=idle_frames_max) as env:
            env.reset(seed=seed)
            return env.env.unwrapped.console._pyboy.frame_count

    assert len({clock(0, seed) for seed in range(4)}) == 1
    assert len({clock(60, seed) for seed in range(4)}) > 1
    assert clock(60, 3) == clock(60, 3)


def test_reset__forgets_the_episode_before(env):
    """A used environment plays an episode as a fresh one does, to the last pixel and reward."""

    def play(env):
        rows = [env.reset(seed=5)[0]]
        rng = np.random.default_rng(5)
        for _ in range(40):
            row, reward, *_ = env.step(int(rng.integers(7)))
            rows += [row, reward]
        return rows

    press(env, "right", "a", "start", "b")
    used = play(env)
    with adapter.make("TestRom", frame_stack=1) as fresh:
        for one, other in zip(used, play(fresh), strict=True):
            np.testing.assert_array_equal(one, other)


def test_import__leaves_robots_able_to_draw():
    """PyBoy imports PyOpenGL, which chooses its platform once: the one that MuJoCo needs without a display."""
    code = (
        "from pufferlib.environments import _mujoco, load\n"
        "from pufferlib.exceptions import MissingDependency\n"
        "load('pokemon_red').make('TestRom').close()\n"
        "from OpenGL import platform\n"
        "name = type(platform.PLATFORM).__name__\n"
        "try:\n"
        "    assert name.lower().startswith(_mujoco.find_backend()), name\n"
        "except MissingDependency:\n"
        "    pass  # this machine can't draw robots at all\n"
    )
    unset = ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM")
    variables = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
