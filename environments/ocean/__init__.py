"""Ocean: pufferlib's own environments, in C; thousands of copies are stepped with one call."""

from __future__ import annotations

from typing import Any

from pufferlib.environments.ocean.environment import DEFAULT, SAMPLES, env_creator, make, names

__all__ = ["DEFAULT", "SAMPLES", "Policy", "env_creator", "make", "names"]


def __getattr__(name: str) -> Any:
    """Imports the policy, and torch with it, when it is first used."""
    if name == "Policy":
        from pufferlib.environments.ocean.policy import Policy

        return Policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
