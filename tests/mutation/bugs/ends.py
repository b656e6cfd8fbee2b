"""Bugs of where episodes end: terminals, truncations, autoreset, and what leaks across."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mutation.bugs._bug import bug
from mutation.bugs._patches import advantages, choices, late, results, tamper


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
