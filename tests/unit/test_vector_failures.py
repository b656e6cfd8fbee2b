"""Environments that raise, and closing in every state."""

import pickle

import pytest

import pufferlib.vector
from pufferlib.exceptions import EnvironmentFailed, VectorStateError
from vector_envs import BACKENDS, FAIL, Counter

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def failing(phase, position=1, num_envs=3):
    """Keyword arguments with which one environment of the pool fails in a phase."""
    return [{"fails_in": phase if index == position else ""} for index in range(num_envs)]


def test_constructor__failure_closes_those_made_before(backend):
    """The error names the environment; the ones that exist already are closed."""
    made = []

    def creator(fails_in):
        made.append(Counter(fails_in=fails_in))
        return made[-1]

    with pytest.raises(EnvironmentFailed) as caught:
        pufferlib.vector.make(creator, env_kwargs=failing("constructor", 2), num_envs=3, backend=backend)

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (2, "constructor", None)
    assert "no memory for this one" in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert [env.num_closed for env in made] == [1, 1]


def test_constructor__failure_survives_an_environment_that_cannot_close(backend):
    """The first error is the one that is reported."""
    kwargs = [{"fails_in": "close"}, {"fails_in": "constructor"}]

    with pytest.raises(EnvironmentFailed, match="no memory"):
        pufferlib.vector.make(Counter, env_kwargs=kwargs, num_envs=2, backend=backend)


def test_constructor__of_something_else_is_an_environment_failure(backend):
    """A creator that doesn't make an environment is told apart from the library's own errors."""
    with pytest.raises(EnvironmentFailed, match=r"Environment 0 \(no seed\) failed in constructor"):
        pufferlib.vector.make(lambda: 3, backend=backend)


def test_constructor__too_little_memory_closes_the_environments(backend, monkeypatch):
    """When the arena can't be allocated, no environment is left open."""
    made = []

    def creator():
        made.append(Counter())
        return made[-1]

    def no_memory(spec):
        raise MemoryError

    monkeypatch.setattr("pufferlib.vector._arena.Arena.allocate", no_memory)
    with pytest.raises(MemoryError):
        pufferlib.vector.make(creator, num_envs=2, backend=backend)

    assert [env.num_closed for env in made] == [1, 1]


def test_reset__failure_names_environment_and_seed(backend):
    """A reset that raises carries index, phase, seed and the original error."""
    with pufferlib.vector.make(Counter, env_kwargs=failing("reset"), num_envs=3, backend=backend) as envs:
        with pytest.raises(EnvironmentFailed) as caught:
            envs.reset(seed=40)

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (1, "reset", 41)
    assert str(caught.value) == "Environment 1 (seed 41) failed in reset: RuntimeError: no level to load"
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("autoreset", ["same_step", "next_step", "disabled"])
def test_step__failure_names_environment_and_seed(backend, autoreset):
    """A step that raises carries the seed of the last seeded reset."""
    with pufferlib.vector.make(Counter, num_envs=3, backend=backend, autoreset=autoreset) as envs:
        envs.reset(seed=40)
        envs.step([0, 0, 0])
        with pytest.raises(EnvironmentFailed) as caught:
            envs.step([0, 0, FAIL])

    assert (caught.value.env_index, caught.value.phase, caught.value.seed) == (2, "step", 42)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


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
            for _ in range(10):
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


def test_failure__an_interrupt_passes_unchanged_and_fails_the_pool(backend):
    """Ctrl-C in an environment stays a KeyboardInterrupt, but its rows are half written."""

    class Interrupted(Counter):
        def step(self, action):
            raise KeyboardInterrupt

    with pufferlib.vector.make(Interrupted, backend=backend) as envs:
        envs.reset()
        with pytest.raises(KeyboardInterrupt):
            envs.step([0])

        with pytest.raises(VectorStateError, match="KeyboardInterrupt"):
            envs.step([0])


def test_failure__survives_pickling(backend):
    """The error can travel between processes."""
    with pufferlib.vector.make(Counter, env_kwargs=failing("reset"), num_envs=3, backend=backend) as envs:
        with pytest.raises(EnvironmentFailed) as caught:
            envs.reset(seed=40)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("state", ["new", "ready", "pending", "failed", "closed"])
def test_close__works_in_every_state_and_twice(backend, state):
    """Every environment is closed exactly once, whatever the pool was doing."""
    made = []

    def creator():
        made.append(Counter())
        return made[-1]

    envs = pufferlib.vector.make(creator, num_envs=2, backend=backend)
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
    assert [env.num_closed for env in made] == [1, 1]


def test_close__failure_is_raised_after_closing_the_others(backend):
    """One environment that can't close doesn't keep the others open; the second close is silent."""
    made = []

    def creator(fails_in):
        made.append(Counter(fails_in=fails_in))
        return made[-1]

    envs = pufferlib.vector.make(creator, env_kwargs=failing("close"), num_envs=3, backend=backend)
    envs.reset(seed=4)

    with pytest.raises(EnvironmentFailed, match=r"Environment 1 \(seed 5\) failed in close: OSError"):
        envs.close()
    envs.close()
    assert [env.num_closed for env in made] == [1, 1, 1]


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
