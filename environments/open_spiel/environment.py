"""Makes OpenSpiel's games as PettingZoo environments, whatever their number of players and whoever moves when."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pufferlib.environments._options import check_choice, check_name, fill_options
from pufferlib.environments._packages import import_package
from pufferlib.environments._variables import same_variables

if TYPE_CHECKING:
    from pufferlib.emulation import PettingZooPufferEnv

DEFAULT = "tic_tac_toe"
SAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tic_tac_toe", {}),
    ("leduc_poker", {"illegal_action": "replace"}),
    ("goofspiel", {"illegal_action": "replace", "num_cards": 4}),
    ("catch", {}),
    ("hearts", {"illegal_action": "replace"}),
)
_NO_TENSOR = ("crossword",)  # says that it has an observation tensor, but none of its functions are there


def names() -> list[str]:
    """Lists the games that can be made without parameters, have a tensor to observe and no mean field."""
    pyspiel = import_package("pyspiel", "open_spiel")
    return sorted(kind.short_name for kind in pyspiel.registered_games() if _is_playable(kind))


def env_creator(name: str = DEFAULT) -> Callable[..., PettingZooPufferEnv]:
    """Returns a picklable callable that makes the environment; it takes the options of `make`."""
    return functools.partial(make, name)


def make(
    name: str = DEFAULT,
    render_mode: str | None = None,
    observation: str | None = None,
    illegal_action: str = "lose",
    **options: Any,
) -> PettingZooPufferEnv:
    """Makes one emulated environment that reports its episodes, for every player.

    The agents are "player_0", "player_1", ...; a game for one player has one. All of them are there in every step:
    where players take turns, one step is one turn, and the actions of those who wait are ignored. Chance moves by
    itself, by random numbers that `reset(seed=...)` starts. The info of an episode's last step also holds
    `illegal_actions`, how many the agent chose.

    Args:
        name: one of `names()`.
        render_mode: None, "rgb_array" (the text of the state, drawn) or "ansi" (the text itself).
        observation: "information_state" (all that the player could know) or "observation" (what the player sees now).
            None: as OpenSpiel, the first where the game has it, otherwise the second.
        illegal_action: "lose": it ends the game, and the offender gets the lowest reward that the game can give, the
            others 0. "replace": it is replaced by a random legal one.
        options: the game's own parameters, for example `players` for "leduc_poker" or `board_size` for "go".

    Raises:
        UnknownEnvironment: there is no such game.
        ConfigError: the game has no such parameter or observation, or `illegal_action` is something else.
    """
    pyspiel = import_package("pyspiel", "open_spiel")
    kinds = {kind.short_name: kind for kind in pyspiel.registered_games() if _is_playable(kind)}
    check_name(name, kinds)
    fill_options(name, options, kinds[name].parameter_specification)
    tensors = _tensors(kinds[name])
    check_choice("observation", observation, (None, *tensors))
    check_choice("illegal_action", illegal_action, ("lose", "replace"))
    with same_variables():  # PettingZoo sets some when it is imported
        from pufferlib.emulation import PettingZooPufferEnv
        from pufferlib.environments.open_spiel._game import Game
        from pufferlib.wrappers import MultiagentEpisodeStats

    env = Game(kinds[name], options, observation or tensors[0], illegal_action == "replace", render_mode)
    return PettingZooPufferEnv(env=MultiagentEpisodeStats(env))


def _is_playable(kind: Any) -> bool:
    """Says whether a game fits, from what OpenSpiel says about it; loading it isn't needed."""
    return (
        kind.default_loadable
        and kind.dynamics != type(kind).Dynamics.MEAN_FIELD
        and bool(_tensors(kind))
        and kind.short_name not in _NO_TENSOR
    )


def _tensors(kind: Any) -> list[str]:
    """Lists what a player of a game can observe, the field's default first."""
    has = {"information_state": kind.provides_information_state_tensor, "observation": kind.provides_observation_tensor}
    return [tensor for tensor, is_there in has.items() if is_there]
