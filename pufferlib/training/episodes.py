"""Reads the episodes that ended out of a batch's infos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pufferlib.vector._infos import EpisodeInfos


class Episode(NamedTuple):
    """One agent's episode."""

    episode_return: float  # sum of the raw rewards
    length: float  # steps; a mean where a wrapper averages over agents
    numbers: dict[str, float] = {}  # what else the last step's info counts: wins, levels, achievements


def iterate_episodes(infos: Sequence[Mapping[Any, Any]]) -> Iterator[Episode]:
    """Goes through the episodes that ended in a step.

    Args:
        infos: one an environment; `{"episode": {"r": ..., "l": ...}}`, or `{agent: {"episode": ...}}`.
    """
    for _, _, episode in iterate_sources(infos):
        yield episode


def iterate_sources(infos: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[int, Any, Episode]]:
    """Goes through the same with the environment's position in the batch and the agent (None if there is one only)."""
    if isinstance(infos, EpisodeInfos):  # of native environments: numbers, thousands of them a second
        yield from _read_records(infos)
        return
    for i, info in enumerate(infos):
        if not info:
            continue
        if "episode" in info:
            yield i, None, _read(info)
            continue
        for agent, of_agent in info.items():
            if isinstance(of_agent, Mapping) and "episode" in of_agent:
                yield i, agent, _read(of_agent)


def mean_numbers(episodes: Iterable[Episode]) -> dict[str, float]:
    """Averages each of the episodes' numbers over those episodes that have it, in alphabetical order."""
    found: dict[str, list[float]] = {}
    for episode in episodes:
        for name, value in episode.numbers.items():
            found.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in sorted(found.items())}


def _read_records(infos: EpisodeInfos) -> Iterator[tuple[int, Any, Episode]]:
    """Goes through episodes without making a dict for each environment."""
    names, agents = infos.format
    for row, episode_return, length, *numbers in infos.records.tolist():
        episode = Episode(episode_return, length, dict(zip(names, numbers, strict=True)))
        if agents is None:
            yield int(row), None, episode
        else:
            env, slot = divmod(int(row), len(agents))
            yield env, agents[slot], episode


def _read(info: Mapping[str, Any]) -> Episode:
    episode = info["episode"]
    kinds = (bool, int, float, np.bool_, np.integer, np.floating)
    numbers = {str(name): float(value) for name, value in info.items() if isinstance(value, kinds)}
    return Episode(float(episode["r"]), float(episode["l"]), numbers)
