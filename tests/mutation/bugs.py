"""Bugs of a trainer, put into the library's own PPO one at a time: what the sanity suite has to notice.

Each is a context manager that patches the trainer while it trains. A bug in the data that a trainer gets from its pool
(rows, flags, seeds mixed up) is put between the two; evaluation uses a pool of its own, so it stays honest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

import pufferlib.models._default
import pufferlib.models._heads
import pufferlib.training.loss
import pufferlib.training.ppo
import pufferlib.training.rollout
from pufferlib.pytorch import NativeLeaf, Normal
from pufferlib.sanity import SanityTask
from pufferlib.training.actions import ActionConverter
from pufferlib.training.actor import Actor
from pufferlib.training.rollout import Rollout

LOSS, PPO, ROLLOUT = pufferlib.training.loss, pufferlib.training.ppo, pufferlib.training.rollout


@dataclass(frozen=True)
class Bug:
    """One bug and the task that is named to catch it."""

    kind: str
    """As the suite's tasks name what they catch."""
    text: str
    """What exactly is wrong."""
    task: str
    inject: Callable[[], Any]
    """Gives a context manager inside which trainers have the bug."""

    @property
    def name(self) -> str:
        """Identifies it."""
        return self.inject.__name__


BUGS: list[Bug] = []


def bug(kind: str, task: str) -> Callable[[Callable[[], Iterator[None]]], Any]:
    """Registers a generator function that patches, yields and repairs; its docstring says what is wrong."""

    def register(inject: Callable[[], Iterator[None]]) -> Any:
        manager = contextmanager(inject)
        BUGS.append(Bug(kind, (inject.__doc__ or "").rstrip("."), task, manager))
        return manager

    return register


# --- Tools ---


class Tampered:
    """A pool whose batches, actions and seeds go through someone's hands."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.num_agents_each = pool.num_agents // pool.num_envs
        self.memory: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    def __enter__(self) -> Any:
        self._pool.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._pool.__exit__(*error)


def tamper(
    recv: Callable[[Any, Any], Any] | None = None,
    send: Callable[[Any, Any], Any] | None = None,
    seed: Callable[[Any, int], Any] | None = None,
) -> Any:
    """Patches the pools that one trains in: the three give the wrong batch, actions and seed."""

    class Pool(Tampered):
        def recv(self) -> Any:
            batch = self._pool.recv()
            return batch if recv is None else recv(self, batch)

        def send(self, actions: Any) -> None:
            self._pool.send(actions if send is None else send(self, actions))

        def async_reset(self, seed_: Any = None, **kwargs: Any) -> None:
            given = kwargs.pop("seed", seed_)
            self._pool.async_reset(seed=given if seed is None else seed(self, given), **kwargs)

    original = SanityTask.make_pool

    def make_pool(task: SanityTask, num_envs: int | None = None) -> Any:
        pool = original(task, num_envs)
        return Pool(pool) if num_envs is None else pool

    return patch.object(SanityTask, "make_pool", make_pool)


def advantages(change: Callable[..., Any]) -> Any:
    """Patches how advantages are computed: `change(original, *arguments)`."""
    original = ROLLOUT.compute_advantages
    return patch.object(ROLLOUT, "compute_advantages", lambda *arguments: change(original, *arguments))


@contextmanager
def sampler(change: Callable[..., Any]) -> Iterator[None]:
    """Patches how the trainer samples and rates actions: `change(original, output, actions)`; C rates none then."""
    original = LOSS.sample_actions

    def changed(output: Any, actions: Any = None, **_: Any) -> Any:
        return change(original, output, actions)

    with (
        patch.object(PPO, "choose_actions", lambda output: changed(output)[:2]),
        patch.object(LOSS, "sample_actions", changed),
        patch.object(LOSS, "fits_native", lambda *_: False),
    ):
        yield


def results(change: Callable[[dict[str, Any], Any], None]) -> Any:
    """Patches what a rollout stores of each step's outcome: `change(arguments, rollout)`."""
    return _arguments("add_results", ("rows", "rewards", "terminals", "truncations", "mask", "final_values"), change)


def choices(change: Callable[[dict[str, Any], Any], None]) -> Any:
    """Patches what a rollout stores of each step's observation and action."""
    names = ("rows", "observations", "starts", "mask", "state", "actions", "log_probs", "values")
    return _arguments("add_choices", names, change)


def _arguments(method: str, names: tuple[str, ...], change: Callable[[dict[str, Any], Any], None]) -> Any:
    original = getattr(Rollout, method)

    def changed(self: Rollout, *args: Any, **kwargs: Any) -> None:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        change(given, self)
        original(self, **given)

    return patch.object(Rollout, method, changed)


def late(given: dict[str, Any], owner: Any, name: str) -> None:
    """Replaces an argument by that of the call before."""
    kept = owner.__dict__.setdefault("kept_" + name, given[name])
    owner.__dict__["kept_" + name] = (
        given[name].clone() if isinstance(given[name], torch.Tensor) else given[name].copy()
    )
    given[name] = kept


def roll_agents(pool: Any, values: Any) -> Any:
    """Gives each agent what belongs to the one before it in the same environment."""
    return np.roll(values.reshape(-1, pool.num_agents_each, *values.shape[1:]), 1, 1).reshape(values.shape)


# --- Observations, actions, rewards: who gets whose, and when ---


@bug("observations misaligned with actions", "bandit")
def observation_late() -> Iterator[None]:
    """Stores the observation of the step before with each action."""
    with choices(lambda given, rollout: late(given, rollout, "observations")):
        yield


@bug("observations misaligned with actions", "bandit")
def observation_of_neighbour() -> Iterator[None]:
    """Stores each row's observation in the next row."""

    def change(given: dict[str, Any], rollout: Any) -> None:
        given["observations"] = given["observations"].roll(1, 0)

    with choices(change):
        yield


@bug("reward shifted by a step", "bandit")
def reward_late() -> Iterator[None]:
    """Stores each reward with the action after the one that earned it."""
    with results(lambda given, rollout: late(given, rollout, "rewards")):
        yield


@bug("agents mixed up", "multiagent")
def agents_rewards() -> Iterator[None]:
    """Gives each agent the reward of another one of its environment."""
    with tamper(recv=lambda pool, batch: batch._replace(rewards=roll_agents(pool, batch.rewards))):
        yield


@bug("agents mixed up", "multiagent")
def agents_actions() -> Iterator[None]:
    """Sends each agent's action to another one of its environment."""
    with tamper(send=lambda pool, actions: roll_agents(pool, actions)):
        yield


@bug("async batches mis-assembled", "async")
def batch_before() -> Iterator[None]:
    """Gives each batch's rewards and ends to the actions of the batch before."""
    with results(lambda given, rollout: late(given, rollout, "rows")):
        yield


@bug("async batches mis-assembled", "async")
def batch_order() -> Iterator[None]:
    """Reverses every other batch's rows."""

    def recv(pool: Any, batch: Any) -> Any:
        pool.memory["calls"] = pool.memory.get("calls", 0) + 1
        turn = pool.memory["calls"] // (pool.num_agents // len(batch.env_id)) % 2
        return batch._replace(env_id=batch.env_id[::-1].copy()) if turn else batch

    with tamper(recv=recv):
        yield


@bug("seeds shared", "seeds")
def same_seed() -> Iterator[None]:
    """Gives all environments the same seed."""
    with tamper(seed=lambda pool, seed: [seed] * pool.num_envs):
        yield


# --- Structure ---


@bug("structured observations mis-unpacked", "spaces")
def leaf_without_padding() -> Iterator[None]:
    """Forgets the padding before a nested structure."""
    with _leaf(lambda nested: {**nested, "bits": nested["bits"]._replace(offset=nested["bits"].offset - 4)}):
        yield


@bug("structured observations mis-unpacked", "spaces")
def leaf_of_wrong_width() -> Iterator[None]:
    """Reads the high half of a 64-bit number."""

    def narrow(nested: dict[str, NativeLeaf]) -> dict[str, NativeLeaf]:
        letter = nested["letter"]
        return {**nested, "letter": NativeLeaf(torch.int32, letter.shape, letter.offset + 4, 4)}

    with _leaf(narrow):
        yield


@contextmanager
def _leaf(change: Callable[[Any], Any]) -> Iterator[None]:
    module = pufferlib.models._default
    original = module.nativize_dtype

    def nativize_dtype(emulated: Any) -> Any:
        dtype = original(emulated)
        if not isinstance(dtype.tree, dict):
            return dtype
        tree = {**dtype.tree, "nested": change(dtype.tree["nested"])}
        return type(dtype)(dtype.row_dtype, dtype.row_size, dtype.alignment, tree)

    with patch.object(module, "nativize_dtype", nativize_dtype):
        yield


@contextmanager
def _packing(change: Callable[[Any, Any], Any]) -> Iterator[None]:
    original = ActionConverter.to_environment
    with patch.object(ActionConverter, "to_environment", lambda self, actions: change(self, original(self, actions))):
        yield


@bug("multi-discrete actions mis-packed", "spaces")
def multidiscrete_reversed() -> Iterator[None]:
    """Sends the parts of an action in reverse order."""
    with _packing(lambda self, array: array[:, ::-1].copy() if array.ndim == 2 and array.dtype.kind == "i" else array):
        yield


@bug("continuous actions mis-packed", "continuous")
def continuous_transposed() -> Iterator[None]:
    """Sends the matrix of an action transposed."""
    with _packing(lambda self, array: array.transpose(0, 2, 1).copy() if array.ndim == 3 else array):
        yield


@bug("continuous actions mis-packed", "continuous")
def continuous_unscaled() -> Iterator[None]:
    """Doesn't scale actions to their bounds."""

    def units(low: Any, high: Any) -> Any:
        return torch.zeros(len(low)), torch.ones(len(low))

    with patch.object(pufferlib.models._heads, "_units", units):
        yield


@bug("mixed actions mis-packed", "mixed")
def mixed_order() -> Iterator[None]:
    """Sends the continuous parts before the discrete ones."""
    with _packing(lambda self, array: np.roll(array, 2, 1) if _is_mixed(array) else array):
        yield


@bug("mixed actions mis-packed", "mixed")
def mixed_rounded() -> Iterator[None]:
    """Rounds the continuous parts to whole numbers."""
    with _packing(lambda self, array: (array / 4).astype(int).astype(array.dtype) * 4 if _is_mixed(array) else array):
        yield


def _is_mixed(array: Any) -> bool:
    return bool(array.ndim == 2 and array.dtype == np.float32)


# --- Ends ---


@bug("advantage leaking across an episode end", "afterlife")
def advantage_carried() -> Iterator[None]:
    """Carries advantages over the end, though values stop there."""

    def change(original: Any, rewards: Any, values: Any, final: Any, terminals: Any, truncations: Any, alive: Any,
               gamma: float, gae_lambda: float) -> Any:  # fmt: skip
        following = np.where(terminals, 0, np.where(truncations, final, values[1:]))
        total, carried = np.zeros_like(rewards), np.zeros_like(rewards[0])
        for t in reversed(range(len(rewards))):
            carried = rewards[t] + gamma * following[t] - values[t] + gamma * gae_lambda * carried
            carried = total[t] = np.where(alive[t], carried, 0).astype(np.float32)
        return total

    with advantages(change):
        yield


@bug("advantage leaking across an episode end", "terminal")
def ends_ignored() -> Iterator[None]:
    """Doesn't look at ends at all."""

    def change(
        original: Any, rewards: Any, values: Any, final: Any, terminals: Any, truncations: Any, *rest: Any
    ) -> Any:
        none = np.zeros_like(terminals)
        return original(rewards, values, final, none, none, *rest)

    with advantages(change):
        yield


@bug("advantage leaking between environments", "discount")
def rows_joined() -> Iterator[None]:
    """Computes advantages over all rows as if they were one."""

    def change(original: Any, rewards: Any, values: Any, *rest: Any) -> Any:
        num_steps, num_rows = rewards.shape

        def join(array: Any) -> Any:
            return np.ascontiguousarray(array[:num_steps].T).reshape(-1, 1)

        flags, numbers = [join(array) for array in rest[:4]], rest[4:]
        chain = np.concatenate([join(values), values[-1:, -1:]])
        joined = original(join(rewards), chain, *flags, *numbers)
        return np.ascontiguousarray(joined.reshape(num_rows, num_steps).T)

    with advantages(change):
        yield


@bug("truncation treated as a terminal", "truncation")
def cut_is_end() -> Iterator[None]:
    """Doesn't bootstrap where an episode was cut."""

    def recv(pool: Any, batch: Any) -> Any:
        return batch._replace(
            terminals=batch.terminals | batch.truncations, truncations=np.zeros_like(batch.truncations)
        )

    with tamper(recv=recv):
        yield


@bug("truncation treated as a terminal", "truncation")
def cut_valued_by_next() -> Iterator[None]:
    """Bootstraps a cut with the next episode's first observation."""

    def change(original: Any, rewards: Any, values: Any, final: Any, *rest: Any) -> Any:
        return original(rewards, values, np.ascontiguousarray(values[1:]), *rest)

    with advantages(change):
        yield


@bug("terminal treated as a truncation", "terminal")
def end_is_cut() -> Iterator[None]:
    """Bootstraps where an episode ended."""

    def recv(pool: Any, batch: Any) -> Any:
        return batch._replace(terminals=np.zeros_like(batch.terminals), truncations=batch.terminals | batch.truncations)

    with tamper(recv=recv):
        yield


@bug("autoreset off by one", "terminal")
def end_late() -> Iterator[None]:
    """Notes each end a step late."""

    def change(given: dict[str, Any], rollout: Any) -> None:
        late(given, rollout, "terminals")

    with results(change):
        yield


@bug("autoreset off by one", "bandit")
def first_is_last() -> Iterator[None]:
    """Acts on an episode's last observation instead of the next one's first."""

    def recv(pool: Any, batch: Any) -> Any:
        ended = batch.terminals | batch.truncations
        seen = batch.observations.copy()
        seen[ended] = pool.final_observations[ended]
        return batch._replace(observations=seen)

    with tamper(recv=recv):
        yield


@bug("autoreset off by one", "terminal")
def first_step_skipped() -> Iterator[None]:
    """Takes the first step of each episode for a reset, and leaves it out."""

    def change(given: dict[str, Any], rollout: Any) -> None:
        given["mask"] = given["mask"] & ~given["starts"]

    with choices(change):
        yield


# --- Memory ---


@bug("recurrent state not reset", "memory")
def memory_kept() -> Iterator[None]:
    """Never empties the memory."""
    with _starts(lambda actor, starts: np.zeros_like(starts)):
        yield


@bug("recurrent state not reset", "memory")
def memory_kept_a_step() -> Iterator[None]:
    """Empties the memory a step late."""

    def change(actor: Any, starts: Any) -> Any:
        before = actor.__dict__.get("kept_starts", np.zeros_like(starts))
        actor.__dict__["kept_starts"] = starts.copy()
        return before

    with _starts(change):
        yield


@bug("recurrent state reset too often", "memory")
def memory_emptied() -> Iterator[None]:
    """Empties the memory at every step."""
    with _starts(lambda actor, starts: np.ones_like(starts)):
        yield


@bug("recurrent state reset too often", "memory")
def memory_cut() -> Iterator[None]:
    """Empties the memory at every third step."""
    original = Actor.step

    def step(self: Actor, observations: Any, rows: Any, starts: Any) -> Any:
        self.__dict__["num_steps"] = count = self.__dict__.get("num_steps", 0) + 1
        if self.state is not None and count % 3 == 0:
            self.state = tuple(torch.zeros_like(part) for part in self.state)  # type: ignore[assignment]
        return original(self, observations, rows, starts)

    with patch.object(Actor, "step", step):
        yield


@contextmanager
def _starts(change: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Changes what the policy, at play and when it learns, takes for the starts of episodes."""
    original_step, original_add = Actor.step, Rollout.add_choices

    def step(self: Actor, observations: Any, rows: Any, starts: Any) -> Any:
        changed = change(self, starts)
        starts[...] = changed  # the trainer stores the same array
        return original_step(self, observations, rows, starts)

    with patch.object(Actor, "step", step), patch.object(Rollout, "add_choices", original_add):
        yield


# --- Masks, discount, exploration, learning ---


@bug("masked agents trained on", "absent")
def absent_learned() -> Iterator[None]:
    """Learns from slots without an agent."""

    def change(given: dict[str, Any], rollout: Any) -> None:
        given["mask"] = np.ones_like(given["mask"])

    with results(change), choices(change):
        yield


@bug("wrong discount", "discount")
def discount_twice() -> Iterator[None]:
    """Discounts twice."""
    with advantages(lambda original, *args: original(*args[:6], args[6] ** 2, args[7])):
        yield


@bug("wrong discount", "discount")
def discount_missing() -> Iterator[None]:
    """Doesn't discount."""
    with advantages(lambda original, *args: original(*args[:6], 0.99, args[7])):
        yield


@bug("exploration broken", "password")
def greedy() -> Iterator[None]:
    """Plays the most probable action while training."""
    with sampler(lambda original, output, actions: original(output, actions, deterministic=actions is None)):
        yield


@bug("entropy bonus wrong", "entropy")
def entropy_negative() -> Iterator[None]:
    """Subtracts the entropy bonus."""
    with _entropy(-1):
        yield


@bug("entropy bonus wrong", "entropy")
def entropy_missing() -> Iterator[None]:
    """Leaves the entropy bonus out."""
    with _entropy(0):
        yield


@bug("entropy bonus wrong", "entropy")
def entropy_huge() -> Iterator[None]:
    """Weighs the entropy bonus ten times as much."""
    with _entropy(10):
        yield


def _entropy(factor: float) -> Any:
    def change(original: Any, output: Any, actions: Any) -> Any:
        actions, log_probs, entropy = original(output, actions)
        return actions, log_probs, factor * entropy

    return sampler(change)


@bug("actions from another distribution than the rated one", "stochastic")
def sharper() -> Iterator[None]:
    """Samples from a distribution that is sharper than the one it rates."""

    def change(original: Any, output: Any, actions: Any) -> Any:
        if actions is None and isinstance(output, torch.Tensor):
            actions = original(3 * output, None)[0]
        elif actions is None and isinstance(output, Normal):
            actions = original(Normal(output.mean, output.log_std - 1), None)[0]
        return original(output, actions)

    with sampler(change):
        yield


@bug("gradient, return or credit wrong in any way", "squared")
def advantages_shuffled() -> Iterator[None]:
    """Pairs actions with the advantages of others."""

    def change(original: Any, *args: Any) -> Any:
        found = original(*args)
        return np.roll(found, 1, 1)

    with advantages(change):
        yield


@bug("gradient, return or credit wrong in any way", "squared")
def sign_flipped() -> Iterator[None]:
    """Climbs down instead of up."""
    with advantages(lambda original, *args: -original(*args)):
        yield
