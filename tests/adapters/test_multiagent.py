"""Agents of different kinds in one space, tried on a toy so that it needs no game."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv

from pufferlib.emulation import PettingZooPufferEnv
from pufferlib.environments._multiagent import CommonSpaces, have_common_spaces, parameters_of


class Zoo(ParallelEnv):
    """A cat and two mice that see ones in shapes of their own; keeps the actions that it got."""

    metadata = {"name": "zoo"}
    possible_agents = ["cat_0", "mouse_0", "mouse_1"]

    def __init__(self, cat: Any, mouse: Any, cat_acts: Any, mouse_acts: Any) -> None:
        self.spaces = {
            agent: (cat, cat_acts) if "cat" in agent else (mouse, mouse_acts) for agent in self.possible_agents
        }
        self.agents: list[str] = []
        self.got: dict[str, Any] = {}

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """What the agent sees."""
        return self.spaces[agent][0]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """What the agent does."""
        return self.spaces[agent][1]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Everybody comes."""
        self.agents = list(self.possible_agents)
        return self.look(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        """Nothing happens."""
        self.got = actions
        no = dict.fromkeys(self.agents, False)
        return self.look(), dict.fromkeys(self.agents, 0.0), no, no, {agent: {} for agent in self.agents}

    def look(self) -> dict[str, np.ndarray]:
        """Ones everywhere."""
        return {agent: np.ones(self.spaces[agent][0].shape, self.spaces[agent][0].dtype) for agent in self.agents}


def kind_of(agent: str) -> str:
    """The name without the number."""
    return agent.split("_")[0]


def wrap(cat: Any, mouse: Any, cat_acts: Any = 5, mouse_acts: Any = 3, idle: Any = None) -> tuple[Zoo, CommonSpaces]:
    """A zoo, and the same with common spaces."""
    cat_acts = spaces.Discrete(cat_acts) if isinstance(cat_acts, int) else cat_acts
    mouse_acts = spaces.Discrete(mouse_acts) if isinstance(mouse_acts, int) else mouse_acts
    zoo = Zoo(cat, mouse, cat_acts, mouse_acts)
    return zoo, CommonSpaces(zoo, kind_of, idle)


def test_common_spaces__pad_vectors_at_the_end():
    """Zeros follow an agent's own numbers, then one entry for each kind."""
    _, env = wrap(spaces.Box(-1, 2, (4,)), spaces.Box(-3, 1, (2,)))
    observations, _ = env.reset()

    assert env.kinds == ("cat", "mouse")
    assert observations["cat_0"].tolist() == [1, 1, 1, 1, 1, 0]
    assert observations["mouse_1"].tolist() == [1, 1, 0, 0, 0, 1]
    assert env.observation_space("cat_0").low.tolist() == [-3, -3, -1, -1, 0, 0]
    assert env.observation_space("cat_0").high.tolist() == [2, 2, 2, 2, 1, 1]
    assert all(observation in env.observation_space(agent) for agent, observation in observations.items())


def test_common_spaces__pad_images_around():
    """What was in the middle stays there, missing channels come last, and the kinds' channels after them."""
    _, env = wrap(spaces.Box(0, 1, (5, 5, 2), np.uint8), spaces.Box(0, 1, (3, 3, 1), np.uint8))
    observations, _ = env.reset()
    mouse = observations["mouse_0"]

    assert mouse.shape == observations["cat_0"].shape == (5, 5, 4)
    assert mouse.dtype == np.uint8
    assert mouse[1:4, 1:4, 0].all()
    assert mouse[..., 0].sum() == 9
    assert not mouse[..., 1:3].any()
    assert mouse[..., 3].all()


def test_common_spaces__actions_that_a_kind_lacks_count_as_idle():
    """Each kind has its own idle action, 0 where none is named; an agent's own actions pass."""
    box = spaces.Box(0, 1, (1,))
    for idle, expected in (({"mouse": 2}, 2), ({}, 0)):
        zoo, env = wrap(box, box, idle=idle)
        env.reset()
        env.step({"cat_0": 4, "mouse_0": 4, "mouse_1": 1})

        assert env.action_space("mouse_0") == spaces.Discrete(5)
        assert env.legal_actions.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
        assert zoo.got == {"cat_0": 4, "mouse_0": expected, "mouse_1": 1}


def test_common_spaces__extra_continuous_entries_are_dropped():
    """All agents have the longest vector; the environment gets what it asked for."""
    box = spaces.Box(0, 1, (1,))
    zoo, env = wrap(box, box, spaces.Box(-1, 1, (3,)), spaces.Box(-1, 1, (2,)))
    env.reset()
    env.step({agent: np.arange(3.0) for agent in env.possible_agents})

    assert env.action_space("mouse_0").shape == (3,)
    assert env.legal_actions is None
    assert {agent: len(action) for agent, action in zoo.got.items()} == {"cat_0": 3, "mouse_0": 2, "mouse_1": 2}


def test_common_spaces__observations_are_the_callers_own():
    """Emulated, as adapters give it away, writing into a padded observation doesn't show in the next one."""
    _, env = wrap(spaces.Box(-1, 2, (4,)), spaces.Box(-3, 1, (2,)))
    env = PettingZooPufferEnv(env=env)
    first, _ = env.reset()
    first["mouse_0"][:] = 9

    assert env.reset()[0]["mouse_0"].tolist() == [1, 1, 0, 0, 0, 1]


def test_have_common_spaces__compares_both_spaces():
    """Different observations or different actions are enough to differ."""
    box = spaces.Box(0, 1, (1,))

    assert have_common_spaces(wrap(box, box, 5, 5)[0])
    assert not have_common_spaces(wrap(box, box, 5, 3)[0])
    assert not have_common_spaces(wrap(box, spaces.Box(0, 1, (2,)), 5, 5)[0])


def test_parameters_of__joins_functions_and_leaves_out_the_rest():
    """Named parameters of all functions count once; `self` and `**kwargs` aren't options."""
    assert parameters_of(lambda self, a, b, **more: None, lambda b, c=1: None) == ["a", "b", "c"]


@pytest.mark.parametrize("is_image", [False, True])
def test_legal_actions__masks_by_kind(is_image: bool):
    """The policy's mask follows the kind that an observation tells; without an agent everything is legal."""
    torch = pytest.importorskip("torch")
    from pufferlib.environments._legal import LegalActions, mask_logits

    shape = (3, 3, 1) if is_image else (2,)
    _, env = wrap(spaces.Box(0, 1, shape), spaces.Box(0, 1, shape))
    rows = [*env.reset()[0].values()]
    legal = LegalActions(env)(torch.as_tensor(np.stack([*rows, np.zeros_like(rows[0])])))

    assert legal.tolist() == [[True] * 5, [True] * 3 + [False] * 2, [True] * 3 + [False] * 2, [True] * 5]
    assert torch.isinf(mask_logits(torch.zeros(4, 5), legal)).sum() == 4


def test_legal_actions__is_nothing_for_like_agents():
    """Without kinds, or with continuous actions, there is no mask."""
    torch = pytest.importorskip("torch")
    from pufferlib.environments._legal import LegalActions, mask_logits

    box = spaces.Box(0, 1, (1,))
    zoo, env = wrap(box, box, spaces.Box(-1, 1, (3,)), spaces.Box(-1, 1, (2,)))
    for any_env in (zoo, env):
        assert LegalActions(any_env)(torch.zeros(2, 3)) is None
    assert mask_logits("as it is", None) == "as it is"
