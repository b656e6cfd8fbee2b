"""Pokemon Red as an environment: what is seen, and what is rewarded."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from pufferlib.environments.pokemon_red._console import PICTURE, Console
from pufferlib.environments.pokemon_red._memory import MAX_PARTY, NUM_EVENTS, Facts

_NUM_BADGES = 8
_VIEW = (9, 10)  # tiles on the screen, down and across
_PLAYER = (4, 4)  # the tile of these on which the player stands
_MAP_TILES = 256  # a coordinate is a byte


class RewardWeights(NamedTuple):
    """What is rewarded, and how much; `environment.make` explains each."""

    explore: float
    level: float
    badge: float
    event: float
    heal: float


class PokemonRed(gymnasium.Env[dict[str, Any], Any]):
    """One player's game.

    Observation, a Dict:

        screen    (72, 80, S) uint8     the last S pictures in grey, the newest last
        visited   (9, 10) uint8         1: the tile at this place of the screen was visited in this episode
        map       Discrete(256)         number of the map
        position  (2,) uint8            x and y on the map, tiles
        battle    Discrete(4)           none, wild, trainer, lost
        badges    MultiBinary(8)        won so far
        levels    (6,) uint8            of the party, 0 where there is no member
        health    (6,) float32          of the party, 0-1
        events    (1,) int32            flags of the story that are set

    Action: Discrete, one of the buttons. The info of the last step of an episode holds `badges`, `tiles` and `maps`
    seen, `levels` (highest sum), `events` (new ones), `heals` (in whole parties) and `faints` (of the whole party).
    """

    def __init__(
        self,
        console: Console,
        *,
        render_mode: str | None,
        max_steps: int,
        frame_skip: int,
        press_frames: int,
        frame_stack: int,
        buttons: tuple[str, ...],
        idle_frames_max: int,
        weights: RewardWeights,
    ) -> None:
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": 60 / frame_skip}
        self.render_mode = render_mode
        self.console = console
        self.buttons = buttons
        self._frames = press_frames, frame_skip
        self._max_steps, self._idle_frames_max = max_steps, idle_frames_max
        self._weights = weights
        self._screen = np.zeros((*PICTURE, frame_stack), np.uint8)
        self.observation_space = spaces.Dict(
            {
                "screen": spaces.Box(0, 255, self._screen.shape, np.uint8),
                "visited": spaces.Box(0, 1, _VIEW, np.uint8),
                "map": spaces.Discrete(256),
                "position": spaces.Box(0, 255, (2,), np.uint8),
                "battle": spaces.Discrete(4),
                "badges": spaces.MultiBinary(_NUM_BADGES),
                "levels": spaces.Box(0, 255, (MAX_PARTY,), np.uint8),
                "health": spaces.Box(0, 1, (MAX_PARTY,), np.float32),
                "events": spaces.Box(0, NUM_EVENTS, (1,), np.int32),
            }
        )
        self.action_space = spaces.Discrete(len(buttons))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Goes back to the start and forgets what was visited."""
        super().reset(seed=seed)
        self.console.restart()
        # One frame at least: a saved state holds no picture.
        self.console.wait(1 + int(self.np_random.integers(self._idle_frames_max + 1)))
        facts = self.console.facts()
        self._num_steps = 0
        self._progress = Progress(facts, self._weights)
        self._screen[...] = self.console.picture()[:, :, None]
        return self._observe(facts), {}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Presses a button and lets the game go on for some frames."""
        self.console.press(self.buttons[int(action)], *self._frames)
        facts = self.console.facts()
        reward = self._progress.update(facts)
        self._screen[:, :, :-1] = self._screen[:, :, 1:]
        self._screen[:, :, -1] = self.console.picture()
        self._num_steps += 1
        truncated = self._num_steps >= self._max_steps
        return self._observe(facts), reward, False, truncated, self._progress.summary() if truncated else {}

    def render(self) -> NDArray[np.uint8] | None:
        """Returns the screen, (144, 160, 3) uint8, if "rgb_array" was asked for."""
        return self.console.frame() if self.render_mode == "rgb_array" else None

    def save_state(self) -> bytes:
        """Returns the state of the console; written to a file, episodes can start from it (`state_path`)."""
        return self.console.save()

    def close(self) -> None:
        """Switches the console off."""
        self.console.close()

    def _observe(self, facts: Facts) -> dict[str, Any]:
        levels, health = np.zeros(MAX_PARTY, np.uint8), np.zeros(MAX_PARTY, np.float32)
        levels[: len(facts.levels)], health[: len(facts.health)] = facts.levels, facts.health
        return {
            "screen": self._screen.copy(),
            "visited": self._progress.around(facts),
            "map": facts.map_id,
            "position": np.array([facts.x, facts.y], np.uint8),
            "battle": facts.battle,
            "badges": np.unpackbits(np.uint8(facts.badges), bitorder="little").astype(np.int8),
            "levels": levels,
            "health": health,
            "events": np.array([facts.events], np.int32),
        }


class Progress:
    """How far an episode has come; every reward is for something that it reaches for the first time, but healing."""

    def __init__(self, facts: Facts, weights: RewardWeights) -> None:
        self._weights = weights
        self._last = self._first = facts
        self._levels, self._events, self._badges = sum(facts.levels), facts.events, facts.badges.bit_count()
        self._heals, self._faints, self._tiles = 0.0, 0, 0
        self._visited: dict[int, NDArray[np.uint8]] = {}
        self._visit(facts)

    def update(self, facts: Facts) -> float:
        """Takes note of what an action has led to, and returns the reward for it."""
        weights = self._weights
        reward = weights.explore * self._visit(facts)
        levels, badges = sum(facts.levels), facts.badges.bit_count()
        reward += weights.level * max(levels - self._levels, 0)
        reward += weights.event * max(facts.events - self._events, 0)
        reward += weights.badge * max(badges - self._badges, 0)
        self._levels, self._events = max(levels, self._levels), max(facts.events, self._events)
        self._badges = max(badges, self._badges)
        healed = self._healed(facts)
        self._heals += healed
        self._last = facts
        return reward + weights.heal * healed

    def around(self, facts: Facts) -> NDArray[np.uint8]:
        """Says which of the tiles on the screen were visited, (9, 10) uint8."""
        return self._map(facts)[facts.y : facts.y + _VIEW[0], facts.x : facts.x + _VIEW[1]].copy()

    def summary(self) -> dict[str, float]:
        """Gives the episode's statistics."""
        return {
            "badges": self._badges,
            "tiles": self._tiles,
            "maps": len(self._visited),
            "levels": self._levels,
            "events": self._events - self._first.events,
            "heals": self._heals,
            "faints": self._faints,
        }

    def _map(self, facts: Facts) -> NDArray[np.uint8]:
        """The visited tiles of a map, with a margin, so that the view never leaves it."""
        tiles = self._visited.get(facts.map_id)
        if tiles is None:
            shape = _MAP_TILES + _VIEW[0], _MAP_TILES + _VIEW[1]
            tiles = self._visited[facts.map_id] = np.zeros(shape, np.uint8)
        return tiles

    def _visit(self, facts: Facts) -> bool:
        """Marks the player's tile and says whether it is new."""
        tiles, place = self._map(facts), (facts.y + _PLAYER[0], facts.x + _PLAYER[1])
        if tiles[place]:
            return False
        tiles[place] = 1
        self._tiles += 1
        return True

    def _healed(self, facts: Facts) -> float:
        """The part of the party's hit points that an action has restored.

        Not counted: what a new member or a new level brings, and what a party that has fainted is given back.
        """
        last = self._last
        if last.total_hp > 0 and facts.total_hp == 0 and facts.levels:
            self._faints += 1
        same_party = facts.levels == last.levels and facts.total_max_hp == last.total_max_hp
        if not same_party or last.total_hp == 0 or facts.total_hp <= last.total_hp:
            return 0.0
        return (facts.total_hp - last.total_hp) / facts.total_max_hp
