"""Steps a contiguous group of environments in one process, with autoreset, writing into an arena.

The serial backend has one group; a worker process has one too. A group knows no queues, states or batches.

Shapes: A agent slots in an environment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import gymnasium
import numpy as np
import numpy.typing as npt

from pufferlib.emulation import Buffers, emulate
from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption
from pufferlib.spaces import Emulated
from pufferlib.vector._arena import Arena
from pufferlib.vector._infos import EndInfo, EpisodeFormat, Info
from pufferlib.vector._options import Autoreset, Recipe

InfoMode = Literal["ends", "all", "split"]
Caught: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]

CAUGHT: Caught = (Exception, SystemExit)
LONGEST_TEXT = 2000  # characters of an exception's text in ours; the cause has all of it


class Traits(NamedTuple):
    """What a pool must know of its environments, all alike; picklable."""

    emulated: Emulated
    num_slots: int  # A
    is_gymnasium: bool  # one agent that is always there
    metadata: dict[str, Any]
    render_mode: str | None
    episodes: EpisodeFormat | None = None  # of native environments, whose infos are `EpisodeInfos`


class Member:
    """One environment of a group, its rows and its seed."""

    __slots__ = ("actions", "buffers", "env", "index", "seed", "step_into")

    def __init__(self, index: int, env: Any, buffers: Buffers, actions: npt.NDArray[Any]) -> None:
        """Attaches the environment to its rows."""
        env.attach(buffers)
        self.index = index  # in the pool
        self.env = env
        self.buffers = buffers
        self.actions = actions
        self.seed: int | None = None
        self.step_into: Callable[[npt.NDArray[Any]], Info] = env.step_into


class EnvGroup:
    """Environments `first` to `first + len(recipes) - 1` of a pool.

    Build, then `attach` to an arena, then `reset` and `step`. Every exception of an environment leaves as
    `EnvironmentFailed`; the group must then only be closed.
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        first: int = 0,
        caught: Caught = CAUGHT,
        made: Sequence[Any] = (),
    ) -> None:
        """Makes the environments; where one can't be made, closes those that could.

        Args:
            recipes: one an environment.
            first: the first one's index in the pool.
            caught: what counts as an environment's failure; anything else passes unchanged.
            made: what the first recipes made already.

        Raises:
            EnvironmentFailed: a creator raised.
            InvalidVectorOption: environments differ in their spaces, or two are the same object.
        """
        self.first = first
        self._caught = caught
        self.envs: list[Any] = []
        self.members: list[Member] = []
        self.info_mode: InfoMode = "ends"
        ready = list(made)
        own: list[Any] = []
        try:
            for index, recipe in enumerate(recipes, first):
                own.append(ready.pop(0) if ready else self._guard(recipe, index, "constructor", None))
                check_twins(own, first)
                self.envs.append(self._guard(partial(emulate, own[-1]), index, "constructor", None))
                check_same_spaces(self.envs[0], self.envs[-1], index)
        except BaseException:
            close_quietly([*self.envs, *own[len(self.envs) :], *ready])
            raise

    @property
    def traits(self) -> Traits:
        """What all environments share."""
        env = self.envs[0]
        metadata = dict(getattr(env, "metadata", None) or {})
        is_gymnasium = isinstance(env, gymnasium.Env)
        return Traits(env.emulated, int(env.num_slots), is_gymnasium, metadata, getattr(env, "render_mode", None))

    def attach(self, arena: Arena, autoreset: Autoreset, info_mode: InfoMode) -> None:
        """Lets every environment write its rows of the arena from now on."""
        self.info_mode = info_mode
        self._episode_over = arena.episode_over
        self._by_agent = not isinstance(self.envs[0], gymnasium.Env)
        self.members = [
            Member(index, env, arena.buffers(index), arena.actions[arena.rows(index)])
            for index, env in enumerate(self.envs, self.first)
        ]
        self._tracks_ends = autoreset == "disabled"
        steps = {"same_step": self._step_same, "next_step": self._step_next, "disabled": self._step_only}
        self._step = steps[autoreset]

    def reset(
        self,
        seeds: Sequence[int | None],
        options: dict[str, Any] | None,
        start: int,
        stop: int,
        selected: npt.NDArray[np.bool_] | None = None,
    ) -> list[Any]:
        """Resets the environments start to stop - 1 of the pool, or those of them that are selected.

        Args:
            seeds: one an environment of the whole pool.
            options: what each environment's `reset` gets.
            start: the first environment.
            stop: one past the last.
            selected: (E,) which to reset; None is all.

        Returns:
            One info an environment, {} for those that weren't reset.
        """
        infos: list[Any] = []
        for index in range(start, stop):
            if selected is not None and not selected[index]:
                infos.append({})
                continue
            member = self.members[index - self.first]
            member.seed = seeds[index]
            infos.append(self._reset_member(member, options, seed=member.seed))
            self._episode_over[index] = member.env.episode_over
        return infos

    def step(self, start: int, stop: int) -> list[Any]:
        """Steps the environments start to stop - 1 of the pool with the actions in the arena.

        Returns:
            One info an environment: a dict, {} where there is nothing to say, or `EndInfo` in info mode "split".
        """
        infos: list[Any] = []
        members = self.members[start - self.first : stop - self.first]
        try:
            self._step(members, infos)
        except EnvironmentFailed:
            raise
        except self._caught as error:
            member = members[len(infos)]  # the loops append one info an environment
            raise EnvironmentFailed(member.index, "step", member.seed, describe(error)) from error
        if self._tracks_ends:
            for index, member in enumerate(members, start):
                self._episode_over[index] = member.env.episode_over
        return infos

    def close(self) -> None:
        """Closes every environment, also when one fails to.

        Raises:
            EnvironmentFailed: the first failure, after all were closed.
        """
        failure: EnvironmentFailed | None = None
        while self.envs:
            index = self.first + len(self.envs) - 1
            try:
                self.envs.pop().close()
            except self._caught as error:  # raised below, once the others are closed
                failure = self.failure(index, "close", describe(error))
                failure.__cause__ = error
        self.members = []
        if failure is not None:
            raise failure

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Reads an attribute of every wrapped environment, or calls it.

        Raises:
            EnvironmentFailed: there is none, or it raised.
        """

        def read(env: Any) -> Any:
            value = env.get_wrapper_attr(name)
            return value(*args, **kwargs) if callable(value) else value

        return [
            self._guard(partial(read, env.env), index, name, self._seed_of(index))
            for index, env in enumerate(self.envs, self.first)
        ]

    def set_attr(self, name: str, values: Sequence[Any]) -> None:
        """Sets an attribute of every wrapped environment, to one value each.

        Raises:
            EnvironmentFailed: it can't be set.
        """
        for index, (env, value) in enumerate(zip(self.envs, values, strict=True), self.first):
            self._guard(partial(env.env.set_wrapper_attr, name, value), index, name, self._seed_of(index))

    def end_unseen(self, indices: Sequence[int]) -> None:
        """Acts on environments that were just reset as if their episodes had ended, which the caller is about to see.

        Only autoreset "next_step" has anything to do: it resets them, with no seed, in place of the next step.
        """
        if self._step == self._step_next:
            unseen = set(indices)

            def step_once(members: list[Member], infos: list[Any]) -> None:
                self._step = self._step_next
                for member in members:
                    if member.index in unseen:
                        infos.append(self._reset_member(member, None))
                    else:
                        self._step_next([member], infos)

            self._step = step_once

    def failure(self, index: int, phase: str, problem: str) -> EnvironmentFailed:
        """Words a failure of one environment."""
        return EnvironmentFailed(index, phase, self._seed_of(index), problem)

    def _guard(self, call: Callable[[], Any], index: int, phase: str, seed: int | None) -> Any:
        """Calls into an environment; its exceptions leave with the context that the caller needs."""
        try:
            return call()
        except self._caught as error:
            raise EnvironmentFailed(index, phase, seed, describe(error)) from error

    def _step_same(self, members: list[Member], infos: list[Any]) -> None:
        """Steps; an environment whose episode ends is reset in the same step."""
        looks_at_all = self._by_agent or self.info_mode != "ends"
        for member in members:
            info = member.step_into(member.actions)
            if member.env.episode_over:
                infos.append(self._restart(member, info))
            else:
                infos.append(self._settle(member, info) if looks_at_all else {})

    def _step_next(self, members: list[Member], infos: list[Any]) -> None:
        """Steps; an environment whose episode ended in the step before is reset instead, its action ignored."""
        for member in members:
            if member.env.episode_over:
                infos.append(self._reset_member(member, None))
            else:
                infos.append(self._settle(member, member.step_into(member.actions)))

    def _step_only(self, members: list[Member], infos: list[Any]) -> None:
        """Steps; the caller resets, and has checked that no episode is over."""
        for member in members:
            infos.append(self._settle(member, member.step_into(member.actions)))

    def _restart(self, member: Member, info: Info) -> Any:
        """Begins the next episode, keeping the rewards and flags of the step that ended the last one."""
        buffers = member.buffers
        rewards, terminals = buffers.rewards.copy(), buffers.terminals.copy()
        truncations = buffers.truncations.copy()
        reset_info = self._reset_member(member, None)
        buffers.rewards[:] = rewards
        buffers.terminals[:] = terminals
        buffers.truncations[:] = truncations
        both = EndInfo(self._trim(info), reset_info)
        return both if self.info_mode == "split" else both.merged()

    def _reset_member(self, member: Member, options: dict[str, Any] | None, seed: int | None = None) -> Info:
        """Resets one environment; an autoreset passes no seed and no options."""
        call = partial(member.env.reset_into, seed, options)
        return self._trim(self._guard(call, member.index, "reset", member.seed))

    def _settle(self, member: Member, info: Info) -> Info:
        """Takes agents that ended out of the mask, and keeps the info if the mode asks for it or an agent ended."""
        buffers = member.buffers
        if _any_end(buffers) if self._by_agent else member.env.episode_over:
            buffers.mask &= ~(buffers.terminals | buffers.truncations)
        elif self.info_mode == "ends":
            return {}
        return self._trim(info)

    def _trim(self, info: Info) -> Info:
        """Gives {} for an info by agent in which no agent has anything to say."""
        return {} if self._by_agent and not any(info.values()) else info

    def _seed_of(self, index: int) -> int | None:
        """Looks up the last seed of an environment, if it was ever attached."""
        position = index - self.first
        return self.members[position].seed if position < len(self.members) else None


def check_twins(made: Sequence[Any], first: int) -> None:
    """Refuses a creator that gives back an environment that the pool already has."""
    newest = made[-1]
    position = next(position for position, env in enumerate(made) if env is newest)
    if position < len(made) - 1:
        problem = f"gave the same object for environments {first + position} and {first + len(made) - 1}."
        raise InvalidVectorOption("env_creators", repr(newest), problem, "Make a new environment in every call.")


def common_traits(traits: Sequence[Traits], envs_per_worker: int) -> Traits:
    """Gives what all workers' environments share.

    Raises:
        InvalidVectorOption: they don't.
    """
    for worker, other in enumerate(traits):
        check_same_spaces(traits[0], other, worker * envs_per_worker)
    return traits[0]


def check_same_spaces(one: Any, other: Any, index: int) -> None:
    """Refuses an environment whose spaces or agent slots differ from those of the pool's first."""
    remedy = "All environments of a pool need the same ones: correct them, or make one pool each."
    pairs = [
        ("observation space", one.emulated.observation.space, other.emulated.observation.space),
        ("flat observation space", one.emulated.observation.flat_space, other.emulated.observation.flat_space),
        ("action space", one.emulated.action.space, other.emulated.action.space),
        ("number of agent slots", one.num_slots, other.num_slots),
    ]
    for name, expected, got in pairs:
        if expected is not got and expected != got:
            problem = f"makes environment {index} with {name} {got}, but the first one's is {expected}."
            raise InvalidVectorOption("env_creators", "[...]", problem, remedy)


def _any_end(buffers: Buffers) -> bool:
    """Whether any agent ended in the last step; bytes are faster than numpy's `any` for a few agents."""
    return b"\x01" in buffers.terminals.tobytes() or b"\x01" in buffers.truncations.tobytes()


def describe(error: BaseException) -> str:
    """Words an exception in one line, at most some hundred characters."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a class of the environment's own, with any behaviour
        text = "its text can't be had"
    text = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def close_quietly(envs: Sequence[Any]) -> None:
    """Closes environments of a pool that couldn't be built; the first error is the one to report."""
    for env in envs:
        with contextlib.suppress(Exception):
            env.close()
