"""PPO on tiny environments: it learns, it repeats itself exactly, and it says what went wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pufferlib.exceptions import CheckpointError, ConfigError, TrainingDiverged
from pufferlib.training import checkpoint
from training.toys import (
    Bandit,
    Both,
    Crowd,
    Poisoned,
    Recall,
    Salary,
    Target,
    make_trainer,
    recent_return,
    train_until,
    train_updates,
)


@pytest.mark.parametrize("env", [Bandit, Target, Both])
def test_train__learns_each_kind_of_action(env: Any):
    """Discrete, continuous and mixed actions are learned to nearly the best return in 60 updates."""
    trainer = make_trainer(env, entropy_coef=0.0)
    train_updates(trainer, 60)

    assert recent_return(trainer) > 0.85


@pytest.mark.parametrize("batch_size", [1, 2, 4])
@pytest.mark.parametrize("recurrent", [False, True])
def test_train__learns_from_batches_of_some_environments(batch_size: int, recurrent: bool):
    """With rotating batches, each row's results go with the choices that led to them."""
    trainer = make_trainer(Bandit, batch_size=batch_size, recurrent=recurrent, entropy_coef=0.0)
    train_updates(trainer, 30)

    assert recent_return(trainer) > 0.9


def test_train__a_recurrent_policy_remembers():
    """An LSTM solves a task in which a policy without memory can't beat chance."""
    lstm, memoryless = (
        make_trainer(Recall, recurrent=recurrent, num_envs=16, horizon=24, num_minibatches=2)
        for recurrent in (True, False)
    )

    assert train_until(lstm, 0.95, most_updates=60)
    assert not train_until(memoryless, 0.95, most_updates=60)
    assert 0.3 < recent_return(memoryless) < 0.7


@pytest.mark.parametrize(
    ("recurrent", "cut", "worth"),
    [
        pytest.param(False, True, 10.0, id="cut"),
        pytest.param(False, False, np.mean([(1 - 0.9**k) / 0.1 for k in range(1, 6)]), id="end"),
        pytest.param(True, True, 10.0, id="cut, recurrent"),
    ],
)
def test_train__values_a_cut_as_going_on(recurrent: bool, cut: bool, worth: float):
    """The critic learns 1 / (1 - gamma) where episodes are cut, and what is left of five steps where they end."""
    options: dict[str, Any] = {"gae_lambda": 0.0 if cut else 1.0, "num_minibatches": 1, "horizon": 20}
    trainer = make_trainer(Salary, cut, recurrent=recurrent, gamma=0.9, max_grad_norm=9.0, num_envs=2, **options)
    train_updates(trainer, 60)

    assert trainer._rollout.values.mean().item() == pytest.approx(worth, rel=0.1)


def test_train__agents_that_come_and_go_learn_and_are_counted():
    """Only steps in which an agent acted count: 2 + 4 + 6 of 18 slots, and each agent learns its number."""
    trainer = make_trainer(Crowd, num_envs=2, horizon=24, entropy_coef=0.0)
    train_updates(trainer, 1)
    alive = trainer._rollout.alive

    assert trainer.counters.steps == alive.sum()
    assert alive.mean() == pytest.approx((2 + 4 + 6) / 18, abs=0.01)
    train_updates(trainer, 40)
    best = {2.0, 4.0, 6.0}
    assert {episode.length for episode in trainer.finished_episodes} == best
    assert recent_return(trainer) > 0.9 * 4


@pytest.mark.parametrize("recurrent", [False, True])
def test_train__same_seed_same_curve(recurrent: bool):
    """Two runs with one seed give the same metrics to the last bit, whatever torch's global seed; others don't."""
    curves = []
    for seed in (5, 5, 6):
        curve: list[dict[str, float]] = []
        torch.manual_seed(len(curves))
        before = torch.get_rng_state()
        trainer = make_trainer(
            Recall,
            recurrent=recurrent,
            seed=seed,
            report=lambda metrics, step, curve=curve: curve.append(dict(metrics)),
        )
        train_updates(trainer, 3)
        for metrics in curve:
            for name in [name for name in metrics if name.startswith(("seconds", "steps_per", "share"))]:
                del metrics[name]
        curves.append(curve)
        assert torch.equal(torch.get_rng_state(), before)

    assert str(curves[0]) == str(curves[1]) != str(curves[2])


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_restore__goes_on_bit_for_bit(tmp_path: Path, recurrent: bool, batch_size: int | None):
    """A trainer restored from a checkpoint does exactly what the one that wrote it goes on to do."""
    options = dict(recurrent=recurrent, batch_size=batch_size, total_steps=2000, anneal_learning_rate=True)
    original = make_trainer(Recall, folder=tmp_path / "a", **options)
    train_updates(original, 3)
    saved = checkpoint.latest(tmp_path / "a")
    twin = make_trainer(Recall, folder=tmp_path / "b", seed=1, **options)
    twin.restore(saved)
    assert twin.counters == original.counters
    for trainer in (original, twin):
        train_updates(trainer, 3)

    assert twin.counters.steps == original.counters.steps
    assert twin.finished_episodes == original.finished_episodes
    a, b = (checkpoint.load(checkpoint.latest(tmp_path / name)).tensors for name in "ab")
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_restore__refuses_another_policys_checkpoint(tmp_path: Path):
    """A checkpoint of a feed-forward policy doesn't fit a recurrent one, and the error says what differs."""
    make_trainer(Bandit, folder=tmp_path).train(lambda: True)
    with pytest.raises(CheckpointError, match="it doesn't fit the policy: .* is unknown"):
        make_trainer(Bandit, recurrent=True).restore(checkpoint.latest(tmp_path))


def test_train__stops_between_steps_and_leaves_a_checkpoint(tmp_path: Path):
    """`stop` ends training within a step, before anything was learned too."""
    trainer = make_trainer(Bandit, folder=tmp_path)

    assert not trainer.train(lambda: True)
    assert checkpoint.load(checkpoint.latest(tmp_path)).counters["updates"] == 0


def test_train__ends_after_total_steps(tmp_path: Path):
    """It reports that it's done, stops at the first update past the goal, and calling it again does nothing."""
    trainer = make_trainer(Bandit, folder=tmp_path, total_steps=300)

    assert trainer.train()
    assert trainer.counters.steps == 3 * 8 * 16
    assert trainer.train()
    assert trainer.counters.updates == 3


def test_train__refuses_an_infinite_reward():
    """A reward that is no finite number ends training with an error that says so."""
    with pytest.raises(TrainingDiverged, match="Update 1: a reward is not a finite number"):
        train_updates(make_trainer(Poisoned), 1)


def test_train__refuses_a_nan_loss(tmp_path: Path):
    """A loss that isn't a number ends training; the last checkpoint is the one from before."""
    trainer = make_trainer(Bandit, folder=tmp_path)
    train_updates(trainer, 1)
    with torch.no_grad():
        next(trainer.policy.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="Update 2: the loss is not a finite number. Lower ppo.learning_rate"):
        train_updates(trainer, 1)

    saved = checkpoint.load(checkpoint.latest(tmp_path))
    assert saved.counters["updates"] == 1
    assert all(tensor.isfinite().all() for tensor in saved.tensors.values())


def test_trainer__refuses_more_minibatches_than_rows():
    """A recurrent policy learns from whole rows, so there can't be more parts than rows."""
    with pytest.raises(ConfigError, match="there are 2. Choose 2 or fewer"):
        make_trainer(Bandit, recurrent=True, num_envs=2, num_minibatches=4)


def test_train__reports_where_time_went_and_what_was_learned():
    """Every metric is there with the first update, finite, and the shares of time sum to one."""
    seen: list[dict[str, float]] = []
    trainer = make_trainer(Bandit, report=lambda metrics, step: seen.append(dict(metrics)))
    train_updates(trainer, 1)

    assert {"episode_return", "entropy", "kl", "grad_norm", "explained_variance", "steps_per_second"} <= seen[0].keys()
    assert all(np.isfinite(value) for value in seen[0].values())
    assert sum(value for name, value in seen[0].items() if name.startswith("share_")) == pytest.approx(1)


def test_train__target_kl_ends_epochs_early():
    """Past `target_kl`, no further epoch is spent on a rollout."""
    counts = []
    for target_kl in (None, 1e-9):
        trainer = make_trainer(Bandit, update_epochs=10, target_kl=target_kl)
        step, calls = trainer.optimizer.step, []
        trainer.optimizer.step = lambda step=step, calls=calls: (calls.append(time.perf_counter()), step())[1]  # type: ignore[method-assign]
        train_updates(trainer, 1)
        counts.append(len(calls))

    assert counts[0] == 20
    assert counts[1] < 20
