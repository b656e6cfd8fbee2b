"""The Ray cluster that a pool lives in: the caller's, or one on this machine for as long as pools use it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pufferlib.exceptions import MissingDependency
from pufferlib.vector._cores import count_usable_cores


class OwnCluster:
    """A cluster that was started here, and how many pools use it."""

    current: OwnCluster | None = None

    def __init__(self, ray: Any) -> None:
        """Starts it."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers
        ray.init(num_cpus=count_usable_cores(), include_dashboard=False, logging_level="ERROR")
        self._ray, self._num_pools, self._owner_pid = ray, 0, os.getpid()

    def join(self) -> Callable[[], None]:
        """Counts one more pool; gives what the pool calls once when it ends."""
        self._num_pools += 1
        return self._leave

    def _leave(self) -> None:
        self._num_pools -= 1
        is_mine = OwnCluster.current is self and os.getpid() == self._owner_pid
        if not self._num_pools and is_mine:
            OwnCluster.current = None
            self._ray.shutdown()


def join_cluster() -> tuple[Any, Callable[[], None]]:
    """Connects to the cluster that `ray.init` was called for, or starts one on this machine.

    Returns:
        The module ray, and what the pool calls once when it ends.

    Raises:
        MissingDependency: ray isn't installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependency("backend='ray'", "ray", "pip install pufferlib[ray]") from error
    if not ray.is_initialized():
        OwnCluster.current = OwnCluster(ray)
    if OwnCluster.current is None:
        return ray, _stay
    return ray, OwnCluster.current.join()


def _stay() -> None:
    """Leaves the caller's cluster as it is."""
