"""Bugs of who gets whose observations, actions, rewards and seeds, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mutation.bugs._bug import bug
from mutation.bugs._patches import choices, late, results, roll_agents, tamper


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
