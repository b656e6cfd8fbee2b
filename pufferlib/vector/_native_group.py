"""Steps a contiguous group of native environments with one call into C: what `EnvGroup` does for others.

Shapes: E environments of the group, A agents in each, N = E*A rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pufferlib._native import core
from pufferlib.emulation import Buffers
from pufferlib.exceptions import EnvironmentFailed
from pufferlib.ocean import NativeEnv
from pufferlib.ocean._copies import Copies, Memory, draw_seeds
from pufferlib.ocean._environment import SEED_MASK, check_seed
from pufferlib.vector._arena import Arena
from pufferlib.vector._group import Caught, InfoMode, Traits, describe
from pufferlib.vector._infos import EpisodeFormat, EpisodeInfos
from pufferlib.vector._options import Autoreset, Recipe


class NativeGroup:
    """Environments `first` to `first + E - 1` of a pool, all of one class, with one config each.

    Where all recipes are the same, the first environment is the only Python object: the others are bytes.
    """

    def __init__(self, recipes: Sequence[Recipe], made: Sequence[NativeEnv], first: int, caught: Caught) -> None:
        """Takes environments that were made, to run copies of them.

        Args:
            recipes: one an environment.
            made: the first environment, for all recipes, or one each.
            first: the first one's index in the pool.
            caught: what counts as an environment's failure.
        """
        self.first = first
        self.num_envs = len(recipes)
        self.info_mode: InfoMode = "ends"
        self._caught = caught
        self._models = list(made)
        self._views: dict[int, NativeEnv] = {0: made[0]}
        self._seeds: Sequence[int | None] = ()
        env = made[0]
        agents = None if env.num_slots == 1 else tuple(f"agent_{i}" for i in range(env.num_slots))
        self._format = EpisodeFormat(env.kind.numbers, agents)

    @property
    def envs(self) -> list[NativeEnv]:
        """The first environment: the one that stands for all."""
        return [self._views[0]]

    @property
    def traits(self) -> Traits:
        """What all environments share."""
        env = self._views[0]
        return Traits(
            env.emulated, env.num_slots, env.num_slots == 1, dict(env.metadata), env.render_mode, self._format
        )

    def attach(self, arena: Arena, autoreset: Autoreset, info_mode: InfoMode) -> None:
        """Lets the copies write their rows of the arena from now on."""
        self.info_mode = info_mode
        self._autoreset = autoreset
        self._is_same_step = autoreset == "same_step"
        env = self._views[0]
        self._num_slots = num_slots = env.num_slots
        rows = slice(self.first * num_slots, (self.first + self.num_envs) * num_slots)
        self._buffers = Buffers(
            observations=arena.observations[rows],
            rewards=arena.rewards[rows],
            terminals=arena.terminals[rows],
            truncations=arena.truncations[rows],
            mask=arena.mask[rows],
            final_observations=arena.final_observations[rows],
        )
        # The pool looks at the arena's flags in mode "disabled" only, and the driver may write them in others.
        own = np.ones(self.num_envs, np.bool_)
        shared = arena.episode_over[self.first : self.first + self.num_envs]
        self._over = shared if autoreset == "disabled" else own
        size = max(model.plan.state_bytes for model in self._models)
        memory = Memory(self.num_envs, num_slots, len(env.kind.numbers), size)
        self._copies = Copies(env.kind.name, memory, self._buffers, arena.actions[rows], self._over, autoreset)
        if len(self._models) == 1:
            self._copies.init(0, self.num_envs, env.config.pack())
        else:
            for index, model in enumerate(self._models):
                self._copies.init(index, 1, model.config.pack())
        self.batch = self._copies.batch
        self._is_new = np.ones(self.num_envs, np.bool_)  # has no random numbers yet
        self._silent = np.empty((0, self._copies.width))
        self._actions = arena.actions[rows]
        self._join(env, 0)

    def reset(
        self,
        seeds: Sequence[int | None],
        options: dict[str, Any] | None,
        start: int,
        stop: int,
        selected: npt.NDArray[np.bool_] | None = None,
    ) -> EpisodeInfos:
        """Resets the environments start to stop - 1 of the pool, or those of them that are selected.

        Args:
            seeds: one an environment of the whole pool.
            options: native environments take none.
            start: the first environment.
            stop: one past the last.
            selected: (E,) of the whole pool, which to reset; None is all.

        Returns:
            Infos with nothing in them.

        Raises:
            EnvironmentFailed: a seed is negative.
        """
        first, count = start - self.first, stop - start
        self._seeds = seeds
        numbers, seeded = self._read_seeds(seeds)
        own = None if selected is None else np.ascontiguousarray(selected[self.first : self.first + self.num_envs])
        self._copies.reset(first, count, own, numbers, seeded)
        reached = slice(first, first + count)
        if own is None:
            self._is_new[reached] = False
        else:
            self._is_new[reached] &= ~own[reached]
        return EpisodeInfos(count, self._silent, self._format)

    def step(self, start: int, stop: int) -> EpisodeInfos:
        """Steps the environments start to stop - 1 of the pool with the actions in the arena."""
        return self.tell(start, stop, core.env_step(self.batch, start - self.first, stop - start))

    def tell(self, start: int, stop: int, num_ended: int) -> EpisodeInfos:
        """Gives the infos of a step that was taken, in which `num_ended` agents' episodes ended."""
        if num_ended == 0:
            return EpisodeInfos(stop - start, self._silent, self._format)
        records = np.empty((num_ended, self._copies.width))
        core.env_ends(self.batch, start - self.first, stop - start, records)
        return EpisodeInfos(stop - start, records, self._format, self._is_same_step and self.info_mode == "split")

    def close(self) -> None:
        """Forgets the environments: they have nothing but memory."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Reads an attribute of every environment, or calls it.

        Raises:
            EnvironmentFailed: there is none, or it raised.
        """

        def read(env: Any) -> Any:
            value = env.get_wrapper_attr(name)
            return value(*args, **kwargs) if callable(value) else value

        return [self._guard(partial(read, env), index, name) for index, env in self._iterate()]

    def set_attr(self, name: str, values: Sequence[Any]) -> None:
        """Sets an attribute of every environment, to one value each.

        Raises:
            EnvironmentFailed: it can't be set.
        """
        for (index, env), value in zip(self._iterate(), values, strict=True):
            self._guard(partial(_set, env, name, value), index, name)

    def end_unseen(self, indices: Sequence[int]) -> None:
        """Acts on environments that were just reset as if their episodes had ended, which the caller is about to see.

        Only autoreset "next_step" has anything to do: the next step begins an episode there.
        """
        if self._autoreset == "next_step":
            self._over[np.asarray(indices, np.int64) - self.first] = True

    def failure(self, index: int, phase: str, problem: str) -> EnvironmentFailed:
        """Words a failure of one environment."""
        return EnvironmentFailed(index, phase, self._seed_of(index), problem)

    def _read_seeds(
        self, seeds: Sequence[int | None]
    ) -> tuple[npt.NDArray[np.uint64] | None, npt.NDArray[np.bool_] | None]:
        """The seeds of this group's copies, and where there are any; those without one begin with a random one."""
        own = seeds[self.first : self.first + self.num_envs]
        if isinstance(own, range) and own.start >= 0:
            return np.uint64(own.start & SEED_MASK) + np.arange(self.num_envs, dtype=np.uint64), None
        if all(seed is None for seed in own):
            return (draw_seeds(self.num_envs), self._is_new) if self._is_new.any() else (None, None)
        numbers, seeded = draw_seeds(self.num_envs), self._is_new.copy()
        for position, seed in enumerate(own):
            if seed is not None:
                check = partial(check_seed, self._models[0].kind.name, seed)
                numbers[position] = self._guard(check, self.first + position, "reset")
                seeded[position] = True
        return numbers, seeded

    def _iterate(self) -> Sequence[tuple[int, NativeEnv]]:
        """Every environment of the group as an object, made where there was none."""
        for position in range(self.num_envs):
            if position not in self._views:
                model = self._models[position if len(self._models) > 1 else 0]
                view = model.twin()
                self._join(view, position)
                self._views[position] = view
        return [(self.first + position, self._views[position]) for position in range(self.num_envs)]

    def _join(self, env: NativeEnv, position: int) -> None:
        """Makes an object a view of one copy and its rows."""
        start, stop = position * self._num_slots, (position + 1) * self._num_slots
        over = self._over[position : position + 1]
        env.join(self._copies, position, self._buffers.rows(start, stop), self._actions[start:stop], over)

    def _guard(self, call: Callable[[], Any], index: int, phase: str) -> Any:
        """Calls into an environment; its exceptions leave with the context that the caller needs."""
        try:
            return call()
        except self._caught as error:
            raise EnvironmentFailed(index, phase, self._seed_of(index), describe(error)) from error

    def _seed_of(self, index: int) -> int | None:
        return self._seeds[index] if index < len(self._seeds) else None


def _set(env: Any, name: str, value: Any) -> None:
    env.set_wrapper_attr(name, value)
