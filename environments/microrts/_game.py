"""MicroRTS as an environment: one player against a bot, an action for every cell of the map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from pufferlib.environments.microrts import _java
from pufferlib.environments.microrts._dice import Dice
from pufferlib.environments.microrts._picture import draw
from pufferlib.exceptions import EmulationError

# Values that a cell's hit points, resources, owner, unit type and action can have; partly seen maps add visibility.
PLANES = (5, 5, 3, 8, 6)
VISIBILITY_PLANES = 2
# Choices of a unit: type of action; directions of move, harvest, return and produce; produced type; attacked cell.
CHOICES = (6, 4, 4, 4, 4, 7, 49)


class MicroRTS(gymnasium.Env[dict[str, Any], NDArray[np.int64]]):
    """One game after the other on a map of H x W cells.

    Observation, a Dict:

        grid         MultiBinary (H, W, 27)  one-hot: hit points 0-4+, resources 0-4+, owner (none, agent, bot), unit
                                             type (none, Resource, Base, Barracks, Worker, Light, Heavy, Ranged) and
                                             what the unit is doing; (H, W, 29) with whether the cell is seen
        action_mask  MultiBinary (H, W, 78)  1: a unit on this cell may do this; all 0 where no unit awaits an action

    Action: MultiDiscrete, for every cell, row by row, the seven choices that `CHOICES` lists. Those of cells without
    a unit that awaits an action are ignored, and what is against the rules does nothing. The info of the last step of
    a game holds `win`, `loss` and `draw` (0 or 1) and the sum of each part of the reward.
    """

    def __init__(
        self,
        map_path: Path,
        opponents: Sequence[str],
        *,
        render_mode: str | None,
        max_steps: int,
        reward_weight: Sequence[float],
        partial_obs: bool,
    ) -> None:
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 15}
        self.render_mode = render_mode
        self._jpype = _java.start()
        self._opponents, self._max_steps = tuple(opponents), max_steps
        self._weights = np.asarray(reward_weight, np.float64)
        units = self._jpype.JClass("rts.units.UnitTypeTable")()
        self._bots = [_java.make_bot(self._jpype, name, units) for name in self._opponents]
        self._client = _java.make_client(self._jpype, map_path, self._bots[0], units, partial_obs)
        self._dice = Dice(self._jpype)
        ground = self._client.pgs
        height, width = int(ground.getHeight()), int(ground.getWidth())
        self._walls = np.array([[ground.getTerrain(x, y) != 0 for x in range(width)] for y in range(height)])
        planes = (*PLANES, VISIBILITY_PLANES) if partial_obs else PLANES
        self._largest = np.array(planes, np.int32)[:, None, None] - 1
        # Where the one of a feature's value 0 lies in a flat grid, (planes, H, W).
        cells = np.arange(height * width).reshape(height, width) * sum(planes)
        self._places = cells + np.cumsum((0, *planes[:-1]))[:, None, None]
        self._grid_shape = (height, width, sum(planes))
        self.observation_space = spaces.Dict(
            {
                "grid": spaces.MultiBinary(self._grid_shape),
                "action_mask": spaces.MultiBinary((height, width, sum(CHOICES))),
            }
        )
        self.action_space = spaces.MultiDiscrete(np.tile(CHOICES, height * width))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts a game, against one of the bots drawn at random."""
        super().reset(seed=seed)
        index = int(self.np_random.integers(len(self._bots)))
        self._opponent = self._opponents[index]
        self._dice.restart(int(self.np_random.integers(1 << 64, dtype=np.uint64)))
        with self._dice.rolled():
            self._client.ai2 = self._bots[index]
            response = self._client.reset(0)  # which clones the bot
        self._dice.seed_bot(self._client.ai2)
        self._num_steps = 0
        self._parts = np.zeros(len(self._weights))
        return self._observe(response), {}

    def step(self, action: NDArray[np.int64]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Gives orders to all units that await one, and lets the game go on for a cycle.

        Raises:
            EmulationError: the bot failed.
        """
        orders = np.empty((len(self._waiting), 1 + len(CHOICES)), np.int32)
        orders[:, 0] = self._waiting
        orders[:, 1:] = np.asarray(action).reshape(-1, len(CHOICES))[self._waiting]
        try:
            with self._dice.rolled():
                response = self._client.gameStep(self._to_java(orders), 0)
        except self._jpype.JException as error:
            problem = f"the game against {self._opponent} failed in Java: {error}."
            raise EmulationError("MicroRTS", problem, "Choose another opponent, or another map.") from error
        parts = np.array(response.reward)
        self._parts += parts
        self._num_steps += 1
        terminated = bool(response.done[0])
        truncated = not terminated and self._num_steps >= self._max_steps
        info = self._summarize() if terminated or truncated else {}
        return self._observe(response), float(parts @ self._weights), terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the game, if "rgb_array" was asked for."""
        return draw(self._features, self._walls) if self.render_mode == "rgb_array" else None

    def _observe(self, response: Any) -> dict[str, NDArray[np.int8]]:
        self._features = np.array(response.observation)
        grid = np.zeros(self._grid_shape, np.int8)
        grid.reshape(-1)[self._places + np.minimum(self._features, self._largest)] = 1
        mask = np.array(self._client.getMasks(0))
        self._waiting = np.flatnonzero(mask[:, :, 0])
        return {"grid": grid, "action_mask": mask[:, :, 1:].astype(np.int8)}

    def _to_java(self, orders: NDArray[np.int32]) -> Any:
        if len(orders) == 0:
            return self._jpype.JArray(self._jpype.JInt, 2)(0)
        return self._jpype.JArray.of(orders)

    def _summarize(self) -> dict[str, float]:
        """Gives the game's statistics."""
        result = float(np.sign(self._parts[0]))
        outcome = {"win": float(result > 0), "loss": float(result < 0), "draw": float(result == 0)}
        return outcome | dict(zip(_java.REWARDS.values(), self._parts.tolist(), strict=True))
