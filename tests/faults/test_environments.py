"""Environments that go wrong in a worker: the caller gets a documented error that says which, where and why."""

import re
import time

import numpy as np
import pytest

import pufferlib.vector
from fault_envs import ACTS, INFOS, IS_SANITIZED, OBSERVATIONS, Faulty
from processes import PATIENCE
from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption, WorkerDied, WorkerStuck
from pufferlib.vector._messages import WorkerTraceback

pytestmark = pytest.mark.usefixtures("repeat")

RAISED = {
    "raises": "ValueError: the floor is gone",
    "raises unpicklable": "Unpicklable: its text can't be had",
    "raises megabytes": "ValueError: xxx",
    "raises a group": "ExceptionGroup: both",
    "exits": "SystemExit: 3",
    "is interrupted": "KeyboardInterrupt",
}
DEATHS = {"os._exit": 7, "SIGKILL": -9, "SIGTERM": -15, "segmentation fault": -6 if IS_SANITIZED else -11}


def make(fault, phase, at=3, faulty=(2,), **kwargs):
    """Makes 4 environments in 2 workers, of which number 2 goes wrong."""
    own = [{"fault": fault, "phase": phase, "at": at} if index in faulty else {} for index in range(4)]
    return pufferlib.vector.make(
        Faulty, env_kwargs=own, num_envs=4, num_workers=2, backend="multiprocessing", **{"timeout_s": 60, **kwargs}
    )


def play(fault, phase, **kwargs):
    """Makes, resets and steps until something goes wrong; at last closes."""
    with make(fault, phase, **kwargs) as envs:
        envs.reset(seed=50)
        for _ in range(4):
            envs.step(np.ones(4, int))


@pytest.mark.parametrize("phase", ["constructor", "reset", "step"])
@pytest.mark.parametrize("fault", RAISED)
def test_environment__that_raises_is_named(fault, phase):
    """The error names worker, environment, phase and seed, and carries the traceback of the worker."""
    with pytest.raises(EnvironmentFailed, match=re.escape(RAISED[fault])) as caught:
        play(fault, phase)

    error = caught.value
    assert (error.worker, error.env_index, error.phase) == (1, 2, phase)
    assert error.seed == (None if phase == "constructor" else 52)
    assert "worker 1, " in str(error)
    assert isinstance(error.__cause__, WorkerTraceback)
    assert "fault_envs.py" in str(error.__cause__)
    assert "in _act" in str(error.__cause__)
    assert len(str(error)) < 3000


@pytest.mark.parametrize("phase", ["constructor", "reset", "step"])
@pytest.mark.parametrize("fault", DEATHS)
def test_worker__that_dies_is_noticed(fault, phase):
    """The error names the worker, its environments, how it ended and in which call; it comes within a second."""
    with pytest.raises(WorkerDied) as caught:
        play(fault, phase)

    error = caught.value
    assert (error.worker, error.envs, error.exitcode, error.during) == (1, range(2, 4), DEATHS[fault], phase)


@pytest.mark.parametrize("phase", ["constructor", "reset", "step"])
@pytest.mark.parametrize("fault", ["SIGSTOP", "hangs"])
def test_worker__that_is_stuck_is_noticed(fault, phase):
    """After `timeout_s` the error names the worker and the call; what is stuck doesn't outlive the pool."""
    # Starting an interpreter may take seconds on a busy machine.
    limit = {"start_timeout_s": 15.0} if phase == "constructor" else {"timeout_s": 2.0 * PATIENCE}
    with pytest.raises(WorkerStuck) as caught:
        play(fault, phase, **limit)

    error = caught.value
    assert (error.worker, error.envs, [error.timeout_s], error.during) == (1, range(2, 4), list(limit.values()), phase)


@pytest.mark.parametrize("fault", ["SIGSTOP", "hangs", "os._exit", "SIGKILL"])
def test_close__ends_environments_that_cannot(fault):
    """Closing takes seconds at most, also when an environment hangs or dies in its own `close`."""
    envs = make(fault, "close")
    envs.reset()
    start = time.monotonic()
    envs.close()

    assert time.monotonic() - start < 20 * PATIENCE


def test_close__reports_what_environments_raise():
    """An environment that raises when it is closed is named, and the others are closed all the same."""
    envs = make("raises", "close")
    envs.reset(seed=50)
    with pytest.raises(EnvironmentFailed, match=r"Environment 2 \(worker 1, seed 52\) failed in close: ValueError"):
        envs.close()


@pytest.mark.parametrize("fault", [*OBSERVATIONS, "NaN reward"])
def test_environment__that_breaks_its_promise_is_named(fault):
    """Observations that aren't in the space and rewards that are no number don't reach the policy."""
    with pytest.raises(EnvironmentFailed) as caught:
        play(fault, "step", at=1)  # bounds are looked at in the first steps only

    assert (caught.value.worker, caught.value.env_index, caught.value.phase, caught.value.seed) == (1, 2, "step", 52)
    assert "Mismatch: " in str(caught.value) or "the reward is NaN" in str(caught.value)


def test_environment__with_other_spaces_is_named():
    """Spaces that differ between workers are found before anything is stepped."""
    with pytest.raises(InvalidVectorOption, match=r"makes environment 2 with observation space Box\(.*\(4,\)"):
        play("other spaces", "constructor", faulty=(2, 3))


@pytest.mark.parametrize("fault", ["unpicklable info", "info that can't be loaded"])
def test_info__that_cannot_travel_is_named(fault):
    """An info that one process can't send, or the other can't read, is an error of its environment."""
    with pytest.raises(EnvironmentFailed, match="pickled") as caught:
        play(fault, "step", infos="all")

    assert caught.value.worker == 1
    assert caught.value.env_index == 2


def test_info__of_megabytes_arrives():
    """Infos larger than any buffer block nobody."""
    with make("megabytes of info", "step", infos="all") as envs:
        envs.reset(seed=0)
        infos = [envs.step(np.ones(4, int))[4] for _ in range(4)]

    assert [len(each) for each in infos[2]] == [0, 0, 1, 0]
    assert infos[2][2]["video"].sum() == 4_000_000


@pytest.mark.parametrize("calls", ["send", "send recv", "send async_reset"])
def test_info__of_megabytes_that_nobody_reads_blocks_nobody(calls):
    """Closing and resetting work while a worker still has megabytes to say."""
    with make("megabytes of info", "step", infos="all") as envs:
        envs.reset(seed=0)
        for _ in range(2):
            envs.step(np.ones(4, int))
        for call in calls.split():
            getattr(envs, call)(*([np.ones(4, int)] if call == "send" else []))


def test_reset__with_megabytes_of_options_arrives():
    """So do messages to workers that are larger than any buffer."""
    options = {"level": np.ones(4_000_000, np.uint8)}
    with make("", "") as envs:
        for _ in range(3):
            envs.reset(seed=3, options=options)
            envs.async_reset(options=options)


def test_faults__cover_the_table():
    """Every fault that the environments know is used above."""
    used = {*RAISED, *DEATHS, "SIGSTOP", "hangs", *OBSERVATIONS, *INFOS}

    assert used == {*ACTS, *OBSERVATIONS, *INFOS}
