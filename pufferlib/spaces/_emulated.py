"""Both layouts of an environment, which is what a policy needs to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pufferlib.spaces._actions import ActionLayout, compile_action_layout
from pufferlib.spaces._layout import Layout, compile_layout


@dataclass(frozen=True)
class Emulated:
    """How an environment's observations and actions look when flat."""

    observation: Layout
    action: ActionLayout


def emulated_of(env: Any) -> Emulated:
    """Finds the layouts of an environment: its own, or those of its spaces as they are.

    Args:
        env: an emulated or vectorized environment, or any with `single_observation_space` and `single_action_space`,
            or with Gymnasium's `observation_space` and `action_space`.
    """
    emulated = getattr(env, "emulated", None)
    if isinstance(emulated, Emulated):
        return emulated
    prefix = "single_" if hasattr(env, "single_observation_space") else ""
    observation_space, action_space = (getattr(env, f"{prefix}{name}_space") for name in ("observation", "action"))
    return Emulated(compile_layout(observation_space), compile_action_layout(action_space))
