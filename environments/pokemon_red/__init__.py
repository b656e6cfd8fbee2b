"""Pokemon Red on an emulated Game Boy: a long game to explore, with the user's own ROM."""

from __future__ import annotations

from typing import Any

from pufferlib.environments.pokemon_red.environment import DEFAULT, NEEDS_FILES, SAMPLES, env_creator, make, names

__all__ = ["DEFAULT", "NEEDS_FILES", "SAMPLES", "Policy", "env_creator", "make", "names"]


def __getattr__(name: str) -> Any:
    """Imports the policy, and torch with it, when it is first used."""
    if name == "Policy":
        from pufferlib.environments.pokemon_red.policy import Policy

        return Policy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
