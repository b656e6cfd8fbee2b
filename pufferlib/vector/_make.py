"""Makes a pool: the one function that most users of `pufferlib.vector` need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from pufferlib.exceptions import InvalidVectorOption
from pufferlib.vector._multiprocessing import Multiprocessing
from pufferlib.vector._options import Creator, check_choice, check_names, check_options
from pufferlib.vector._pool import Pool
from pufferlib.vector._ray import Ray
from pufferlib.vector._serial import Serial
from pufferlib.vector._threads import Threads

BACKENDS: dict[str, type[Pool]] = {
    "serial": Serial,
    "threads": Threads,
    "multiprocessing": Multiprocessing,
    "ray": Ray,
}
_COMMON = ("env_args", "env_kwargs", "num_envs", "num_workers", "batch_size", "zero_copy", "autoreset", "infos")


def make(
    env_creators: Creator | Sequence[Creator],
    env_args: Sequence[Any] | None = None,
    env_kwargs: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    backend: type[Pool] | str = Serial,
    num_envs: int | None = None,
    num_workers: int | None = None,
    batch_size: int | None = None,
    zero_copy: bool = True,
    autoreset: str | Enum = "same_step",
    infos: str = "ends",
    **kwargs: Any,
) -> Pool:
    """Makes `num_envs` environments and the pool that runs them.

    Args:
        env_creators: a class or function that makes an environment, or a list with one each. What it makes may be
            emulated already or a plain Gymnasium or PettingZoo environment, which is then emulated.
        env_args: positional arguments of the creator; with a list of creators, one list each.
        env_kwargs: keyword arguments of the creator, or a list with one dict an environment.
        backend: `Serial`, `Threads` (native environments only), `Multiprocessing` or `Ray`, or the name of one.
        num_envs: how many; 1, or the number of creators, if left out.
        num_workers: threads, or worker processes or actors, which must divide `num_envs`. As many as there are usable
            cores, if left out.
        batch_size: environments (not rows) in a batch; must divide `num_envs`. All, if left out.
        zero_copy: whether batches are views, valid until the next `send`, or copies.
        autoreset: "same_step", "next_step" or "disabled", as in Gymnasium.
        infos: "ends" keeps the infos of resets and of steps in which an episode ended, "all" every one.
        kwargs: options of one backend only.

    Returns:
        A pool that waits for `reset` or `async_reset`.

    Raises:
        InvalidVectorOption: an option is wrong; the message names the nearest valid value.
        EnvironmentFailed: a creator raised.
    """
    backend_class = _check_backend(backend)
    check_names(kwargs, (*_COMMON, *backend_class.OPTIONS), backend_class.__name__)
    options = check_options(
        env_creators,
        env_args,
        env_kwargs,
        num_envs,
        num_workers,
        batch_size,
        zero_copy,
        autoreset,
        infos,
        workers_share_evenly=backend_class.WORKERS_SHARE_EVENLY,
    )
    make_pool: Any = backend_class  # each backend's constructor names its own options
    pool: Pool = make_pool(options, **kwargs)
    return pool


def _check_backend(backend: Any) -> type[Pool]:
    """Accepts a backend's class, or its name in lower case."""
    if isinstance(backend, str):
        return BACKENDS[check_choice("backend", backend.lower(), tuple(BACKENDS))]
    if not (isinstance(backend, type) and issubclass(backend, Pool)):
        problem = "is no backend."
        raise InvalidVectorOption("backend", repr(backend), problem, f"Choose one of: {', '.join(BACKENDS)}.")
    return backend
