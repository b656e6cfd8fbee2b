"""What MAgent2's games need around them. Imports PettingZoo, so only `make` imports this file."""

from __future__ import annotations

from typing import Any

import numpy as np
from pettingzoo import ParallelEnv
from pettingzoo.utils.wrappers import BaseParallelWrapper

Agents = dict[str, Any]  # one value an agent

# Kind -> the action that does nothing: the middle of the moves, which are listed from top to bottom.
IDLE_ACTIONS = {"predator": 2, "prey": 4, "melee": 2, "ranged": 6, "deer": 2, "tiger": 2}


class Battle(BaseParallelWrapper[str, Any, Any]):
    """Lets all teams act from the first step on, reports survivors, draws the frame of now, closes what it has opened.

    The game's renderer shows each frame three times, and its `close` quits pygame for the whole process, fonts of
    other games included. Only a window needs that.
    """

    def __init__(self, env: ParallelEnv[str, Any, Any]) -> None:
        super().__init__(env)
        self.render_mode = env.render_mode

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Agents, Agents]:
        """Starts a game; a seed sets the engine's random numbers.

        The package counts the teams before it puts them on the map. All are empty then, and in the first step every
        team would do what the first agents of the first team do.
        """
        result = self.env.reset(seed=None if seed is None else int(seed), options=options)
        game = self.env.unwrapped
        game.team_sizes = [game.env.get_num(handle) for handle in game.handles]
        return result

    def step(self, actions: Agents) -> tuple[Agents, Agents, Agents, Agents, Agents]:
        """Steps the game; infos of agents that end say whether they live, and how much of their team does."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        ended = [agent for agent in terminations if terminations[agent] or truncations[agent]]
        if ended:
            alive, shares = self._count_alive()
            for agent in ended:
                infos[agent] = {"survived": float(agent in alive), "team_alive": shares[agent.rpartition("_")[0]]}
        return observations, rewards, terminations, truncations, infos

    def render(self) -> Any:
        """Draws the frame of now."""
        game = self.env.unwrapped
        if game._renderer is not None:
            game._renderer.new_data = None
        frame = self.env.render()
        return frame if frame is None else np.ascontiguousarray(frame)

    def close(self) -> None:
        """Closes the window, if there is one."""
        game = self.env.unwrapped
        if game.render_mode == "human":
            self.env.close()
        game._renderer = None

    def _count_alive(self) -> tuple[set[str], dict[str, float]]:
        """Finds the agents that live, and the living share of each team."""
        game = self.env.unwrapped
        names = self.possible_agents
        alive = {names[i] for handle in game.handles for i in game.env.get_agent_id(handle)}
        teams = [name.rpartition("_")[0] for name in names]
        living = [name.rpartition("_")[0] for name in alive]
        return alive, {team: living.count(team) / teams.count(team) for team in dict.fromkeys(teams)}
