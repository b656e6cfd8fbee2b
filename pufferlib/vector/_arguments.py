"""Checks of what the calls of a pool are given: seeds, reset masks and actions."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pufferlib.exceptions import ActionMismatch, InvalidVectorOption

Seeds = int | Sequence[int | None] | None


def check_seeds(seed: Seeds, num_envs: int) -> Sequence[int | None]:
    """Gives one seed, or None, an environment.

    Raises:
        InvalidVectorOption: not None, an int, or one int or None an environment.
    """
    if seed is None:
        return [None] * num_envs
    remedy = f"Pass None, an int, or a list of {num_envs} of them."
    try:
        if not isinstance(seed, Sequence | np.ndarray):
            first = operator.index(seed)
            return range(first, first + num_envs)
        seeds = [None if value is None else operator.index(value) for value in seed]
    except TypeError:
        raise InvalidVectorOption("seed", repr(seed), "is no whole number.", remedy) from None
    if len(seeds) != num_envs:
        raise InvalidVectorOption("seed", repr(seed), f"has {len(seeds)} entries.", remedy)
    return seeds


def check_reset_mask(mask: Any, num_envs: int) -> npt.NDArray[np.bool_]:
    """Gives a copy of a valid reset mask.

    Raises:
        InvalidVectorOption: not an (E,) bool array with at least one True.
    """
    remedy = f"Pass a numpy array of {num_envs} bools with True where to reset, at least once."
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (num_envs,):
        raise InvalidVectorOption("options['reset_mask']", repr(mask), "is no mask of the environments.", remedy)
    if not mask.any():
        raise InvalidVectorOption("options['reset_mask']", repr(mask), "selects nothing.", remedy)
    return mask.copy()


def write_actions(rows: npt.NDArray[Any], actions: npt.ArrayLike) -> None:
    """Copies a batch of actions into the arena; never rounds floats to ints."""
    try:
        given = actions if type(actions) is np.ndarray else np.asarray(actions)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ActionMismatch(f"an array of shape {rows.shape}", f"{type(actions).__name__} ({error})") from None
    # Nearly always the dtype is right already, and `can_cast` is slow.
    fits = given.dtype is rows.dtype or np.can_cast(given.dtype, rows.dtype, "same_kind")
    if given.shape != rows.shape or not fits:
        got = f"{given.dtype} of shape {given.shape}"
        raise ActionMismatch(f"an array of {rows.dtype}, shape {rows.shape}", got)
    rows[...] = given
