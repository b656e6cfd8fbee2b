"""Random sequences of calls: a pool does what a model of it says, or raises a documented error."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import pufferlib.vector
from pufferlib.exceptions import ActionMismatch, EnvironmentFailed, InvalidVectorOption, VectorStateError
from vector_envs import FAIL, Counter

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
        )
        self.models = [Model(index, 1 + index) for index in range(self.num_envs)]
        self.state = "new"
        self.queue = []  # blocks of environments and what to do with them
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
        """Queues a reset of all blocks."""
        blocks = [range(s, s + self.batch_size) for s in range(0, self.num_envs, self.batch_size)]
        self.queue = [(block, ("reset", seeds, selected)) for block in blocks]

    def work(self):
        """Works off the oldest entry of the queue; gives False if an environment fails."""
        block, (kind, *arguments) = self.queue.pop(0)
        self.last = block
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
            observations, infos = self.envs.reset(seed, options)
            self.queue_reset(seed, selected)
            assert self.work()
            self.state = "ready"
            self.check(observations)
            assert [bool(info) for info in infos] == selected

    @rule(seed=st.none() | st.integers(0, 1000))
    def async_reset(self, seed):
        """async_reset works in any state but closed and failed."""
        if self.state in ("closed", "failed"):
            self.refused(lambda: self.envs.async_reset(seed))
        else:
            self.envs.async_reset(seed)
            self.queue_reset(seed, [True] * self.num_envs)
            self.state = "pending"

    @rule(data=st.data(), fails=st.integers(0, 30))
    def send(self, data, fails):
        """Send works when a batch waits for actions."""
        actions = data.draw(st.lists(ACTIONS, min_size=self.batch_size, max_size=self.batch_size))
        actions = [FAIL, *actions[1:]] if fails == 0 else actions
        if self.state != "ready" or self.has_ended():
            self.refused(lambda: self.envs.send(actions))
        else:
            self.envs.send(actions)
            self.queue.append((self.last, ("step", actions)))
            self.state = "pending"

    @rule()
    def recv(self):
        """Recv works when something is on its way."""
        if self.state != "pending":
            self.refused(self.envs.recv)
        elif self.work():
            batch = self.envs.recv()
            self.state = "ready"
            self.check(batch.observations)
            models = [self.models[env] for env in self.last]
            assert batch.env_id.tolist() == list(self.last)
            assert batch.rewards.tolist() == [model.reward for model in models]
            assert batch.terminals.tolist() == [model.ended for model in models]
            assert batch.truncations.tolist() == [False] * len(models)
            assert batch.mask.tolist() == [not model.over for model in models]
        else:
            self.refused(self.envs.recv, EnvironmentFailed)
            self.state = "failed"

    @rule(data=st.data())
    def step(self, data):
        """Step works when a whole batch waits for actions."""
        actions = data.draw(st.lists(ACTIONS, min_size=self.batch_size, max_size=self.batch_size))
        if self.state != "ready" or not self.is_whole() or self.has_ended():
            self.refused(lambda: self.envs.step(actions))
        else:
            self.queue.append((self.last, ("step", actions)))
            assert self.work()
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


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.__doc__ = "Any sequence of calls does what the model says."
TestPoolMachine.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
