"""Environments that raise, and closing in every state."""

import os
import pickle
import signal
import sys
import time

import pytest

import pufferlib.vector
from pufferlib.exceptions import EnvironmentFailed, VectorStateError
from pufferlib.vector._messages import WorkerTraceback
from vector_envs import BACKENDS, FAIL, Counter

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def failing(phase, position=1, num_envs=3):
    """Keyword arguments with which one environment of the pool fails in a phase."""
    return [{"fails_in": phase if index == position else ""} for index in range(num_envs)]


def assert_cause(error, kind, backend):
    """Checks for the original exception, or the worker's traceback of it."""
    if backend == "serial":
        assert isinstance(error.__cause__, kind)
    else:
        assert isinstance(error.__cause__, WorkerTraceback)
        assert f"{kind.__name__}: " in str(error.__cause__)
        assert "in _guard" in str(error.__cause__) or "in step" in str(error.__cause__)
        assert error.worker == 0


def test_constructor__failure_closes_those_made_before(backend, tmp_path):
    """The error names the environment; the ones that exist already are closed."""
    log = tmp_path / "log"
    kwargs = [{**each, "log": log} for each in failing("constructor", 2)]
    with pytest.raises(EnvironmentFailed) as caught:
        pufferlib.vector.make(Counter, env_kwargs=kwargs, num_envs=3, backend=backend, num_workers=1)

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (2, "constructor", None)
    assert "no memory for this one" in str(caught.value)
    assert_cause(caught.value, RuntimeError, backend)
    assert log.read_text() == "mmcc"


def test_constructor__failure_survives_an_environment_that_cannot_close(backend):
    """The first error is the one that is reported."""
    kwargs = [{"fails_in": "close"}, {"fails_in": "constructor"}]

    with pytest.raises(EnvironmentFailed, match="no memory"):
        pufferlib.vector.make(Counter, env_kwargs=kwargs, num_envs=2, backend=backend)


def test_constructor__of_something_else_is_an_environment_failure(backend):
    """A creator that doesn't make an environment is told apart from the library's own errors."""
    with pytest.raises(EnvironmentFailed, match=r"Environment 0 \(.*no seed\) failed in constructor"):
        pufferlib.vector.make(lambda: 3, backend=backend)


def test_constructor__too_little_memory_closes_the_environments(backend, monkeypatch, tmp_path):
    """When the arena can't be allocated, no environment is left open."""
    log = tmp_path / "log"

    def no_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr("pufferlib.vector._arena.Arena.allocate", no_memory)
    monkeypatch.setattr("pufferlib.vector._memory.SharedMemory.resize", no_memory)
    with pytest.raises(MemoryError):
        pufferlib.vector.make(Counter, env_kwargs={"log": log}, num_envs=2, backend=backend)

    assert sorted(log.read_text()) == list("ccmm")


def test_reset__failure_names_environment_and_seed(backend):
    """A reset that raises carries index, phase, seed and the original error."""
    with pufferlib.vector.make(
        Counter, env_kwargs=failing("reset"), num_envs=3, backend=backend, num_workers=1
    ) as envs:
        with pytest.raises(EnvironmentFailed) as caught:
            envs.reset(seed=40)

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (1, "reset", 41)
    where = "seed 41" if backend == "serial" else "worker 0, seed 41"
    assert str(caught.value) == f"Environment 1 ({where}) failed in reset: RuntimeError: no level to load"
    assert_cause(caught.value, RuntimeError, backend)


@pytest.mark.parametrize("autoreset", ["same_step", "next_step", "disabled"])
def test_step__failure_names_environment_and_seed(backend, autoreset):
    """A step that raises carries the seed of the last seeded reset."""
    with pufferlib.vector.make(Counter, num_envs=3, backend=backend, num_workers=1, autoreset=autoreset) as envs:
        envs.reset(seed=40)
        envs.step([0, 0, 0])
        with pytest.raises(EnvironmentFailed) as caught:
            envs.step([0, 0, FAIL])

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (2, "step", 42)
    assert_cause(caught.value, ZeroDivisionError, backend)


@pytest.mark.parametrize("autoreset", ["same_step", "next_step"])
def test_step__failure_in_an_autoreset_is_a_reset_failure(backend, autoreset):
    """The phase says what the environment was doing."""

    class OnceOnly(Counter):
        def reset(self, **kwargs):
            if self.episode == 0:
                raise RuntimeError("only one episode in here")
            return super().reset(**kwargs)

    with pufferlib.vector.make([Counter, OnceOnly], [[9], [2]], backend=backend, autoreset=autoreset) as envs:
        envs.reset(seed=5)
        with pytest.raises(EnvironmentFailed) as caught:
            for _ in range(3):
                envs.step([0, 0])

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (1, "reset", 6)


def test_failure__comes_from_recv_and_names_the_row_of_a_small_batch(backend):
    """Send takes the actions, recv reports; the index counts all environments."""
    with pufferlib.vector.make(Counter, num_envs=4, batch_size=1, backend=backend) as envs:
        envs.async_reset(seed=0)
        with pytest.raises(EnvironmentFailed) as caught:
            for _ in range(1000):
                env = int(envs.recv().env_id[0])
                envs.send([FAIL if env == 2 else 0])

    assert (caught.value.env_index, caught.value.seed) == (2, 2)


@pytest.mark.parametrize("call", ["reset", "async_reset", "step", "send", "recv", "final_observations"])
def test_failure__pool_refuses_use_afterwards(backend, call):
    """After an error only close works; the refusal repeats the cause."""
    with pufferlib.vector.make(Counter, backend=backend) as envs:
        envs.reset()
        with pytest.raises(EnvironmentFailed):
            envs.step([FAIL])
        arguments = {"step": ([0],), "send": ([0],)}.get(call, ())

        with pytest.raises(VectorStateError, match=r"failed before: Environment 0 .*the floor is gone.*close\(\) it"):
            getattr(envs, call) if call == "final_observations" else getattr(envs, call)(*arguments)


def test_failure__an_interrupt_in_the_driver_fails_the_pool(backend):
    """Ctrl-C while an environment steps stays a KeyboardInterrupt, but rows are half written."""

    class Interrupting(Counter):
        def step(self, action):
            os.kill(driver, signal.SIGINT)
            time.sleep(0.3)
            return super().step(action)

    driver = os.getpid()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
    with pufferlib.vector.make(Interrupting, backend=backend) as envs:
        envs.reset()
        with pytest.raises(KeyboardInterrupt):
            envs.step([0])
        signal.signal(signal.SIGINT, handler)

        with pytest.raises(VectorStateError, match="KeyboardInterrupt"):
            envs.step([0])


def test_failure__an_exit_in_an_environment_is_its_failure(backend):
    """An environment that calls `sys.exit` doesn't end the driver."""

    class Leaving(Counter):
        def step(self, action):
            sys.exit(3)

    with pufferlib.vector.make([Counter, Leaving], backend=backend) as envs:
        envs.reset(seed=5)
        with pytest.raises(EnvironmentFailed, match="SystemExit: 3") as caught:
            envs.step([0, 0])

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (1, "step", 6)


def test_failure__survives_pickling(backend):
    """The error can travel between processes."""
    with pufferlib.vector.make(
        Counter, env_kwargs=failing("reset"), num_envs=3, backend=backend, num_workers=1
    ) as envs:
        with pytest.raises(EnvironmentFailed) as caught:
            envs.reset(seed=40)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("state", ["new", "ready", "pending", "failed", "closed"])
def test_close__works_in_every_state_and_twice(backend, state, tmp_path):
    """Every environment is closed exactly once, whatever the pool was doing."""
    log = tmp_path / "log"
    envs = pufferlib.vector.make(Counter, env_kwargs={"log": log}, num_envs=2, backend=backend)
    if state != "new":
        envs.async_reset()
    if state == "ready":
        envs.recv()
    if state == "failed":
        envs.recv()
        with pytest.raises(EnvironmentFailed):
            envs.step([FAIL, 0])
    if state == "closed":
        envs.close()
    envs.close()
    envs.close()

    assert envs.closed
    assert sorted(log.read_text()) == list("ccmm")


def test_close__failure_is_raised_after_closing_the_others(backend, tmp_path):
    """One environment that can't close doesn't keep the others open; the second close is silent."""
    log = tmp_path / "log"
    kwargs = [{**each, "log": log} for each in failing("close")]
    envs = pufferlib.vector.make(Counter, env_kwargs=kwargs, num_envs=3, backend=backend)
    envs.reset(seed=4)

    with pytest.raises(EnvironmentFailed, match=r"Environment 1 \(.*seed 5\) failed in close: OSError"):
        envs.close()
    envs.close()
    assert sorted(log.read_text()) == list("cccmmm")


def test_close__in_a_with_block_keeps_the_first_error(backend):
    """A failing close is a note on the error that ended the block."""
    with pytest.raises(ValueError, match="mine") as caught:
        with pufferlib.vector.make(Counter, env_kwargs={"fails_in": "close"}, backend=backend):
            raise ValueError("mine")

    assert any("the socket is stuck" in note for note in caught.value.__notes__)


def test_close__in_a_with_block_raises_its_own_error(backend):
    """Without another error the block raises what close raises."""
    with pytest.raises(EnvironmentFailed, match="the socket is stuck"):
        with pufferlib.vector.make(Counter, env_kwargs={"fails_in": "close"}, backend=backend):
            pass
