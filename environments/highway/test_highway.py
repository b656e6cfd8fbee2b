"""What is special about highway-env: configurations, class-wide constants, pictures without a display, two vehicles."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("highway_env")

import pufferlib.environments.highway as adapter
from pufferlib.exceptions import ConfigError, UnknownEnvironment

SMALL = {"lanes_count": 2, "vehicles_count": 3, "duration": 5, "simulation_frequency": 5}
CROSSING = {"initial_vehicle_count": 2, "simulation_frequency": 5}
PIXELS = {"type": "GrayscaleObservation", "observation_shape": (64, 32), "stack_size": 2, "weights": [0.3, 0.6, 0.1]}


def play(env: Any, seed: int | None, num_steps: int = 8) -> list[Any]:
    """Plays the same actions every time, over ends, and returns bytes of all observations, and all rewards."""
    env.single_action_space.seed(0)
    results: list[Any] = [env.reset(seed=seed)[0].tobytes()]
    for _ in range(num_steps):
        observation, reward, terminal, truncation, _ = env.step(env.single_action_space.sample())
        results.append((observation.tobytes(), reward, terminal, truncation))
        if terminal or truncation:
            results.append(env.reset()[0].tobytes())
    return results


def test_names__are_all_registered_ids():
    """Every id that highway-env registers is listed."""
    from highway_env import envs

    registered = {
        name for name, spec in gymnasium.registry.items() if str(spec.entry_point).startswith(envs.__package__)
    }
    assert set(adapter.names()) == registered
    assert len(registered) >= 31


@pytest.mark.parametrize(
    ("name", "config"),
    [("parking-v0", {"duration": 5}), ("two-way-v0", {}), ("racetrack-v1", {}), ("intersection-v2", CROSSING)],
)
def test_reset__seed_decides_everything(name, config):
    """Kinds that aren't samples follow their seed too, in a used and in a new environment."""
    used, new = adapter.make(name, config=config), adapter.make(name, config=config)
    first = play(used, seed=2)

    assert play(used, seed=2) == first
    assert play(new, seed=2) == first
    assert play(new, seed=3) != first


def test_reset__a_drawn_track_follows_the_seed():
    """With 0 as number of lanes and length the track is another one for another seed, and the same for the same."""
    env = adapter.make("racetrack-oval-v1", config={"no_lanes": 0, "length": 0})

    def track(seed: int | None) -> tuple[int, float]:
        env.reset(seed=seed)
        lanes = env.env.unwrapped.road.network.graph["a"]["b"]
        return len(lanes), float(lanes[0].length)

    tracks = [track(seed) for seed in range(5)]
    assert [track(seed) for seed in range(5)] == tracks
    assert len(set(tracks)) > 2
    assert len({track(None) for _ in range(5)}) > 2


def test_make__intersections_leave_other_traffic_alone():
    """An intersection changes constants of its traffic's class, which isn't the one that others use."""
    from highway_env.vehicle.behavior import IDMVehicle

    before = dict(vars(IDMVehicle))
    env = adapter.make("intersection-v2", config=CROSSING)
    env.reset(seed=0)
    traffic = {type(vehicle) for vehicle in env.env.unwrapped.road.vehicles if isinstance(vehicle, IDMVehicle)}

    assert dict(vars(IDMVehicle)) == before
    assert {(kind.__name__, kind.DISTANCE_WANTED) for kind in traffic} == {("IntersectionTraffic", 7)}
    assert IDMVehicle.DISTANCE_WANTED != 7


def test_make__config_goes_over_the_environments_own():
    """An entry changes the environment; one that it doesn't have gets the nearest, and so does a wrong id."""
    config = {**SMALL, "observation": {"type": "OccupancyGrid"}}
    assert adapter.make("highway-v0", config=config).single_observation_space.shape == (4, 11, 11)
    with pytest.raises(ConfigError, match="Did you mean lanes_count"):
        adapter.make("highway-v0", config={"lane_count": 3})
    with pytest.raises(UnknownEnvironment, match="highway-v0"):
        adapter.make("highway-v9")


def test_make__config_isnt_kept():
    """The user's dict is neither changed nor shared between environments."""
    config = {**SMALL, "observation": dict(PIXELS)}
    env = adapter.make("highway-fast-v0", config=config)
    env.env.unwrapped.config["observation"]["stack_size"] = 3

    assert config == {**SMALL, "observation": PIXELS}


def test_step__last_info_tells_how_it_went():
    """The end of an episode has the mean speed in m/s and whether there was a crash, as numbers."""
    env = adapter.make("highway-fast-v0", config=SMALL)
    env.reset(seed=0)
    info: dict[str, Any] = {}
    while "episode" not in info:
        info = env.step(1)[4]

    assert info["crashed"] in (0.0, 1.0)
    assert 15 < info["mean_speed"] < 35
    assert 1 <= info["episode"]["l"] <= 5


def test_step__running_out_of_time_is_a_truncation():
    """A parked car that never moves is cut after `duration` seconds, at five steps a second."""
    env = adapter.make("parking-v0", config={"duration": 1})
    env.reset(seed=0)
    steps = [env.step(np.zeros(2, np.float32)) for _ in range(5)]

    assert [step[3] for step in steps] == [False] * 4 + [True]
    assert not any(step[2] for step in steps)
    assert steps[-1][4]["is_success"] == 0.0


def test_reset__keeps_the_spaces():
    """The spaces, and so the seed of the action space, outlive a reset."""
    env = adapter.make("highway-fast-v0", config=SMALL).env
    before = env.action_space
    before.seed(1)
    expected = [before.sample() for _ in range(5)]
    before.seed(1)
    env.reset(seed=0)

    assert env.action_space is before
    assert [env.action_space.sample() for _ in range(5)] == expected


def test_reset__info_has_no_reward_of_a_random_action():
    """highway-env reports the rewards of an action that it drew itself, without a seed."""
    _, info = adapter.make("highway-fast-v0", config=SMALL).reset(seed=0)

    assert info == {"speed": 25.0, "crashed": False}


def test_vehicles__end_by_themselves():
    """Each vehicle has its own reward, end and statistics; the other one goes on."""
    alone = 0
    for seed in range(6):
        env = adapter.make("intersection-multi-agent-v2", config={**CROSSING, "duration": 20})
        env.reset(seed=seed)
        ends: dict[str, Any] = {}
        while env.agents:
            agents = list(env.agents)
            _, rewards, terminals, truncations, infos = env.step(dict.fromkeys(agents, 2))
            assert set(rewards) == set(agents)
            assert all(type(reward) is float for reward in rewards.values())
            for agent in agents:
                if terminals[agent] or truncations[agent]:
                    ends[agent] = infos[agent]
                    assert terminals[agent] == bool(infos[agent]["crashed"] or infos[agent]["is_success"])
            alone += len(agents) == 1
        assert set(ends) == {"vehicle_0", "vehicle_1"}
        assert all({"episode", "crashed", "is_success"} <= set(info) for info in ends.values())
        env.close()

    assert alone > 0


@pytest.mark.parametrize("driver", [None, "dummy"])
def test_draw__needs_no_display(driver):
    """Frames and observations of pixels come without a display, silently, also where SDL's driver is "dummy"."""
    code = (
        "import os, pufferlib.environments.highway as adapter\n"
        f"config = { ({**SMALL, 'observation': PIXELS})!r}\n"
        "first, second = (adapter.make('highway-fast-v0', 'rgb_array', config=config) for _ in range(2))\n"
        "observation, _ = first.reset(seed=0)\n"
        "second.reset(seed=0)\n"
        "assert len(set(observation.ravel().tolist())) > 2\n"
        "assert len(set(first.render().ravel().tolist())) > 2\n"
        "first.close()\n"
        "second.step(1)\n"
        "frame = second.render()\n"
        "assert frame.shape == (150, 600, 3) and len(set(frame.ravel().tolist())) > 2\n"
        f"assert os.environ.get('SDL_VIDEODRIVER') == {driver!r}\n"
    )
    names = {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "XDG_RUNTIME_DIR"}
    environ = {name: value for name, value in os.environ.items() if name not in names}
    environ |= {} if driver is None else {"SDL_VIDEODRIVER": driver}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=150, env=environ
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_draw__doesnt_slow_down_the_steps():
    """After a frame, the simulation between two steps isn't drawn, as highway-env would."""
    env = adapter.make("highway-fast-v0", "rgb_array", config=SMALL)
    env.reset(seed=0)
    env.render()
    frames = []
    env.env.unwrapped.viewer.display = lambda: frames.append(1)
    env.step(1)

    assert frames == []
