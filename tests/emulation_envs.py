"""Small environments that do what the emulation must cope with."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

import pufferlib.spaces

STRUCTURED = spaces.Dict(
    {
        "image": spaces.Box(0, 255, (3, 4), np.uint8),
        "position": spaces.Box(-1, 1, (2,)),
        "health": spaces.Discrete(7, start=1),
        "name": spaces.Text(4, charset="abc"),
        "bag": pufferlib.spaces.Sequence(spaces.Discrete(5), 3),
    }
)
MIXED = spaces.Dict({"aim": spaces.Box(-1, 1, (2,)), "fire": spaces.Discrete(3, start=1)})


class StructuredEnv(gymnasium.Env[Any, Any]):
    """Samples its observations; counts its steps; ends after five."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(
        self,
        observation_space: spaces.Space[Any] = STRUCTURED,
        action_space: spaces.Space[Any] = MIXED,
        render_mode: str | None = None,
    ) -> None:
        self.observation_space = observation_space
        self.action_space = action_space
        self.render_mode = render_mode
        self.actions: list[Any] = []
        self.num_steps = 0
        self.is_closed = False

    def _observe(self) -> Any:
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts again."""
        super().reset(seed=seed)
        self.num_steps = 0
        return self._observe(), dict(options or {})

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes an action and remembers it."""
        assert action in self.action_space, action
        self.actions.append(action)
        self.num_steps += 1
        reward = float(self.np_random.random())
        return self._observe(), reward, self.num_steps >= 5, False, {"num_steps": self.num_steps}

    def render(self) -> Any:
        """A black picture."""
        return np.zeros((2, 2, 3), np.uint8)

    def close(self) -> None:
        """Remembers that it was closed."""
        self.is_closed = True


class Village(ParallelEnv):
    """Agents that are absent at reset, come later, die, are cut off, or vanish without a word.

    Agent 0 lives through the whole episode of 6 steps, which is then cut. Agent 1 dies in step 2. Agent 2 comes in step
    3. Agent 3 vanishes in step 4. An observation is (agent, step).
    """

    metadata = {"name": "village_v0", "render_modes": []}
    render_mode = None

    def __init__(self, seed_offset: int = 0) -> None:
        self.possible_agents = [0, 1, 2, 3]
        self.agents: list[int] = []
        self.observations = {a: spaces.Dict(who=spaces.Discrete(9), when=spaces.Box(0, 9, (1,))) for a in range(4)}
        self.choices = {a: spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3, start=1))) for a in range(4)}
        self.last_actions: dict[int, Any] = {}

    def observation_space(self, agent: int) -> Any:
        """The same for all."""
        return self.observations[agent]

    def action_space(self, agent: int) -> Any:
        """The same for all."""
        return self.choices[agent]

    def _observe(self, agent: int) -> dict[str, Any]:
        return {"who": agent, "when": np.float32([self.num_steps])}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[dict[int, Any], dict[int, Any]]:
        """Agents 0, 1 and 3 are there from the start."""
        self.num_steps = 0
        self.agents = [0, 1, 3]
        return {a: self._observe(a) for a in self.agents}, {a: {} for a in self.agents}

    def step(self, actions: dict[int, Any]) -> tuple[Any, ...]:
        """One more step of the script above."""
        self.last_actions = actions
        self.num_steps += 1
        t = self.num_steps
        acted = [a for a in self.agents if not (a == 3 and t == 4)]
        terminals = {a: a == 1 and t == 2 for a in acted}
        truncations = {a: t == 6 for a in acted}
        rewards = {a: a + t / 10 for a in acted}
        self.agents = [a for a in acted if not (terminals[a] or truncations[a])]
        observations = {a: self._observe(a) for a in acted}
        if t == 3:
            self.agents.append(2)
            observations[2] = self._observe(2)
        return observations, rewards, terminals, truncations, {a: {"t": t} for a in acted}
