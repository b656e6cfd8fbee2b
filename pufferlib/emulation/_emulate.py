"""Wraps whatever comes in the fitting emulation."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium

from pufferlib.emulation._creation import name_of
from pufferlib.emulation._gymnasium import GymnasiumPufferEnv
from pufferlib.exceptions import EmulationError


def emulate(env: Any) -> Any:
    """Makes an environment flat.

    Args:
        env: of Gymnasium, of PettingZoo (Parallel or AEC), or emulated already (then it comes back as it is).

    Raises:
        EmulationError: it is none of these.
        UnsupportedSpace: a part of its spaces has no flat form.
    """
    if all(hasattr(env, name) for name in ("emulated", "attach", "reset_into", "step_into")):
        return env
    if isinstance(env, gymnasium.Env):
        return GymnasiumPufferEnv(env=env)
    pettingzoo = sys.modules.get("pettingzoo")  # imported already, if this is one of its environments
    if pettingzoo is not None and isinstance(env, pettingzoo.ParallelEnv | pettingzoo.AECEnv):
        from pufferlib.emulation._pettingzoo import PettingZooPufferEnv

        return PettingZooPufferEnv(env=env)
    problem = f"it is a {type(env).__module__}.{type(env).__name__}, not a Gymnasium or PettingZoo environment."
    remedy = "Derive it from gymnasium.Env or pettingzoo.ParallelEnv, or use pufferlib.wrappers.GymToGymnasium."
    raise EmulationError(name_of(env), problem, remedy)
