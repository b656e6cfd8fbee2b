"""The sanity suite itself: what it plays, how it counts, what it says."""

from __future__ import annotations

import io
from typing import Any

import gymnasium
import numpy as np
import pytest

import pufferlib.sanity
from pufferlib import cli
from pufferlib.exceptions import ConfigError
from pufferlib.sanity import SanityTask, evaluate, random_act
from pufferlib.sanity._run import Result
from pufferlib.sanity._table import watching


def perfect_bandit(observations: Any, starts: Any) -> Any:
    """Plays the bandit as well as one can."""
    return observations.argmax(1)


@pytest.mark.parametrize("name", pufferlib.sanity.names())
def test_evaluate__random_play_scores_what_the_task_says(name: str):
    """Uniformly random actions get about `random`, so 0 on the normalized scale."""
    task = pufferlib.sanity.task(name)
    score = evaluate(task, random_act(task, 1), 1, episodes=2048)

    assert score == pytest.approx(task.random, abs=0.04)
    assert abs(task.normalize(score)) < 0.1


def test_evaluate__a_perfect_player_gets_the_optimum():
    """The score is that of the actions that were given, and the same each time."""
    task = pufferlib.sanity.task("bandit")

    assert evaluate(task, perfect_bandit) == 1
    assert evaluate(task, random_act(task, 3)) == evaluate(task, random_act(task, 3)) != 1


def test_evaluate__tells_where_episodes_start():
    """A player who remembers the first symbol of each episode is always right."""
    task = pufferlib.sanity.task("memory")
    first = np.zeros(64, int)

    def act(observations: Any, starts: Any) -> Any:
        first[starts] = observations[starts].argmax(1)
        return first

    assert evaluate(task, act) == 1


def test_evaluate__counts_each_agent():
    """Agents that come and go are scored one by one: half of them right is a half."""
    task = pufferlib.sanity.task("absent")

    assert evaluate(task, lambda observations, starts: np.ones(len(observations), int)) == 1
    assert evaluate(task, lambda observations, starts: np.arange(len(observations)) % 2) == 0.5


def test_evaluate__refuses_too_few_actions():
    """The error says how many there were."""
    with pytest.raises(ConfigError, match="it gave 1 actions for 64 rows"):
        evaluate(pufferlib.sanity.task("bandit"), lambda observations, starts: np.zeros(1, int))


def test_run__a_trainer_that_raises_is_a_result():
    """An error means not solved, `NotImplementedError` not supported; the other tasks go on."""

    def solve(task: SanityTask, seed: int) -> Any:
        if task.name == "memory":
            raise NotImplementedError("no memory")
        if task.name == "seeds":
            raise ZeroDivisionError("oh")
        return perfect_bandit

    results = list(pufferlib.sanity.run(solve, ["memory", "seeds", "bandit"], seeds=(1, 2)))

    assert [(r.supported, r.solved) for r in results] == [(False, False)] * 2 + [(True, False)] * 2 + [(True, True)] * 2
    assert str(results[0]) == "memory: not supported (no memory)"
    assert "not solved ZeroDivisionError: oh" in str(results[2])
    assert [r.seed for r in results] == [1, 2] * 3


def test_task__names_the_nearest():
    """A slip is answered with what was meant."""
    with pytest.raises(ConfigError, match="Did you mean bandit"):
        pufferlib.sanity.tasks(["memory", "bandt"])


@pytest.mark.parametrize("name", ["bandit", "spaces", "mixed", "squared"])
def test_task__is_a_gymnasium_environment_too(name: str):
    """`gymnasium.make` has it by its id, with spaces as they were written."""
    env = gymnasium.make(pufferlib.sanity.task(name).gymnasium_id)
    observation, _ = env.reset(seed=1)

    assert env.observation_space.contains(observation)
    env.close()


def test_async__gives_some_of_the_environments_at_a_time():
    """A quarter of the rows is in each batch, and the four batches are all rows."""
    with pufferlib.sanity.task("async").make_pool() as pool:
        pool.async_reset(seed=1)
        seen = []
        for _ in range(4):
            batch = pool.recv()
            seen.append(batch.env_id)
            pool.send(np.zeros(len(batch.env_id), int))

    assert [len(rows) for rows in seen] == [256] * 4
    assert sorted(np.concatenate(seen)) == list(range(1024))


def test_table__says_what_was_solved():
    """Lines as they come, then a row for each task with its bugs; of two seeds the worse score."""
    tasks = pufferlib.sanity.tasks(["bandit", "memory"])
    results = [Result(tasks[0], 1, 1.0, 1.5), Result(tasks[0], 2, 0.5, 2.5), Result(tasks[1], 1, 1.0, 3.0)]
    file = io.StringIO()
    with watching(tasks, 2, file) as show:
        show(results[:1], tasks[0])
        show(results, None)

    text = file.getvalue()
    assert text.startswith(
        "seed 1  bandit: 1.000 of 1 in 1.5 s, solved\nseed 2  bandit: 0.500 of 1 in 2.5 s, not solved\n"
    )
    row = next(line for line in text.splitlines() if "│ bandit" in line)
    assert all(word in row for word in ("0.250", "0.500", "2.5", "1 of 2", "observations misaligned"))


def test_puffer_sanity__exit_code_says_whether_all_is_solved(monkeypatch: Any, capsys: Any):
    """0 if all tasks are solved, 1 if one isn't, 2 for wrong usage."""
    import pufferlib.sanity.ppo

    monkeypatch.setattr(pufferlib.sanity.ppo, "solve", lambda task, seed, device: perfect_bandit)

    assert cli.main(["sanity", "bandit", "seeds", "--seeds", "2"]) == 0
    assert "Solved 4 of 4" in capsys.readouterr().out
    assert cli.main(["sanity", "bandit", "terminal"]) == 1
    assert cli.main(["sanity", "bandit", "--seeds", "0"]) == 2
    assert cli.main(["sanity", "nothing"]) == 1
    assert "no sanity task of this name" in capsys.readouterr().err
    assert cli.main(["sanity", "bandit", "--device", "warp"]) == 1
    assert "'warp' can't be used" in capsys.readouterr().err
