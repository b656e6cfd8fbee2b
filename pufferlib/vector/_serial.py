"""The serial backend: every environment in this process, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pufferlib.vector._arena import Arena, ArenaSpec
from pufferlib.vector._batch import Block
from pufferlib.vector._groups import make_group
from pufferlib.vector._options import PoolOptions
from pufferlib.vector._pool import Pool


class Serial(Pool):
    """Steps all environments in the calling process: the reference for every other backend, and the one to debug with.

    With `batch_size` below `num_envs` it takes turns over blocks of consecutive environments, in the order that
    asynchronous sampling would have if all environments were equally fast. `num_workers` has no effect.
    """

    def __init__(self, options: PoolOptions) -> None:
        """Makes the environments.

        Raises:
            EnvironmentFailed: a creator raised; the environments made before it are closed.
            InvalidVectorOption: the environments don't share their spaces.
        """
        self._group = make_group(options.recipes)
        try:
            traits = self._group.traits
            arena = Arena.allocate(ArenaSpec.plan(options.num_envs, traits.num_slots, traits.emulated))
            self._group.attach(arena, options.autoreset, options.infos)
        except BaseException:  # large observations may not fit in memory
            self._group.close()
            raise
        super().__init__(options, traits, arena)
        self._driver_env = self._group.envs[0]
        starts = range(0, options.num_envs, options.batch_size)
        self._blocks = [Block.of(arena, range(start, start + options.batch_size)) for start in starts]
        self._work: deque[tuple[Block, Callable[[], Any]]] = deque()
        step = self._group.step
        self._steps = {
            block.envs.start: (block, partial(step, block.envs.start, block.envs.stop)) for block in self._blocks
        }

    @property
    def driver_env(self) -> Any:
        """Environment 0 itself: read it, but let only the pool reset and step it."""
        return self._driver_env

    def _start_reset(
        self, seeds: Sequence[int | None], options: dict[str, Any] | None, selected: npt.NDArray[np.bool_] | None
    ) -> None:
        while self._work:  # other backends can't take back what is under way, so this one does it too
            self._work.popleft()[1]()
        for block in self._blocks:
            reset = partial(self._group.reset, seeds, options, block.envs.start, block.envs.stop, selected)
            self._work.append((block, reset))

    def _start_step(self, block: Block) -> None:
        self._work.append(self._steps[block.envs.start])

    def _finish(self) -> tuple[Block, Any]:
        # Work is done here and not in `send`, so that errors leave from the same call on every backend.
        block, work = self._work.popleft()
        return block, work()

    def _close(self) -> None:
        self._work.clear()
        self._group.close()

    def _split_infos(self) -> None:
        self._group.info_mode = "split"

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(self._group.call(name, args, kwargs))

    def _set_attr(self, name: str, values: Sequence[Any]) -> None:
        self._group.set_attr(name, values)
