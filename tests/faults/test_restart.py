"""on_failure="restart": lost workers come back, their rows tell of it, and nobody else notices."""

import os
import signal
import time

import numpy as np
import pytest

import pufferlib.vector
from fault_envs import REPEATS, Faulty
from processes import PATIENCE, wait_until
from pufferlib.exceptions import EnvironmentFailed, VectorStateError, WorkerDied

NUM_ENVS, NUM_WORKERS = 6, 3


def make(creator=Faulty, backend="multiprocessing", **kwargs):
    """Makes 6 environments in 3 workers, with episodes of 10 steps."""
    options = {} if backend == "serial" else {"num_workers": NUM_WORKERS, "on_failure": "restart", "timeout_s": 60}
    return pufferlib.vector.make(creator, num_envs=NUM_ENVS, backend=backend, **{**options, **kwargs})


def kill(envs, worker, number=signal.SIGKILL):
    """Sends a worker a signal; a deadly one has had its effect when this returns."""
    process = envs._crew.processes[worker].process
    os.kill(process.pid, number)
    if number == signal.SIGKILL:
        wait_until(lambda: process.poll() is not None, 10)


@pytest.mark.timeout(300)
def test_restart__survives_every_kill():
    """100 of 100 with PUFFERLIB_FAULT_REPEATS, else 12: rows of the lost worker end, without reward, and begin anew."""
    num_kills = 100 if REPEATS > 1 else 12
    with make() as envs:
        last = envs.reset(seed=0)[0].copy()
        for tick in range(num_kills):
            lost = tick % NUM_WORKERS
            own = slice(2 * lost, 2 * lost + 2)
            kill(envs, lost)
            observations, rewards, terminals, truncations, infos = envs.step(np.ones(NUM_ENVS, int))

            assert truncations[own].all()
            assert not terminals.any()
            assert not rewards[own].any()
            assert envs.final_observations[own].tolist() == last[own].tolist()
            assert (observations[own, 1:] == 0).all()
            told = ["killed by signal 9" in info.get("restarted", "") for info in infos]
            assert told == [env // 2 == lost for env in range(NUM_ENVS)]
            last = observations.copy()
        assert envs.num_restarts == num_kills


def test_restart__leaves_every_other_environment_untouched():
    """Beside a worker that is killed again and again, the others play bit for bit as without it."""
    with make(zero_copy=False) as envs, make(backend="serial", zero_copy=False) as twin:
        envs.reset(seed=0)
        twin.reset(seed=0)
        random = np.random.default_rng(0)
        for tick in range(60):
            if tick % 6 == 3:
                kill(envs, 1)
            actions = random.integers(0, 4, NUM_ENVS)
            ours, theirs = envs.step(actions), twin.step(actions)
            for one, other in zip(ours[:4], theirs[:4], strict=True):
                assert np.delete(one, [2, 3], 0).tobytes() == np.delete(other, [2, 3], 0).tobytes()
            if tick % 6 != 3:
                assert [info for i, info in enumerate(ours[4]) if i in (2, 3) and "restarted" in info] == []
        assert envs.num_restarts == 10


def test_restart__plays_other_episodes_than_before():
    """A restarted environment has a seed of its own, which follows from the first."""
    with make() as envs:
        envs.reset(seed=5)
        kill(envs, 0)
        first = envs.step(np.zeros(6, int))[0][:2, 0].tolist()
        kill(envs, 0)
        second = envs.step(np.zeros(6, int))[0][:2, 0].tolist()

    assert (first, second) == ([8, 9], [11, 12])  # 5 + 1,000,003 and so on, of which Faulty shows the last 3 digits


def test_restart__during_a_reset_resets_with_the_same_seeds():
    """Losing a worker in `reset` changes nothing but the info."""
    with make() as envs:
        envs.reset(seed=1)
        kill(envs, 2)
        observations, infos = envs.reset(seed=40, options={"a": 1})

    assert observations[:, 0].tolist() == [40, 41, 42, 43, 44, 45]
    assert ["restarted" in info for info in infos] == [False] * 4 + [True] * 2
    assert all("process" in info for info in infos)


def test_restart__with_next_step_resets_when_the_end_was_seen():
    """The step after the lost one ignores its action and gives the new episode's first observation."""
    with make(autoreset="next_step") as envs:
        envs.reset(seed=0)
        before = envs.step(np.ones(6, int))[0].copy()
        kill(envs, 0)
        envs.send(np.ones(6, int))
        lost = envs.recv()
        assert lost.observations[:2].tolist() == before[:2].tolist()
        assert lost.truncations.tolist() == [True, True, False, False, False, False]
        assert lost.mask.tolist() == [False, False, True, True, True, True]
        envs.send(np.ones(6, int))
        after = envs.recv()
        assert after.observations[:, 1].tolist() == [0, 0, 3, 3, 3, 3]
        assert not after.truncations.any()
        assert after.mask.all()
        assert envs.step(np.ones(6, int))[0][:, 1].tolist() == [1, 1, 4, 4, 4, 4]


def test_restart__with_autoreset_disabled_waits_for_the_reset():
    """The caller resets what was lost, like every episode that is over."""
    with make(autoreset="disabled") as envs:
        envs.reset(seed=0)
        kill(envs, 0)
        envs.step(np.ones(6, int))
        over = envs.arena.episode_over.copy()
        assert over.tolist() == [True, True, False, False, False, False]
        observations, _ = envs.reset(seed=70, options={"reset_mask": over})
        assert observations[:, :2].tolist() == [[70, 0], [71, 0], [2, 1], [3, 1], [4, 1], [5, 1]]
        assert envs.step(np.ones(6, int))[0][:, 1].tolist() == [1, 1, 2, 2, 2, 2]


def test_restart__in_a_partial_reset_truncates_those_that_were_not_reset():
    """A worker that is lost while one of its environments is reset loses the other's episode too."""
    with make(autoreset="disabled") as envs:
        envs.reset(seed=0)
        envs.step(np.ones(6, int))
        kill(envs, 0)
        mask = np.array([True, False, False, False, False, False])
        envs.async_reset(seed=30, options={"reset_mask": mask})
        batch = envs.recv()

        assert batch.truncations.tolist() == [False, True, False, False, False, False]
        assert batch.observations[:3, :2].tolist() == [[30, 0], [1, 1], [2, 1]]


@pytest.mark.parametrize("zero_copy", [True, False])
def test_restart__works_in_small_batches(zero_copy):
    """Fast workers hide no lost one: it is noticed while batches of the others keep coming."""
    with make(batch_size=2, zero_copy=zero_copy) as envs:
        envs.async_reset(seed=0)
        for _ in range(3):
            envs.recv()
            envs.send(np.zeros(2, int))
        kill(envs, 1)
        start, seen = time.monotonic(), []
        while not seen:
            batch = envs.recv()
            seen = [batch.env_id.tolist() for info in batch.infos if "restarted" in info]
            envs.send(np.zeros(2, int))
            assert time.monotonic() - start < 20 * PATIENCE

        assert seen[0] == [2, 3]
        assert envs.num_restarts == 1


@pytest.mark.parametrize("fault", ["raises", "os._exit", "SIGSTOP", "unpicklable info", "NaN reward"])
def test_restart__answers_every_kind_of_failure(fault, tmp_path):
    """Exceptions, deaths and workers that are stuck: the reason is in the info, and the pool goes on."""
    kwargs = [{"fault": fault, "phase": "step", "flag": str(tmp_path / "done")} if i == 3 else {} for i in range(6)]
    with make(env_kwargs=kwargs, infos="all", timeout_s=2 * PATIENCE) as envs:
        envs.reset(seed=0)
        told = []
        for _ in range(6):
            *_, truncations, infos = envs.step(np.ones(6, int))
            told += [info["restarted"] for info in infos if "restarted" in info]
            assert truncations.sum() in (0, 2)
        if "info" in fault or "reward" in fault:  # which happen after the flag was looked at
            assert envs.num_restarts >= 1
        else:
            assert envs.num_restarts == 1
        assert len(told) == 2 * envs.num_restarts


@pytest.mark.parametrize(("fault", "error"), [("raises", EnvironmentFailed), ("os._exit", WorkerDied)])
def test_restart__gives_up_when_it_fails_three_times(fault, error, tmp_path):
    """An environment that can't be made again ends the pool with its own error, caused by the first."""
    broken = tmp_path / "broken"
    with make(lambda: Faulty(fault if broken.exists() else "", "constructor")) as envs:
        envs.reset(seed=0)
        broken.touch()
        kill(envs, 1)
        with pytest.raises(error) as caught:
            envs.step(np.ones(6, int))
        with pytest.raises(VectorStateError, match="failed before"):
            envs.step(np.ones(6, int))

    assert envs.num_restarts == 3
    assert isinstance(caught.value.__cause__, WorkerDied)


def test_restart__keeps_infos_apart_for_gymnasium():
    """As a gymnasium.vector.VectorEnv, a lost episode has a last observation and a last info."""
    pool = make()
    with pool:
        view = pool.as_gymnasium()
        view.reset(seed=0)
        kill(pool, 0)
        *_, infos = view.step(np.ones(6, int))
        view.step(np.ones(6, int))

        assert infos["_final_info"].tolist() == [True, True, False, False, False, False]
        assert "killed by signal 9" in infos["final_info"]["restarted"][0]
