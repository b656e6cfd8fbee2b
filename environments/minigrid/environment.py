"""Makes Minigrid and BabyAI environments, with missions as gymnasium Text and BabyAI's chatter off."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium

from pufferlib.emulation import GymnasiumPufferEnv
from pufferlib.environments._packages import import_package
from pufferlib.exceptions import MissingDependency
from pufferlib.wrappers import EpisodeStats

DEFAULT = "MiniGrid-DoorKey-5x5-v0"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("MiniGrid-DoorKey-5x5-v0", {}),
    ("MiniGrid-Dynamic-Obstacles-5x5-v0", {}),
    ("MiniGrid-LockedRoom-v0", {}),
    ("BabyAI-GoToSeqS5R2-v0", {}),
    ("BabyAI-MiniBossLevel-v0", {}),
)
MISSION_CHARACTERS = " ,abcdefghijklmnopqrstuvwxyz"

_LONGEST_OBJECT = "the purple object in front of you"
_LONGEST_CLAUSE = f"put {_LONGEST_OBJECT} next to {_LONGEST_OBJECT}"
# BabyAI's grammar: at most two pairs of clauses, each pair joined by "and", the pairs by ", then" or "after you".
BABYAI_MISSION_LENGTH = len(
    f"{_LONGEST_CLAUSE} and {_LONGEST_CLAUSE} after you {_LONGEST_CLAUSE} and {_LONGEST_CLAUSE}"
)


def names() -> list[str]:
    """Lists all ids of Minigrid and BabyAI that this installation can make."""
    import_package("minigrid", "minigrid")
    return sorted(
        name
        for name, spec in gymnasium.registry.items()
        if str(spec.entry_point).startswith("minigrid.envs") and _absent_pattern(spec) is None
    )


def env_creator(name: str = DEFAULT) -> Callable[..., GymnasiumPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(name: str = DEFAULT, render_mode: str | None = None, **options: Any) -> GymnasiumPufferEnv:
    """Makes one emulated environment that reports its episodes.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" or "human".
        options: handed to the environment, for example `agent_view_size` or `max_steps`.
    """
    import_package("minigrid", "minigrid")
    pattern = _absent_pattern(gymnasium.spec(name))
    if pattern is not None:
        raise MissingDependency(
            name,
            f"minigrid with the picture {pattern.name}, which its wheels leave out",
            "pip install networkx imageio 'minigrid @ git+https://github.com/Farama-Foundation/Minigrid'",
        )
    env = gymnasium.make(name, render_mode=render_mode, disable_env_checker=True, **options)
    return GymnasiumPufferEnv(env=EpisodeStats(TextMission(env)))


class TextMission(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """Declares the mission as the Text that it is.

    Minigrid's own MissionSpace has no length and, for BabyAI, no content either; nothing about the observations
    themselves changes. While BabyAI draws a level, its `print` calls ("Sampling rejected: ...") write nothing.

    Observations: Dict(direction: Discrete(4), image: Box(0, 255, (V, V, 3), uint8) of (object, color, state) codes,
    mission: Text of at most L characters). L is exact for Minigrid and the bound of the grammar for all of BabyAI,
    so that one policy fits every BabyAI level.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self)  # so that env.spec can make it again
        gymnasium.Wrapper.__init__(self, env)
        space = env.observation_space
        assert isinstance(space, gymnasium.spaces.Dict)
        # At least 1: the playground has no mission at all, and a Text of no length would be a leaf of no bytes.
        length = max(1, longest_mission(space["mission"]))
        text = gymnasium.spaces.Text(length, min_length=0, charset=MISSION_CHARACTERS)
        self.observation_space = gymnasium.spaces.Dict({**space.spaces, "mission": text})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Draws a new level, silently."""
        import minigrid.envs.babyai.core.roomgrid_level as babyai

        with muted(babyai):
            return super().reset(seed=seed, options=options)


def longest_mission(space: gymnasium.Space[Any]) -> int:
    """Counts the characters of the longest mission in a MissionSpace."""
    from minigrid.envs.babyai.core.roomgrid_level import BabyAIMissionSpace

    if isinstance(space, BabyAIMissionSpace):
        return BABYAI_MISSION_LENGTH
    choices = space.ordered_placeholders or []  # type: ignore[attr-defined]
    return max(len(space.mission_func(*words)) for words in itertools.product(*choices))  # type: ignore[attr-defined]


@contextlib.contextmanager
def muted(module: ModuleType) -> Iterator[None]:
    """Turns off `print` inside one module, and nowhere else, for the time of a block.

    Other code may print meanwhile, and other threads keep their stdout: only the module's own name is shadowed.
    """
    vars(module)["print"] = _print_nothing
    try:
        yield
    finally:
        vars(module).pop("print", None)


def _print_nothing(*words: Any, **options: Any) -> None:
    """Takes what `print` takes."""


def _absent_pattern(spec: gymnasium.envs.registration.EnvSpec) -> Path | None:
    """Finds the picture that a level made by wave function collapse starts from, if it should be there and isn't."""
    if "wfc_config" not in spec.kwargs:
        return None
    from minigrid.envs.wfc.config import WFC_PRESETS_ALL

    pattern = Path(WFC_PRESETS_ALL[spec.kwargs["wfc_config"]].pattern_path)
    return None if pattern.exists() else pattern
