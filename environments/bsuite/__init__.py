"""bsuite: small experiments that each measure one ability of an agent."""

from __future__ import annotations

from typing import Any

from pufferlib.environments.bsuite.environment import DEFAULT, NEEDS_FILES, SAMPLES, env_creator, make, names

__all__ = ["DEFAULT", "NEEDS_FILES", "SAMPLES", "Policy", "env_creator", "make", "names"]


def __getattr__(name: str) -> Any:
    """Imports the policy, and torch with it, when it is first used."""
    if name == "Policy":
        from pufferlib.environments.bsuite.policy import Policy

        return Policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
