"""Four in a row, for one agent against a search, or for two that may share a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete

from pufferlib.ocean._environment import NativeConfig, NativeEnv, NativeSpec


@dataclass(frozen=True)
class Connect4Config(NativeConfig):
    """Options of `Connect4`."""

    players: int = 1
    """Agents: 1 plays against a search; 2 take turns, for self-play."""

    depth: int = 4
    """What the search sees, in plies, 0 to 8. 0: it plays at random. 1: it wins where it can at once. 2: it also
    blocks. More: it sees traps. Among columns that are equally good it chooses at random."""

    opening: int = 0
    """Plies, 0 to 20, of which up to so many are played at random before the game begins, so that games differ."""

    def check(self) -> None:
        """Refuses more players, and searches that take for ever."""
        self.require(players=(1, 2), depth=(0, 8), opening=(0, 20))


class Connect4(NativeEnv):
    """Two players drop pieces into 7 columns of 6 cells; four in a row, column or diagonal win.

    Who begins is drawn. With one agent, a step is its turn and the answer of the search. With two agents a step is one
    turn, and both are there in every step: what the one that waits does is ignored, and its `action_mask` leaves it no
    choice, so that a policy which obeys the mask learns nothing from waiting, and the loser, whose last move is a step
    back, is there to learn of its loss.

    Observation: Dict, all int8, seen by the agent itself.
        action_mask: (7,), 1 for columns with room; (1, 0, 0, ...) for an agent that waits.
        observation: (3, 6, 7), from above: own pieces, the other's, and ones all over for an agent on turn.
    Action: Discrete(7), the column. A full one loses the game.
    Reward: 1 for a win, -1 for a loss, at the end, to both.
    End: terminal for both when the game is over.
    Numbers: `won` and `drawn`, 1 or 0.
    Random actions win 39 % against depth 0, 5 % against depth 2 and 1 % against depth 4.
    """

    name = "connect4"
    Config = Connect4Config
    numbers = ("won", "drawn")
    keys: ClassVar[dict[str, int]] = {str(column + 1): column for column in range(7)}
    idle: ClassVar[Any] = None  # the board waits for a move

    @classmethod
    def spec(cls, config: Connect4Config) -> NativeSpec:
        """Describes the board for one or two agents."""
        return NativeSpec(
            observation_space=Dict(
                action_mask=Box(0, 1, (7,), np.int8),
                observation=Box(0, 1, (3, 6, 7), np.int8),
            ),
            action_space=Discrete(7),
            num_agents=config.players,
            frame=(48, 56),
            render_fps=2,
        )
