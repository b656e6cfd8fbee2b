"""Griddly's games with today's APIs: Gymnasium's for one player, PettingZoo's for more.

Imports Griddly and PettingZoo, so only a `make` imports this file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from griddly import GymWrapper, gd
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

Agents = dict[Any, Any]  # one value an agent

OBSERVERS = {
    "vector": gd.ObserverType.VECTOR,
    "sprite": gd.ObserverType.SPRITE_2D,
    "block": gd.ObserverType.BLOCK_2D,
    "isometric": gd.ObserverType.ISOMETRIC,
}
_LARGEST_SEED = 2**31
_OWN_LIMIT = re.compile(r"_steps\s*,\s*(\d+)")  # a condition of the game's own on the number of steps


class Game:
    """A game of Griddly, for one player or more: spaces, seeds, time limits and frames.

    Shapes: A players.
    """

    def __init__(self, path: Path, level: int, observer: str, frames: str, max_steps: int | None) -> None:
        """Loads the game.

        Args:
            path: of its GDY file.
            level: which of its levels, from 0.
            observer: what players see, a key of OBSERVERS.
            frames: what a frame shows, a key of OBSERVERS.
            max_steps: steps after which an episode is cut. None: never.
        """
        self.frames = frames
        self.max_steps = max_steps
        own_limit = _OWN_LIMIT.search(path.read_text(encoding="utf-8").partition("Levels:")[0])
        self._own_limit = int(own_limit[1]) if own_limit else None
        self._wrapper: Any = GymWrapper(
            str(path), level=level, player_observer_type=OBSERVERS[observer], global_observer_type=OBSERVERS[frames]
        )
        self._wrapper.reset()  # before it, Griddly knows no shapes
        self.num_players = int(self._wrapper.player_count)
        self.action_names = tuple(self._wrapper.action_names)
        box, space = self._wrapper.observation_space, self._wrapper.action_space
        if self.num_players > 1:
            box, space = box[0], space[0]
        self.shape = tuple(int(side) for side in box.shape)
        # Griddly's spaces are made anew at each reset.
        self.nvec = [int(n) for n in space.nvec] if hasattr(space, "nvec") else [int(space.n)]
        self._num_steps = 0

    def observation_space(self) -> gymnasium.spaces.Box:
        """Makes the space of what one player sees."""
        return gymnasium.spaces.Box(0, 255, self.shape, np.uint8)

    def action_space(self) -> gymnasium.Space[Any]:
        """Makes the space of what one player does."""
        return (
            gymnasium.spaces.Discrete(self.nvec[0])
            if len(self.nvec) == 1
            else gymnasium.spaces.MultiDiscrete(self.nvec)
        )

    def reset(self, seed: int | None) -> list[NDArray[np.uint8]]:
        """Starts an episode, with new random numbers if there is a seed; returns A observations."""
        if seed is not None:
            self._wrapper.game.seed(seed)
        self._num_steps = 0
        return self._copy(self._wrapper.reset())

    def step(self, action: Any) -> tuple[list[NDArray[np.uint8]], list[float], bool, bool, list[dict[str, Any]]]:
        """Takes one action of each player.

        Returns:
            A observations, A rewards, whether the episode terminated, whether it was cut, and A infos: in an episode's
            last step `won` and `lost`, 0 or 1.
        """
        seen, reward, done, info = self._wrapper.step(action)
        self._num_steps += 1
        rewards = [float(reward)] if self.num_players == 1 else [float(one) for one in reward]
        results = info.get("PlayerResults", {})
        # Where the game itself counts steps, its end is a cut too, though it may call it a loss.
        is_cut = self._num_steps == self._own_limit and "Win" not in results.values()
        terminated = bool(done) and not is_cut
        truncated = not terminated and (bool(done) or self._num_steps == self.max_steps)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_players)]
        if terminated or truncated:
            for player, own in enumerate(infos, 1):
                result = None if is_cut else results.get(str(player))
                own |= {"won": int(result == "Win"), "lost": int(result == "Lose")}
        return self._copy(seen), rewards, terminated, truncated, infos

    def frame(self) -> NDArray[np.uint8]:
        """Draws the whole grid, (height, width, 3)."""
        return np.ascontiguousarray(self._wrapper.render(mode="rgb_array", observer="global"))

    def close(self) -> None:
        """Frees the game."""
        self._wrapper = None  # which releases what Griddly holds for it

    def _copy(self, seen: Any) -> list[NDArray[np.uint8]]:
        """Copies observations out of Griddly's buffers, which the next step overwrites."""
        return [np.array(one, np.uint8, order="C") for one in ([seen] if self.num_players == 1 else seen)]


class GriddlyEnv(gymnasium.Env[NDArray[np.uint8], Any]):
    """A game for one player."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, game: Game, render_mode: str | None) -> None:
        """Takes a game for one player."""
        self.game = game
        self.render_mode = render_mode
        self.action_names = game.action_names
        self.observation_space = game.observation_space()
        self.action_space = game.action_space()
        self._is_seeded = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Starts the level again."""
        super().reset(seed=seed)
        fresh = seed is not None or not self._is_seeded
        self._is_seeded = True
        (observation,) = self.game.reset(int(self.np_random.integers(_LARGEST_SEED)) if fresh else None)
        return observation, {}

    def step(self, action: Any) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Takes an action."""
        (observation,), (reward,), terminated, truncated, (info,) = self.game.step(action)
        return observation, reward, terminated, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the whole grid, (height, width, 3)."""
        return None if self.render_mode is None else self.game.frame()

    def close(self) -> None:
        """Frees the game."""
        self.game.close()


class GriddlyParallel(ParallelEnv[str, Any, Any]):
    """A game for several players, who act at the same time and stay until its end."""

    def __init__(self, game: Game, name: str, render_mode: str | None) -> None:
        """Takes a game for several players."""
        self.game = game
        self.render_mode = render_mode
        self.action_names = game.action_names
        self.metadata: dict[str, Any] = {
            "name": name,
            "render_modes": ["rgb_array"],
            "render_fps": 10,
            "is_parallelizable": True,
        }
        self.possible_agents = [f"player_{player}" for player in range(1, game.num_players + 1)]
        self.agents: list[str] = []
        self._observation_spaces = {agent: game.observation_space() for agent in self.possible_agents}
        self._action_spaces = {agent: game.action_space() for agent in self.possible_agents}
        self._seeds = np.random.default_rng()
        self._is_seeded = False

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """Returns the agent's observation space, always the same object."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """Returns the agent's action space, always the same object."""
        return self._action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Starts the level again."""
        if seed is not None:
            self._seeds = np.random.default_rng(seed)
        fresh = seed is not None or not self._is_seeded
        self._is_seeded = True
        self.agents = list(self.possible_agents)
        observations = self.game.reset(int(self._seeds.integers(_LARGEST_SEED)) if fresh else None)
        return dict(zip(self.agents, observations, strict=True)), {agent: {} for agent in self.agents}

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Takes one action of each player."""
        agents = self.agents
        observations, rewards, terminated, truncated, infos = self.game.step([actions[agent] for agent in agents])
        if terminated or truncated:
            self.agents = []
        return (
            dict(zip(agents, observations, strict=True)),
            dict(zip(agents, rewards, strict=True)),
            dict.fromkeys(agents, terminated),
            dict.fromkeys(agents, truncated),
            dict(zip(agents, infos, strict=True)),
        )

    def render(self) -> NDArray[np.uint8] | None:
        """Draws the whole grid, (height, width, 3)."""
        return None if self.render_mode is None else self.game.frame()

    def close(self) -> None:
        """Frees the game."""
        self.game.close()
