"""The contract of every backend: which call may come when, and what a batch is.

A pool is new, ready (its last batch waits for actions), pending (a batch can be received), failed or closed:

    reset, async_reset   any but failed, closed   -> pending (then `reset` receives: ready)
    send                 ready                    -> pending
    recv                 pending                  -> ready
    close                any                      -> closed

Shapes: E environments, A agent slots in each, N = E*A rows, B rows in a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from pufferlib.exceptions import EnvironmentFailed, InvalidVectorOption, VectorStateError
from pufferlib.vector._arena import Arena
from pufferlib.vector._arguments import Seeds, check_reset_mask, check_seeds, write_actions
from pufferlib.vector._batch import Batch, Block
from pufferlib.vector._group import Traits
from pufferlib.vector._infos import EndInfo, Info
from pufferlib.vector._options import PoolOptions

if TYPE_CHECKING:
    from pufferlib.vector._gymnasium import GymnasiumVectorEnv


class State(Enum):
    """Which calls a pool takes; drawn at the top of this file."""

    NEW = "new"
    READY = "ready"
    PENDING = "pending"
    FAILED = "failed"
    CLOSED = "closed"


_READY, _PENDING = State.READY, State.PENDING  # an enum member is slow to look up on the step path

_REMEDIES = {
    State.NEW: ("Nothing was reset yet.", "Call reset() or async_reset() first."),
    State.READY: ("The last batch has no actions yet.", "Call send(actions) first."),
    State.PENDING: ("A batch is on its way.", "Call recv() first."),
    State.CLOSED: ("The pool is closed.", "Make a new one with pufferlib.vector.make."),
}


class Pool(ABC):
    """Many environments that are stepped a batch at a time; a context manager that closes them.

    With `zero_copy=True`, the arrays of a batch and `final_observations` are views: they are valid until the next
    `send`, `step` or reset, which writes over them. With `zero_copy=False` they are copies, and the caller's own.

    A row's `mask` is True if an agent will act on the row's observation. It is False where the agent is absent (its
    observation and reward are then zero) and where it has just ended without a reset (the row then holds its last
    reward, flags and observation); what is sent for such rows is ignored. A transition counts if the mask was True in
    the batch before it.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ()  # what a backend takes beyond the options that all have
    WORKERS_SHARE_EVENLY: ClassVar[bool] = True  # whether `num_workers` must divide `num_envs`

    def __init__(self, options: PoolOptions, traits: Traits, arena: Arena) -> None:
        """Keeps the checked options and the arena; backends build both first."""
        self.options = options
        self.traits = traits
        self.emulated = traits.emulated
        self.arena = arena
        self.num_envs = options.num_envs
        self.num_agents = arena.spec.num_envs * arena.spec.num_slots
        self.agents_per_batch = options.batch_size * arena.spec.num_slots
        self._zero_copy = options.zero_copy
        self._is_whole = options.batch_size == options.num_envs
        self._state = State.NEW
        self._failure = ""
        self._is_split = False  # infos come as EndInfo, for as_gymnasium
        self._was_reset = False
        self._block: Block | None = None

    # Attributes

    @property
    @abstractmethod
    def driver_env(self) -> Any:
        """An emulated environment to read spaces and attributes from."""

    @property
    def single_observation_space(self) -> spaces.Box:
        """The flat observation space of one row."""
        space: spaces.Box = self.emulated.observation.flat_space
        return space

    @property
    def single_action_space(self) -> spaces.Space[Any]:
        """The flat action space of one row."""
        space: spaces.Space[Any] = self.emulated.action.flat_space
        return space

    @cached_property
    def observation_space(self) -> spaces.Space[Any]:
        """The space of a batch of observations, (B, ...)."""
        return batch_space(self.single_observation_space, self.agents_per_batch)

    @cached_property
    def action_space(self) -> spaces.Space[Any]:
        """The space of a batch of actions, (B, ...)."""
        return batch_space(self.single_action_space, self.agents_per_batch)

    @property
    def final_observations(self) -> npt.NDArray[Any]:
        """The last observations of episodes that ended in the last batch, (B, *single_observation_space.shape).

        Row i is valid where `terminals[i] | truncations[i]` of that batch, in every autoreset mode.

        Raises:
            VectorStateError: there is no batch yet, or the next one is on its way.
        """
        if self._block is None or self._state is not _READY:
            raise self._refuse("final_observations")
        rows = self._block.final_observations
        return rows if self._zero_copy else rows.copy()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._state is State.CLOSED

    # Calls

    def reset(
        self, seed: Seeds = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], Sequence[Info]]:
        """Resets every environment and waits for all of them.

        Args:
            seed: None, one int (environment i gets seed + i), or one int or None an environment.
            options: what each environment's `reset` gets. `options["reset_mask"]`, (E,) bool, picks which to reset; it
                is taken out of what the environments get.

        Returns:
            observations (N, ...) and one info an environment.

        Raises:
            VectorStateError: the pool failed or is closed, has batches smaller than all environments, or `reset_mask`
                leaves out environments that were never reset or are being stepped.
            InvalidVectorOption: the seed or the reset mask has a wrong shape.
            EnvironmentFailed: an environment raised.
        """
        self._check_whole("reset")
        self._begin_reset("reset", seed, options)
        observations, *_, infos, _, _ = self.recv()
        return observations, infos

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_], Sequence[Info]]:
        """Steps every environment and waits for all of them.

        Args:
            actions: (N, ...) flat actions; see `action_space`.

        Returns:
            observations, rewards, terminals, truncations (N rows each) and one info an environment.

        Raises:
            VectorStateError, ActionMismatch, EnvironmentFailed: as `send` and `recv`.
        """
        if self._state is not _READY:
            raise self._refuse("step")
        self._check_whole("step")
        self.send(actions)
        infos = self._merged(self._receive())
        block = self._block
        assert block is not None
        rows = block if self._zero_copy else block.copied()
        return rows.observations, rows.rewards, rows.terminals, rows.truncations, infos

    def async_reset(self, seed: Seeds = None, options: dict[str, Any] | None = None) -> None:
        """Begins to reset every environment; `recv` gives the first batch. Results still under way are dropped.

        Args:
            seed: as in `reset`.
            options: as in `reset`; a reset mask needs batches of all environments.

        Raises:
            VectorStateError, InvalidVectorOption: as `reset`.
            EnvironmentFailed: an environment raised in what was under way.
        """
        self._begin_reset("async_reset", seed, options)

    def send(self, actions: npt.ArrayLike) -> None:
        """Hands in the actions for the last batch. Their values are copied: the array stays the caller's.

        Args:
            actions: (B, ...) flat actions, in the rows' order of the last batch.

        Raises:
            VectorStateError: no batch waits for actions, or an episode is over and autoreset is "disabled".
            ActionMismatch: wrong shape, or a dtype that doesn't fit; nothing was stepped.
        """
        if self._state is not _READY:
            raise self._refuse("send")
        assert self._block is not None
        if self.options.autoreset == "disabled":
            self._check_alive(self._block)
        write_actions(self._block.actions, actions)
        self._state = _PENDING
        try:
            self._start_step(self._block)
        except BaseException as error:
            self._give_up(error)
            raise

    def recv(self) -> Batch:
        """Waits for the next batch.

        Returns:
            A `Batch`, also a plain tuple: (observations, rewards, terminals, truncations, infos, env_id, mask).

        Raises:
            VectorStateError: nothing is on its way.
            EnvironmentFailed: an environment raised; from then on the pool can only be closed.
            WorkerDied, WorkerStuck: a worker process ended, or took too long; likewise.
        """
        if self._state is not _PENDING:
            raise self._refuse("recv")
        infos = self._merged(self._receive())
        block = self._block
        assert block is not None
        rows = block if self._zero_copy else block.copied()
        # The ids are few bytes and often sorted or offset by who gets them, so they are always a copy.
        ids = block.env_id.copy()
        return Batch(rows.observations, rows.rewards, rows.terminals, rows.truncations, infos, ids, rows.mask)

    def close(self) -> None:
        """Closes every environment; does nothing the second time.

        Raises:
            EnvironmentFailed: an environment's `close` raised; all others were closed first.
        """
        if self._state is not State.CLOSED:
            self._state = State.CLOSED
            self._close()

    def as_gymnasium(self) -> GymnasiumVectorEnv:
        """Gives a `gymnasium.vector.VectorEnv` that drives this pool; closing it closes the pool.

        Every info is collected from now on, as Gymnasium wants it.

        Raises:
            InvalidVectorOption: environments with several agents, or batches smaller than all environments.
        """
        from pufferlib.vector._gymnasium import GymnasiumVectorEnv

        return GymnasiumVectorEnv(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except EnvironmentFailed as failure:
            if error is None:
                raise
            error.add_note(f"Closing the pool failed too. {failure}")  # the first error is the one to see

    # What a backend does

    @abstractmethod
    def _start_reset(
        self, seeds: Sequence[int | None], options: dict[str, Any] | None, selected: npt.NDArray[np.bool_] | None
    ) -> None:
        """Begins to reset all environments, or the selected ones; finishes what is under way and forgets it.

        Raises:
            InvalidVectorOption: the options can't be handed on; nothing was begun.
        """

    @abstractmethod
    def _start_step(self, block: Block) -> None:
        """Begins to step a block whose actions are in the arena."""

    @abstractmethod
    def _finish(self) -> tuple[Block, Any]:
        """Waits for a block and gives its infos."""

    @abstractmethod
    def _close(self) -> None:
        """Closes all environments. Called once, in any state."""

    @abstractmethod
    def _split_infos(self) -> None:
        """Collects every info, with those of a same-step reset apart, from now on."""

    @abstractmethod
    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Reads an attribute of every wrapped environment, or calls it."""

    @abstractmethod
    def _set_attr(self, name: str, values: Sequence[Any]) -> None:
        """Sets an attribute of every wrapped environment."""

    # Shared steps

    def _receive(self) -> Any:
        """Finishes one batch; whatever goes wrong in it, an interrupt included, leaves the pool failed."""
        try:
            self._block, infos = self._finish()
        except BaseException as error:
            self._give_up(error)
            raise
        self._state = _READY
        return infos

    def _give_up(self, error: BaseException) -> None:
        """Refuses all but `close` from now on."""
        self._state = State.FAILED
        self._failure = f"{error}" or type(error).__name__

    def _merged(self, infos: Any) -> Sequence[Info]:
        """Gives infos as users see them, also where `as_gymnasium` keeps them apart."""
        if not self._is_split:
            merged: Sequence[Info] = infos
            return merged
        return [info.merged() if isinstance(info, EndInfo) else info for info in infos]

    def _keep_apart(self) -> None:
        """Prepares a reset or step for `as_gymnasium`: its infos stay apart, arrays stay in the arena."""
        if not self._is_split and self._state in (State.NEW, State.READY):
            self._split_infos()
            self._is_split = True

    def _begin_reset(self, call: str, seed: Seeds, options: dict[str, Any] | None) -> None:
        """Checks and starts a reset."""
        if self._state in (State.FAILED, State.CLOSED):
            raise self._refuse(call)
        seeds = check_seeds(seed, self.num_envs)
        selected = None
        if options is not None and "reset_mask" in options:
            options = dict(options)  # the caller's stays as it is
            selected = check_reset_mask(options.pop("reset_mask"), self.num_envs)
            self._check_partial(call, selected)
        try:
            self._start_reset(seeds, options, selected)
        except InvalidVectorOption:  # nothing was begun
            raise
        except BaseException as error:
            self._give_up(error)
            raise
        self._state = _PENDING
        self._was_reset = True

    def _check_partial(self, call: str, selected: npt.NDArray[np.bool_]) -> None:
        """Refuses to reset some environments while the others have no observation to keep."""
        if selected.all():
            return
        self._check_whole(call)
        if self._state is not _READY:
            problem = "options['reset_mask'] leaves out environments that " + (
                "are being stepped." if self._was_reset else "were never reset."
            )
            remedy = "Call recv() first." if self._was_reset else "Reset all environments first."
            raise VectorStateError(call, problem, remedy)

    def _check_whole(self, call: str) -> None:
        """Refuses calls that need a batch of all environments."""
        if not self._is_whole:
            problem = f"Batches hold {self.options.batch_size} of {self.num_envs} environments."
            remedy = "Call async_reset(), recv() and send(), or leave out batch_size and reset_mask."
            raise VectorStateError(call, problem, remedy)

    def _check_alive(self, block: Block) -> None:
        """Refuses to step environments whose episode is over: nobody else will reset them."""
        if block.episode_over.any():
            num_slots = self.arena.spec.num_slots
            over = ", ".join(str(block.env_id[i * num_slots] // num_slots) for i in np.flatnonzero(block.episode_over))
            problem = f"Autoreset is disabled and the episode is over in environment {over}."
            remedy = "Call reset(options={'reset_mask': ...}) with True there."
            raise VectorStateError("send", problem, remedy)

    def _refuse(self, call: str) -> VectorStateError:
        """Says why a call can't be taken in this state and which can."""
        if self._state is State.FAILED:
            return VectorStateError(call, f"The pool failed before: {self._failure}", "close() it and make a new one.")
        problem, remedy = _REMEDIES[self._state]
        return VectorStateError(call, problem, remedy)
