"""async_reset, send and recv: batches, their order and their ids."""

import numpy as np
import pytest

import pufferlib.vector
from pufferlib.exceptions import VectorStateError
from vector_envs import BACKENDS, Counter

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def test_recv__gives_seven_parts(backend):
    """A batch is a tuple in the documented order, with names."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        envs.async_reset(seed=3)
        batch = envs.recv()
        observations, rewards, terminals, truncations, infos, env_id, mask = batch

        assert batch._fields == (
            "observations", "rewards", "terminals", "truncations", "infos", "env_id", "mask"
        )  # fmt: skip
        assert observations[:, 0].tolist() == [3, 4]
        assert (rewards.tolist(), terminals.tolist(), truncations.tolist()) == ([0, 0], [False, False], [False, False])
        assert infos == [{"begin": 0}, {"begin": 0}]
        assert (env_id.tolist(), mask.tolist()) == ([0, 1], [True, True])


def test_send__goes_to_the_batch_received_last(backend):
    """Actions reach the environments of the last batch, whichever those were."""
    with pufferlib.vector.make(Counter, [100], backend=backend, num_envs=4, batch_size=2, zero_copy=False) as envs:
        envs.async_reset(seed=0)
        steps = dict.fromkeys(range(4), 0)
        actions = dict.fromkeys(range(4), -1)
        for tick in range(40):
            batch = envs.recv()
            for row, env in zip(batch.observations, batch.env_id.tolist(), strict=True):
                assert row.tolist() == [env, 0, steps[env], actions[env]]
                steps[env] += 1
                actions[env] = (tick + env) % 9
            envs.send([actions[env] for env in batch.env_id.tolist()])

        assert sum(steps.values()) == 80
        assert backend != "serial" or set(steps.values()) == {20}


def test_serial__takes_turns_over_blocks(backend):
    """Serial is the deterministic stand-in: consecutive blocks, one after the other."""
    with pufferlib.vector.make(Counter, num_envs=6, batch_size=2) as envs:
        envs.async_reset()
        ids = []
        for _ in range(5):
            ids.append(envs.recv().env_id.tolist())
            envs.send([0, 0])

    assert ids == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]


def test_env_id__is_the_callers(backend):
    """Sorting or changing env_id in place doesn't reach the pool."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2) as envs:
        envs.async_reset()
        envs.recv().env_id[:] = 77
        envs.send([0, 0])

        assert envs.recv().env_id.tolist() == [0, 1]


def test_async_reset__drops_what_was_under_way(backend):
    """A reset in the middle of anything starts over with all environments."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=4, batch_size=2) as envs:
        envs.async_reset(seed=0)
        envs.recv()
        envs.send([1, 1])
        envs.async_reset(seed=10)
        seen = {}
        while len(seen) < 4:  # fast environments may come again before slow ones
            batch = envs.recv()
            for env, row in zip(batch.env_id.tolist(), batch.observations.tolist(), strict=True):
                seen.setdefault(env, row)
            envs.send([0, 0])

    assert {env: row[0] for env, row in seen.items()} == {0: 10, 1: 11, 2: 12, 3: 13}
    assert all(row[2:] == [0, -1] for row in seen.values())


@pytest.mark.parametrize(("before", "call"), [
    ("new", "send"), ("new", "recv"), ("new", "step"), ("new", "final_observations"),
    ("ready", "recv"), ("pending", "send"), ("pending", "step"), ("pending", "final_observations"),
])  # fmt: skip
def test_calls__out_of_turn_say_what_to_call(backend, before, call):
    """A call in the wrong state names what comes first, and changes nothing."""
    with pufferlib.vector.make(Counter, backend=backend) as envs:
        if before != "new":
            envs.async_reset()
        if before == "ready":
            envs.recv()
        with pytest.raises(VectorStateError, match="first"):
            use(envs, call)
        if before == "new":
            envs.async_reset()
        if before == "ready":
            envs.send([0])

        assert envs.recv().observations.shape == (1, 4)


def use(envs, call):
    """Makes one call by name."""
    return {
        "reset": lambda: envs.reset(),
        "async_reset": lambda: envs.async_reset(),
        "step": lambda: envs.step([0]),
        "send": lambda: envs.send([0]),
        "recv": lambda: envs.recv(),
        "final_observations": lambda: envs.final_observations,
    }[call]()


@pytest.mark.parametrize("call", ["reset", "step"])
def test_calls__that_need_all_environments_refuse_small_batches(backend, call):
    """Reset and step wait for all environments: with smaller batches they say what to use instead."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2, batch_size=1) as envs:
        envs.async_reset()
        envs.recv()

        with pytest.raises(VectorStateError, match=r"Batches hold 1 of 2 environments\. Call async_reset"):
            use(envs, call)


def test_reset_mask__needs_batches_of_all(backend):
    """A partial reset gives one batch, so it must hold all environments."""
    with pufferlib.vector.make(Counter, backend=backend, num_envs=2, batch_size=1) as envs:
        envs.async_reset()
        envs.recv()

        with pytest.raises(VectorStateError, match="leave out batch_size and reset_mask"):
            envs.async_reset(options={"reset_mask": np.array([True, False])})


@pytest.mark.parametrize("call", ["reset", "async_reset", "step", "send", "recv", "final_observations"])
def test_calls__after_close_say_so(backend, call):
    """Every call after close is refused."""
    envs = pufferlib.vector.make(Counter, backend=backend)
    envs.reset()
    envs.close()

    with pytest.raises(VectorStateError, match=r"The pool is closed\. Make a new one"):
        use(envs, call)


def test_final_observations__belong_to_the_last_batch(backend):
    """With small batches the rows are those of the batch at hand."""
    with pufferlib.vector.make(Counter, [1], backend=backend, num_envs=2, batch_size=1) as envs:
        envs.async_reset(seed=0)
        ended = {}
        while len(ended) < 2:
            batch = envs.recv()
            if batch.terminals[0]:
                ended.setdefault(int(batch.env_id[0]), envs.final_observations.tolist())
            envs.send([6])

    assert ended == {0: [[0, 0, 1, 6]], 1: [[1, 0, 1, 6]]}
