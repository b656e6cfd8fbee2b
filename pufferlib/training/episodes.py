"""Reads the episodes that ended out of a batch's infos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Episode(NamedTuple):
    """One agent's episode."""

    episode_return: float  # sum of the raw rewards
    length: float  # steps; a mean where a wrapper averages over agents


def iterate_episodes(infos: Sequence[Mapping[Any, Any]]) -> Iterator[Episode]:
    """Goes through the episodes that ended in a step.

    Args:
        infos: one an environment; `{"episode": {"r": ..., "l": ...}}`, or `{agent: {"episode": ...}}`.
    """
    for _, _, episode in iterate_sources(infos):
        yield episode


def iterate_sources(infos: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[int, Any, Episode]]:
    """Goes through the same with the environment's position in the batch and the agent (None if there is one only)."""
    for i, info in enumerate(infos):
        if not info:
            continue
        if "episode" in info:
            yield i, None, _read(info["episode"])
            continue
        for agent, of_agent in info.items():
            if isinstance(of_agent, Mapping) and "episode" in of_agent:
                yield i, agent, _read(of_agent["episode"])


def _read(episode: Mapping[str, Any]) -> Episode:
    return Episode(float(episode["r"]), float(episode["l"]))
