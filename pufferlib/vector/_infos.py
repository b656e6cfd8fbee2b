"""What a batch's infos are where the environments are native: episodes that ended, as numbers until someone asks.

Shapes: E environments, A agents in each, N = E*A rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, overload

import numpy as np
import numpy.typing as npt

Info: TypeAlias = dict[Any, Any]


class EndInfo(NamedTuple):
    """Both infos of a step that ended an episode and reset the environment, kept apart."""

    final: Info
    reset: Info

    def merged(self) -> Info:
        """Joins both as users see them: the last step's info, plus a non-empty reset info under `reset_info`."""
        return {**self.final, "reset_info": self.reset} if self.reset else self.final


class EpisodeFormat(NamedTuple):
    """What an environment says of an episode, and of whose."""

    numbers: tuple[str, ...]  # besides return and length
    agents: tuple[str, ...] | None  # A names, or None where there is one agent and its info is the environment's


class EpisodeInfos(Sequence[Any]):
    """E infos, {} but for the environments in which an agent's episode ended; equal to a list of the same dicts.

    The dicts are made when they are first asked for; what reads thousands of episodes a second reads `records`.
    """

    __slots__ = ("_infos", "format", "is_split", "num_envs", "records")

    def __init__(
        self, num_envs: int, records: npt.NDArray[np.float64], format: EpisodeFormat, is_split: bool = False
    ) -> None:
        """Keeps the episodes.

        Args:
            num_envs: E.
            records: (episodes, 3 + numbers) float64: row of N, return, length, numbers; rows ascend.
            format: what the columns and rows are called.
            is_split: whether infos are `EndInfo`, for environments that were reset in the same step.
        """
        self.num_envs, self.records, self.format, self.is_split = num_envs, records, format, is_split
        self._infos: list[Any] | None = None

    @classmethod
    def joined(cls, parts: Sequence[EpisodeInfos]) -> EpisodeInfos:
        """Puts the infos of consecutive environments one after the other."""
        if len(parts) == 1:
            return parts[0]
        format, records, num_envs = parts[0].format, [], 0
        for part in parts:
            if len(part.records):
                shifted = part.records.copy()
                shifted[:, 0] += num_envs * part._agents_per_env
                records.append(shifted)
            num_envs += part.num_envs
        whole = np.concatenate(records) if records else parts[0].records[:0]
        return cls(num_envs, whole, format, any(part.is_split for part in parts))

    @property
    def _agents_per_env(self) -> int:
        return 1 if self.format.agents is None else len(self.format.agents)

    def _all(self) -> list[Any]:
        """Makes the dicts, once."""
        if self._infos is None:
            infos: list[Any] = [{} for _ in range(self.num_envs)]
            numbers, agents = self.format
            for row, total, length, *rest in self.records.tolist():
                episode = {"episode": {"r": total, "l": int(length)}, **dict(zip(numbers, rest, strict=True))}
                if agents is None:
                    infos[int(row)] = EndInfo(episode, {}) if self.is_split else episode
                else:
                    env, slot = divmod(int(row), len(agents))
                    infos[env][agents[slot]] = episode
            self._infos = infos
        return self._infos

    def __len__(self) -> int:
        return self.num_envs

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._all()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        """Whether `other` has the same infos, as a list or in this form."""
        return isinstance(other, Sequence) and self._all() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        return (EpisodeInfos, (self.num_envs, self.records, self.format, self.is_split))


def no_infos(num_envs: int, episodes: EpisodeFormat | None) -> Any:
    """Gives the infos of a group of environments that has nothing to say; native ones have a format for episodes."""
    if episodes is None:
        return [{} for _ in range(num_envs)]
    return EpisodeInfos(num_envs, np.empty((0, 3 + len(episodes.numbers))), episodes)


def join_infos(parts: Sequence[Any]) -> Any:
    """Joins the infos of consecutive groups of environments into one sequence."""
    if all(isinstance(part, EpisodeInfos) for part in parts):
        return EpisodeInfos.joined(parts)
    return [info for part in parts for info in part]


def is_silent(infos: Any) -> bool:
    """Whether no environment has anything to say."""
    if isinstance(infos, EpisodeInfos):
        return not len(infos.records)
    return not any(infos)
