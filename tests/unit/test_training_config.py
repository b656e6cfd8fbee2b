"""Training options: defaults, TOML files and their errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pufferlib.exceptions import ConfigError
from pufferlib.training.config import EvalConfig, PPOConfig, TrainConfig, VectorConfig, load, to_toml, update


def test_update__changes_nested_options_and_keeps_the_rest():
    """Only what the table names changes; the old config stays as it was."""
    config = TrainConfig(seed=3)

    changed = update(config, {"ppo": {"gamma": 0.5}, "device": "cpu"})

    assert (changed.ppo.gamma, changed.device, changed.seed) == (0.5, "cpu", 3)
    assert config.ppo.gamma == 0.99


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"sed": 1}, r"sed: there is no such option. Did you mean seed\?", id="top level"),
        pytest.param({"ppo": {"gama": 1}}, r"ppo\.gama: there is no such option. Did you mean gamma\?", id="nested"),
        pytest.param({"zzz": 1}, r"The options are env, seed, device", id="nothing near"),
        pytest.param({"ppo": 3}, r"ppo: it is a table, not 3. Write \[ppo\]", id="not a table"),
        pytest.param({"seed": "one"}, r"seed: it is 'one'. Give a value of type int", id="type"),
        pytest.param({"ppo": {"horizon": 1.5}}, r"ppo\.horizon: it is 1\.5", id="fraction"),
        pytest.param({"seed": True}, r"seed: it is True", id="bool is no int"),
        pytest.param({"eval": {"video": "gfi"}}, r"eval\.video: it can't be 'gfi'. Did you mean gif\?", id="choice"),
        pytest.param({"ppo": {"gamma": 2}}, r"ppo\.gamma: it is 2\.0. Choose a number from 0 to 1", id="range"),
        pytest.param({"vector": {"num_envs": 0}}, r"vector\.num_envs: it is 0. Choose 1 or more", id="count"),
    ],
)
def test_update__names_the_option_and_the_remedy(changes: dict[str, Any], message: str):
    """Each slip in a config is an error that says where it is and what to write instead."""
    with pytest.raises(ConfigError, match=message):
        update(TrainConfig(), changes).check()


def test_update__takes_whole_numbers_as_floats():
    """`gamma = 1` in TOML is an integer, and meant as 1.0."""
    gamma = update(PPOConfig(), {"gamma": 1}).gamma

    assert isinstance(gamma, float)


def test_load__applies_one_environments_table(tmp_path: Path):
    """A table for one environment changes that one and no other."""
    path = tmp_path / "config.toml"
    path.write_text('[ppo]\ngamma = 0.9\nclip = 0.3\n[env."A-v1".ppo]\ngamma = 0.5\n')

    assert load(path, env_name="A-v1").ppo == PPOConfig(gamma=0.5, clip=0.3)
    assert load(path, env_name="B-v1").ppo == PPOConfig(gamma=0.9, clip=0.3)


def test_load__checks_the_tables_of_other_environments(tmp_path: Path):
    """A slip in a table is found whichever environment is trained."""
    path = tmp_path / "config.toml"
    path.write_text('[env."A-v1".ppo]\ngama = 0.5\n')

    with pytest.raises(ConfigError, match="Did you mean gamma"):
        load(path, env_name="B-v1")


@pytest.mark.parametrize("text", ["seed = ", None])
def test_load__names_a_file_that_it_cant_read(tmp_path: Path, text: str | None):
    """Broken TOML and a missing file are config errors that name the file."""
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ConfigError, match="mine.toml: can't be read"):
        load(path)


def test_to_toml__reads_back_as_the_same_config(tmp_path: Path):
    """What is written into a run's folder rebuilds its config exactly."""
    config = TrainConfig(
        env='a "b"/ü\n',
        env_kwargs={"size": 5, "see through": True, "scale": 1e-7, "name": "x"},
        vector=VectorConfig(batch_size=4),
        ppo=PPOConfig(learning_rate=1e-5, target_kl=0.02),
        eval=EvalConfig(video="mp4"),
    )
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config))

    assert load(path) == config
