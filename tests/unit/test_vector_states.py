"""Random sequences of calls: a pool does what a model of it says, or raises a documented error."""

import os
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

import pufferlib.vector
from pufferlib.exceptions import ActionMismatch, EnvironmentFailed, InvalidVectorOption, VectorStateError
from vector_envs import BACKENDS, FAIL, Counter

ACTIONS = st.integers(0, FAIL - 1)


@dataclass
class Model:
    """What one Counter's row must look like, in the order that the pool works it off."""

    index: int
    length: int
    seed: int = -1
    episode: int = -1
    count: int = 0
    action: int = -1
    reward: float = 0.0
    ended: bool = False  # in the last step
    over: bool = False

    def reset(self, seed=None):
        """Begins the next episode."""
        self.seed = self.seed if seed is None else seed
        self.episode, self.count, self.action, self.reward = self.episode + 1, 0, -1, 0.0
        self.ended = self.over = False

    def step(self, action, autoreset):
        """Counts, and resets as the mode says."""
        if autoreset == "next_step" and self.over:
            self.reset()
            return
        self.count, self.action = self.count + 1, action
        self.ended = self.over = self.count >= self.length
        reward = 100.0 * self.episode + self.count
        if self.over and autoreset == "same_step":
            self.reset()
            self.ended = True
        self.reward = reward

    @property
    def row(self):
        """The observation."""
        return [self.seed, self.episode, self.count, self.action]


class PoolMachine(RuleBasedStateMachine):
    """Calls in any order, each checked against the model's state."""

    backend = "serial"

    @initialize(
        shape=st.sampled_from([(1, 1), (2, 2), (4, 2), (3, 1)]),
        autoreset=st.sampled_from(["same_step", "next_step", "disabled"]),
        zero_copy=st.booleans(),
    )
    def make(self, shape, autoreset, zero_copy):
        """Makes a pool with episodes of different lengths."""
        self.num_envs, self.batch_size = shape
        self.autoreset = autoreset
        self.envs = pufferlib.vector.make(
            Counter,
            env_kwargs=[{"length": 1 + index} for index in range(self.num_envs)],
            num_envs=self.num_envs,
            batch_size=self.batch_size,
            autoreset=autoreset,
            zero_copy=zero_copy,
            backend=self.backend,
        )
        self.models = [Model(index, 1 + index) for index in range(self.num_envs)]
        self.state = "new"
        self.queue = {}  # what to do with blocks of environments, by their first
        self.last = None  # the environments of the last batch

    def teardown(self):
        """Closes the pool in whatever state it is."""
        if hasattr(self, "envs"):
            self.envs.close()

    def is_whole(self):
        """Whether a batch holds all environments."""
        return self.batch_size == self.num_envs

    def refused(self, call, error=VectorStateError):
        """Expects a documented error."""
        with pytest.raises(error):
            call()

    def queue_reset(self, seeds, selected):
        """Queues a reset of all blocks, once what is under way is done; gives False if that fails."""
        if not all([self.work(first) for first in list(self.queue)]):
            self.state = "failed"
            return False
        for first in range(0, self.num_envs, self.batch_size):
            self.queue[first] = ("reset", seeds, selected)
        return True

    def work(self, first):
        """Works off one entry of the queue; gives False if an environment fails."""
        kind, *arguments = self.queue.pop(first)
        block = range(first, first + self.batch_size)
        for position, env in enumerate(block):
            model = self.models[env]
            if kind == "reset":
                seeds, selected = arguments
                if selected[env]:
                    model.reset(None if seeds is None else seeds + env)
            else:
                action = arguments[0][position]
                if action == FAIL and not (self.autoreset == "next_step" and model.over):
                    return False
                model.step(action, self.autoreset)
        return True

    def check(self, observations):
        """Compares the rows of the last batch."""
        assert observations.tolist() == [self.models[env].row for env in self.last]

    @rule(seed=st.none() | st.integers(0, 1000), data=st.data())
    def reset(self, seed, data):
        """Reset works in any state but closed and failed, if batches are whole."""
        options, selected = None, [True] * self.num_envs
        if data.draw(st.booleans()):
            selected = data.draw(st.lists(st.booleans(), min_size=self.num_envs, max_size=self.num_envs))
            options = {"reset_mask": np.array(selected)}
        partial = not all(selected)
        if self.state in ("closed", "failed") or not self.is_whole():
            self.refused(lambda: self.envs.reset(seed, options))
        elif not any(selected):
            self.refused(lambda: self.envs.reset(seed, options), InvalidVectorOption)
        elif partial and self.state != "ready":
            self.refused(lambda: self.envs.reset(seed, options))
        else:
            if not self.queue_reset(seed, selected):
                self.refused(lambda: self.envs.reset(seed, options), EnvironmentFailed)
                return
            observations, infos = self.envs.reset(seed, options)
            assert self.work(0)
            self.state, self.last = "ready", range(self.num_envs)
            self.check(observations)
            assert [bool(info) for info in infos] == selected

    @rule(seed=st.none() | st.integers(0, 1000))
    def async_reset(self, seed):
        """async_reset works in any state but closed and failed."""
        if self.state in ("closed", "failed"):
            self.refused(lambda: self.envs.async_reset(seed))
        elif self.queue_reset(seed, [True] * self.num_envs):
            self.envs.async_reset(seed)
            self.state = "pending"
        else:
            self.refused(lambda: self.envs.async_reset(seed), EnvironmentFailed)

    @rule(data=st.data(), fails=st.integers(0, 30))
    def send(self, data, fails):
        """Send works when a batch waits for actions."""
        actions = data.draw(st.lists(ACTIONS, min_size=self.batch_size, max_size=self.batch_size))
        actions = [FAIL, *actions[1:]] if fails == 0 else actions
        if self.state != "ready" or self.has_ended():
            self.refused(lambda: self.envs.send(actions))
        else:
            self.envs.send(actions)
            self.queue[self.last[0]] = ("step", actions)
            self.state = "pending"

    @rule()
    def recv(self):
        """Recv works when something is on its way."""
        if self.state != "pending":
            self.refused(self.envs.recv)
        else:
            self.recv_some()

    def recv_some(self):
        """Receives a batch of whatever is ready: in the serial backend, what was queued first."""
        try:
            batch = self.envs.recv()
        except EnvironmentFailed as error:
            assert self.work(error.env_index // self.batch_size * self.batch_size) is False
            self.state = "failed"
            return
        self.last = batch.env_id.tolist()
        assert self.last == list(range(self.last[0], self.last[0] + self.batch_size))
        assert self.backend != "serial" or self.last[0] == next(iter(self.queue))
        assert self.work(self.last[0])
        self.state = "ready"
        self.check(batch.observations)
        models = [self.models[env] for env in self.last]
        assert batch.rewards.tolist() == [model.reward for model in models]
        assert batch.terminals.tolist() == [model.ended for model in models]
        assert batch.truncations.tolist() == [False] * len(models)
        assert batch.mask.tolist() == [not model.over for model in models]

    @rule(data=st.data())
    def step(self, data):
        """Step works when a whole batch waits for actions."""
        actions = data.draw(st.lists(ACTIONS, min_size=self.batch_size, max_size=self.batch_size))
        if self.state != "ready" or not self.is_whole() or self.has_ended():
            self.refused(lambda: self.envs.step(actions))
        else:
            self.queue[0] = ("step", actions)
            assert self.work(0)
            self.check(self.envs.step(actions)[0])

    @rule(actions=st.sampled_from([[], 3, [[0]], [0.5], "ab"]))
    def send_nonsense(self, actions):
        """Wrong actions change nothing."""
        expected = ActionMismatch if self.state == "ready" and not self.has_ended() else VectorStateError
        self.refused(lambda: self.envs.send(actions), expected)

    @rule()
    def final_observations(self):
        """The last observations can be read with a batch at hand."""
        if self.state == "ready":
            assert len(self.envs.final_observations) == self.batch_size
        else:
            self.refused(lambda: self.envs.final_observations)

    @rule(really=st.integers(0, 10))
    def close(self, really):
        """Close works always."""
        if really == 0:
            self.envs.close()
            self.state = "closed"

    def has_ended(self):
        """Whether disabled autoreset forbids to step the last batch."""
        return self.autoreset == "disabled" and any(self.models[env].over for env in self.last)


def run(machine, backend, num_examples, num_steps):
    """Runs the machine on one backend."""
    chosen = type(f"{machine.__name__}_{backend}", (machine,), {"backend": backend})
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    run_state_machine_as_test(
        chosen,
        settings=settings(
            max_examples=num_examples,
            stateful_step_count=num_steps,
            deadline=None,
            database=None,
            suppress_health_check=checks,
        ),
    )


@pytest.mark.parametrize(("backend", "num_examples"), [("serial", 100), ("multiprocessing", 8)])
def test_states__any_sequence_of_calls_does_what_the_model_says(backend, num_examples):
    """Short sequences, from many pools."""
    run(PoolMachine, backend, num_examples, 40)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif("PUFFERLIB_FAULT_REPEATS" not in os.environ, reason="takes minutes; set PUFFERLIB_FAULT_REPEATS=50")
@pytest.mark.parametrize("backend", BACKENDS)
def test_states__ten_thousand_calls_do_what_the_model_says(backend):
    """10,000 calls and more: 200 pools with up to 50 calls each."""
    run(PoolMachine, backend, 200, 50)
