"""What is special about bsuite: another API, seeds in constructors, scores in sums, and digits that must be there."""

from __future__ import annotations

import gzip
import struct
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bsuite")

from bsuite import sweep
from bsuite.utils import datasets

import pufferlib.environments.bsuite as adapter
from pufferlib.environments.bsuite import environment
from pufferlib.exceptions import ConfigError, UnknownEnvironment


def play(env: Any, seed: int | None, num_steps: int = 120) -> list[Any]:
    """Plays the same actions every time, over ends, and returns all observations and rewards."""
    rng = np.random.default_rng(0)
    results: list[Any] = [env.reset(seed=seed)[0].tolist()]
    for _ in range(num_steps):
        observation, reward, terminal, truncation, _ = env.step(int(rng.integers(env.single_action_space.n)))
        results.append((observation.tolist(), reward, terminal, truncation))
        if terminal or truncation:
            results.append(env.reset()[0].tolist())
    return results


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """A folder with a few made-up digits in MNIST's format, where bsuite looks for the real ones."""
    rng = np.random.default_rng(0)
    for name, num in (("train", 20), ("t10k", 5)):
        images = rng.integers(0, 256, num * 28 * 28, np.uint8).tobytes()
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">IIII", 2051, num, 28, 28) + images)
        )
        labels = rng.integers(0, 10, num, np.uint8).tobytes()
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">II", 2049, num) + labels))
    monkeypatch.setattr(datasets.load_mnist, "__defaults__", (str(tmp_path),))
    return tmp_path


@pytest.fixture
def without_digits(tmp_path, monkeypatch):
    """An empty folder, where bsuite looks for the digits."""
    monkeypatch.setattr(datasets.load_mnist, "__defaults__", (str(tmp_path),))
    return tmp_path


def test_names__are_all_of_bsuites_sweep():
    """All ids are listed, and those of MNIST are declared to need files."""
    assert adapter.names() == sorted(sweep.SWEEP)
    assert len(adapter.names()) == 468
    assert set(adapter.NEEDS_FILES) == {name for name in sweep.SWEEP if name.startswith("mnist")}


def test_make__mnist_plays_where_its_digits_are(digits):
    """With the four files MNIST's experiments can be played without a network."""
    env = adapter.make("mnist_noise/0")
    observation, _ = env.reset(seed=0)

    assert observation.shape == (28, 28)
    assert len(np.unique(observation)) > 100
    assert env.step(3)[2]


def test_make__missing_digits_are_named(without_digits):
    """Making an id of MNIST without its digits says which files are missing, and downloads nothing."""
    with pytest.raises(ConfigError, match="train-images-idx3-ubyte.gz.*load_mnist"):
        adapter.make("mnist/0")

    assert list(without_digits.iterdir()) == []


@pytest.mark.parametrize("name", sweep.TESTING + ("bandit_noise/0", "cartpole_scale/3", "mountain_car_noise/19"))
def test_reset__seed_decides_everything(name, digits):
    """The same seed gives the same numbers in a used and in a new environment, whatever the id's own seed."""
    used, new = adapter.make(name), adapter.make(name)
    first = play(used, seed=4)

    assert play(used, seed=4) == first
    assert play(new, seed=4) == first


@pytest.mark.parametrize("name", ["catch/0", "bandit_noise/3", "memory_len/3", "umbrella_distract/5", "cartpole/0"])
def test_reset__other_seeds_differ(name):
    """Another seed draws other numbers, also in memory_len, whose constructor has a seed of its own."""
    env = adapter.make(name)

    assert play(env, seed=4) != play(env, seed=5)


def test_reset__without_a_seed_draws_on():
    """Episodes after a seeded one differ from it: the numbers go on."""
    env = adapter.make("umbrella_distract/10")
    first = env.reset(seed=1)[0]

    assert any((env.reset()[0] != first).any() for _ in range(3))


def test_reset__keeps_what_belongs_to_the_id():
    """The good arm of a bandit is the id's, whatever the seed."""

    def best(name: str, seed: int) -> int:
        env = adapter.make(name)
        rewards = []
        for action in range(11):
            env.reset(seed=seed)
            rewards.append(env.step(action)[1])
        return int(np.argmax(rewards))

    assert best("bandit/0", seed=1) == best("bandit/0", seed=2)
    assert len({best(f"bandit/{i}", seed=1) for i in range(4)}) > 1


def test_step__sums_of_the_experiment_come_with_the_end():
    """The last info of an episode has bsuite's numbers, summed over episodes; a seed starts them again."""
    env = adapter.make("catch/0")
    totals = []
    for seed in (0, None, None, 0):
        env.reset(seed=seed)
        info: dict[str, Any] = {}
        while "episode" not in info:
            assert info == {}
            info = env.step(0)[4]
        assert set(info) == {"total_regret", "episode"}
        totals.append(info["total_regret"])

    assert totals == sorted(totals[:3]) + totals[:1]


@pytest.mark.parametrize(("name", "length"), [("mountain_car/0", 1000), ("discounting_chain/0", 100)])
def test_step__time_limits_are_terminals(name, length):
    """The limits of bsuite are ends of the problem: the time is in the observation."""
    env = adapter.make(name)
    env.reset(seed=0)
    steps = [env.step(0) for _ in range(length)]

    assert [step[2] for step in steps] == [False] * (length - 1) + [True]
    assert not any(step[3] for step in steps)


def test_step__discounts_tell_truncations():
    """An end with a discount, as dm_env marks a cut, is a truncation."""
    import dm_env

    env = adapter.make("catch/0")
    env.reset(seed=0)
    env.env.unwrapped._env.step = lambda action: dm_env.truncation(0.5, np.zeros((10, 5), np.float32))

    assert env.step(0)[1:4] == (0.5, False, True)


def test_make__options_go_over_the_setting():
    """An option of the experiment changes it; one that it doesn't have gets the nearest."""
    assert adapter.make("deep_sea/0", size=5).single_observation_space.shape == (5, 5)
    with pytest.raises(ConfigError, match="Did you mean noise_scale"):
        adapter.make("catch_noise/0", noise_scales=1.0)
    with pytest.raises(UnknownEnvironment, match="catch/0"):
        adapter.make("catch/00")


def test_make__prints_and_writes_nothing(capfd, tmp_path, monkeypatch):
    """Neither a line on the terminal nor a results file comes from playing."""
    monkeypatch.chdir(tmp_path)
    play(adapter.make("deep_sea/0"), seed=0)

    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_draw__shows_size_and_sign():
    """Tiles are black for 0, green for positive and red for negative numbers, with lines between them."""
    frame = environment.draw(np.array([[0, 2.0], [-1.0, 1.0]], np.float32))
    middle = frame[64::128, 64::128]

    assert frame.shape == (256, 256, 3)
    assert middle.tolist() == [[[0, 0, 0], [0, 255, 0]], [[127, 0, 0], [0, 127, 0]]]
    assert frame[0, 0].tolist() == [64, 64, 64]
