"""Connect four written again: columns are lists, and a search without pruning plays against the agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ocean.lockstep import Turn
from ocean.random_numbers import RandomNumbers
from pufferlib.ocean.connect4 import Connect4Config


class Board:
    """Seven columns of up to six pieces, each 0 or 1, the player's."""

    def __init__(self) -> None:
        self.columns: list[list[int]] = [[] for _ in range(7)]

    def open_columns(self) -> list[int]:
        """Columns with room."""
        return [i for i, column in enumerate(self.columns) if len(column) < 6]

    def wins(self, player: int) -> bool:
        """Whether a player has four in a row anywhere."""
        cells = {(c, r) for c, column in enumerate(self.columns) for r, owner in enumerate(column) if owner == player}
        ways = ((0, 1), (1, 0), (1, 1), (1, -1))
        return any(all((c + i * x, r + i * y) in cells for i in range(4)) for c, r in cells for x, y in ways)

    def value(self, player: int, column: int, depth: int) -> int:
        """What a move is worth to its player, by looking at all games of `depth` plies that begin with it."""
        if depth == 0:
            return 0
        self.columns[column].append(player)
        if self.wins(player):
            result = depth
        else:
            answers = self.open_columns()
            result = -max((self.value(1 - player, answer, depth - 1) for answer in answers), default=0)
        self.columns[column].pop()
        return result


class Connect4Model:
    """The whole game, for one agent or two."""

    def __init__(self, seed: int, **options: Any) -> None:
        self.config = Connect4Config(**options)
        self.random = RandomNumbers(seed)

    def reset(self) -> np.ndarray[Any, Any]:
        """Clears the board and draws who begins."""
        self.board, self.winner, self.over = Board(), None, False
        self.mover = self.random.below(2)
        for _ in range(self.random.below(self.config.opening + 1)):
            column = self.random.below(7)
            if column not in self.board.open_columns() or self.board.value(self.mover, column, 1):
                break
            self.board.columns[column].append(self.mover)
            self.mover = 1 - self.mover
        if self.config.players == 1 and self.mover == 1:
            self._answer()
        return self._observe()

    def step(self, actions: Sequence[int]) -> Turn:
        """Plays one move, and the answer to it where there is one agent."""
        self._play(actions[self.mover if self.config.players == 2 else 0])
        if self.config.players == 1 and not self.over:
            self._answer()
        count = self.config.players
        signs = [0.0 if self.winner is None else 1.0 if self.winner == i else -1.0 for i in range(count)]
        over = np.full(count, self.over)
        turn = Turn(self._observe(), np.array(signs), over, np.zeros(count, bool), ~over, over=self.over)
        if self.over:
            drawn = float(self.winner is None)
            turn.numbers = {i: {"won": float(self.winner == i), "drawn": drawn} for i in range(count)}
        return turn

    def _play(self, column: int) -> None:
        player, self.mover = self.mover, 1 - self.mover
        if column not in self.board.open_columns():
            self.winner, self.over = 1 - player, True
            return
        self.board.columns[column].append(player)
        if self.board.wins(player):
            self.winner, self.over = player, True
        elif not self.board.open_columns():
            self.over = True

    def _answer(self) -> None:
        values = {column: self.board.value(1, column, self.config.depth) for column in self.board.open_columns()}
        best = [column for column, value in values.items() if value == max(values.values())]
        self._play(best[self.random.below(len(best))])

    def _observe(self) -> np.ndarray[Any, Any]:
        rows = []
        for player in range(self.config.players):
            planes = np.zeros((3, 6, 7), np.int8)
            for c, column in enumerate(self.board.columns):
                for r, owner in enumerate(column):
                    planes[int(owner != player), 5 - r, c] = 1
            is_mover = not self.over and player == self.mover
            planes[2] = is_mover
            legal = np.zeros(7, np.int8)
            legal[self.board.open_columns() if is_mover else [0]] = 1
            rows.append(np.concatenate([legal, planes.ravel()]))
        return np.array(rows)
