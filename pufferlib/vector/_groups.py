"""Makes the group of environments that fits what the creators make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from pufferlib.exceptions import EnvironmentFailed
from pufferlib.vector._group import CAUGHT, Caught, EnvGroup, check_same_spaces, close_quietly, describe
from pufferlib.vector._options import Recipe

if TYPE_CHECKING:
    from pufferlib.vector._native_group import NativeGroup

Group: TypeAlias = "EnvGroup | NativeGroup"


def make_group(recipes: Sequence[Recipe], first: int = 0, caught: Caught = CAUGHT) -> Group:
    """Makes environments; native ones of one class are stepped together.

    Args:
        recipes: one an environment.
        first: the first one's index in the pool.
        caught: what counts as an environment's failure; anything else passes unchanged.

    Raises:
        EnvironmentFailed: a creator raised.
        InvalidVectorOption: environments differ in their spaces, or two are the same object.
    """
    made = [_make(recipes[0], first, caught)]
    if not hasattr(made[0], "join"):  # not a NativeEnv: don't import what it needs
        return EnvGroup(recipes, first, caught, made)
    from pufferlib.ocean import NativeEnv
    from pufferlib.vector._native_group import NativeGroup

    if not isinstance(made[0], NativeEnv):
        return EnvGroup(recipes, first, caught, made)
    try:
        if not _are_same(recipes):
            made += [_make(recipe, index, caught) for index, recipe in enumerate(recipes[1:], first + 1)]
        if any(getattr(env, "kind", None) is not made[0].kind for env in made):
            return EnvGroup(recipes, first, caught, made)
        for index, env in enumerate(made, first):
            check_same_spaces(made[0], env, index)
    except BaseException:
        close_quietly(made)
        raise
    return NativeGroup(recipes, made, first, caught)


def _make(recipe: Recipe, index: int, caught: Caught) -> Any:
    try:
        return recipe()
    except caught as error:
        raise EnvironmentFailed(index, "constructor", None, describe(error)) from error


def _are_same(recipes: Sequence[Recipe]) -> bool:
    """Whether all recipes make the same environment; what can't be compared is taken for different."""
    model = recipes[0]
    try:
        return all(recipe is model or bool(recipe == model) for recipe in recipes[1:])
    except ValueError:  # arrays among the arguments
        return False
