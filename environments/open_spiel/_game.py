"""An OpenSpiel game as a PettingZoo parallel environment. Only a `make` imports this file.

Shapes: n distinct actions of the game.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import gymnasium
import numpy as np
import pyspiel
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

Agents: TypeAlias = dict[str, Any]  # one value an agent


class Game(ParallelEnv[str, dict[str, NDArray[Any]], int]):
    """All players are there in every step, those who don't move too.

    Observation: Dict(observation: Box float32, as large as the game's tensor; action_mask: Box(0, 1, (n,), int8)). A
    player who doesn't move has the mask [1, 0, 0, ...], so that no mask is ever empty, and its action is ignored.
    Action: Discrete(n). Rewards of a step are what the player's returns grew by in it, chance included.
    """

    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 2, "name": "open_spiel", "is_parallelizable": True}

    def __init__(
        self,
        kind: pyspiel.GameType,
        parameters: dict[str, Any],
        observation: str = "observation",
        replaces_illegal: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Loads a game.

        Args:
            kind: one of OpenSpiel's registered games.
            parameters: over the game's own.
            observation: "information_state" or "observation".
            replaces_illegal: True: an illegal action is replaced by a random legal one. False: it loses the game.
            render_mode: None, "rgb_array" or "ansi".
        """
        self.render_mode = render_mode
        self._kind, self._parameters = kind, parameters
        self._replaces_illegal = replaces_illegal
        self._view = pyspiel.IIGObservationType(perfect_recall=observation == "information_state")
        self._rng = np.random.default_rng()
        self._pays_at_once = kind.reward_model == pyspiel.GameType.RewardModel.REWARDS
        self._has_own_chance = "rng_seed" in kind.parameter_specification
        self._load()
        game = self._game
        self.possible_agents = [f"player_{i}" for i in range(game.num_players())]
        self.agents: list[str] = []
        recalls = observation == "information_state"
        self._shape = tuple(game.information_state_tensor_shape() if recalls else game.observation_tensor_shape())
        self._num_actions = game.num_distinct_actions()
        self._observation_space = gymnasium.spaces.Dict(
            {
                "observation": gymnasium.spaces.Box(-np.inf, np.inf, self._shape, np.float32),
                "action_mask": gymnasium.spaces.Box(0, 1, (self._num_actions,), np.int8),
            }
        )
        self._action_space = gymnasium.spaces.Discrete(self._num_actions)
        self._frame_size = (0, 0)

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """The space that all players share."""
        return self._observation_space

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """The space that all players share."""
        return self._action_space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Deals anew; with a seed, chance starts again."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
            if self._has_own_chance:
                self._load()
        self.state = self._game.new_initial_state()
        self._returns = [0.0] * len(self.possible_agents)
        self._illegal = dict.fromkeys(self.possible_agents, 0)
        self._play_chance()
        self.agents = list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Plays one turn, or one move of all players at once."""
        moves = {
            player: self._legal_move(player, int(actions[agent]))
            for player, agent in enumerate(self.possible_agents)
            if self.state.legal_actions(player)
        }
        is_lost = None in moves.values()
        if is_lost:
            worst = self._game.min_utility()
            rewards = [worst if moves.get(player, 0) is None else 0.0 for player in range(len(self.possible_agents))]
        else:
            self._move(moves)
            rewards = self._collect()
        is_over = is_lost or self.state.is_terminal()
        observations = self._observe()
        infos = {agent: {"illegal_actions": self._illegal[agent]} if is_over else {} for agent in self.agents}
        agents, self.agents = self.agents, [] if is_over else self.agents
        return (
            observations,
            dict(zip(agents, rewards, strict=True)),
            dict.fromkeys(agents, is_over),
            dict.fromkeys(agents, False),
            infos,
        )

    def render(self) -> Any:
        """Shows the state as OpenSpiel writes it: a text, or that text drawn, (height, width, 3) uint8."""
        if self.render_mode is None:
            return None
        text = str(self.state)
        if self.render_mode == "ansi":
            return text
        from pufferlib.environments.open_spiel._text import draw

        frame = draw(text, self._frame_size)
        self._frame_size = frame.shape[:2]  # it never shrinks, so that a film keeps its size
        return frame

    def close(self) -> None:
        """Does nothing: a game holds only memory."""

    def _load(self) -> None:
        """Loads the game; one that draws chance inside gets a seed."""
        parameters = dict(self._parameters)
        if self._has_own_chance:
            parameters.setdefault("rng_seed", int(self._rng.integers(2**31)))
        self._game = pyspiel.load_game(self._kind.short_name, parameters)
        observation = pyspiel._Observation(self._game, self._game.make_observer(self._view, {}))
        self._tensor, self._fill_tensor = np.frombuffer(observation, np.float32), observation.set_from

    def _legal_move(self, player: int, action: int) -> int | None:
        """Returns the action if it is legal, otherwise what stands for it; None: the game is lost."""
        legal = self.state.legal_actions(player)
        if action in legal:
            return action
        self._illegal[self.possible_agents[player]] += 1
        return int(self._rng.choice(legal)) if self._replaces_illegal else None

    def _move(self, moves: dict[int, Any]) -> None:
        """Makes the moves of all players who move now, and those of chance after them."""
        if self.state.is_simultaneous_node():
            self.state.apply_actions([moves.get(player, 0) for player in range(len(self.possible_agents))])
        else:
            self.state.apply_action(moves[self.state.current_player()])
        self._play_chance()

    def _play_chance(self) -> None:
        """Draws the outcomes of chance until a player moves or the game is over."""
        while self.state.is_chance_node():
            outcomes, probabilities = zip(*self.state.chance_outcomes(), strict=True)
            limits = np.cumsum(probabilities)
            drawn = int(np.searchsorted(limits, self._rng.random() * limits[-1], side="right"))
            self.state.apply_action(outcomes[min(drawn, len(outcomes) - 1)])

    def _collect(self) -> list[float]:
        """Returns what each player got since the last step."""
        if not (self._pays_at_once or self.state.is_terminal()):
            return [0.0] * len(self.possible_agents)
        returns = self.state.returns()
        rewards = [now - before for now, before in zip(returns, self._returns, strict=True)]
        self._returns = returns
        return rewards

    def _observe(self) -> Agents:
        """Gives each player its own tensor and mask."""
        observations = {}
        for player, agent in enumerate(self.possible_agents):
            self._fill_tensor(self.state, player)
            mask = np.zeros(self._num_actions, np.int8)
            mask[self.state.legal_actions(player) or 0] = 1
            observations[agent] = {"observation": self._tensor.reshape(self._shape).copy(), "action_mask": mask}
        return observations
