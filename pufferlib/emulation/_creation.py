"""What both wrappers share: how the environment is made, and checks of what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from pufferlib.exceptions import EmulationError, ObservationMismatch
from pufferlib.spaces import Layout


def create(
    env: Any, env_creator: Callable[..., Any] | None, env_args: Sequence[Any], env_kwargs: Mapping[str, Any] | None
) -> Any:
    """Takes the environment that was given, or creates it.

    Raises:
        TypeError: not exactly one of `env` and `env_creator` was given, or arguments came without a creator.
    """
    if (env is None) == (env_creator is None):
        given = "neither" if env is None else "both"
        raise TypeError(f"Give exactly one of env= and env_creator=, not {given}.")
    if env_creator is not None:
        return env_creator(*env_args, **(env_kwargs or {}))
    if env_args or env_kwargs:
        raise TypeError("env_args= and env_kwargs= go with env_creator=, but env= was given.")
    return env


def name_of(env: Any) -> str:
    """Names an environment in messages: its own class, not the wrappers around it."""
    return type(getattr(env, "unwrapped", env)).__name__


def check_reset(env: Any, result: Any) -> Any:
    """Passes on what reset returned.

    Raises:
        EmulationError: it isn't (observation, info).
    """
    if not isinstance(result, tuple) or len(result) != 2:
        problem = f"reset() returned a {type(result).__name__} instead of (observation, info)."
        raise EmulationError(name_of(env), problem, _LEGACY_REMEDY)
    return result


def refuse_step(env: Any, result: Any) -> NoReturn:
    """Complains about a step that isn't (observation, reward, terminated, truncated, info).

    Raises:
        EmulationError: always.
    """
    problem = f"step() returned {len(result)} values instead of 5."
    raise EmulationError(name_of(env), problem, _LEGACY_REMEDY)


def no_buffers(env: Any) -> EmulationError:
    """The error of reset_into and step_into without buffers."""
    return EmulationError(name_of(env), "it has no buffers to write into.", "Call attach(buffers) first.")


def check_reward(env: Any, reward: Any) -> float:
    """Converts a reward.

    Raises:
        EmulationError: it is NaN, or no number.
    """
    try:
        number = float(reward)
    except (TypeError, ValueError) as error:
        raise EmulationError(name_of(env), f"the reward {reward!r} isn't a number.", "Return a float.") from error
    if number != number:
        raise EmulationError(name_of(env), "the reward is NaN.", "Correct it in the environment or in a wrapper.")
    return number


def check_values(layout: Layout, observation: Any) -> None:
    """Checks that the numbers of an observation lie in their spaces, which packing doesn't.

    Raises:
        ObservationMismatch: a number of a leaf is out of bounds; the error names leaf, bounds and number.
    """
    row = layout.pack(observation)
    if layout.space.contains(layout.unpack(row)):
        return
    problem = layout.find_out_of_bounds(row)
    raise ObservationMismatch(*(problem or ("the root", f"a value of {layout.space}", repr(observation)[:200])))


_LEGACY_REMEDY = "For environments of the old Gym API, wrap it in pufferlib.wrappers.GymToGymnasium first."
