"""Self-play against earlier policies: a pool in which some agents are played by what the policy once was.

Agents of one environment share the policy anyway, so a game between them is a game of the policy against itself. Who
only ever meets the newest version of itself may forget how to beat the older ones, and go round in circles. So in some
environments all agents but one are rivals: past policies choose for them, and the trainer sees their rows as empty.

Sources: Bansal et al. 2018, "Emergent Complexity via Multi-Agent Competition", section 5.2 (opponents from the past);
Berner et al. 2019, "Dota 2 with Large Scale Deep Reinforcement Learning", appendix N (a share of the games).

Shapes: E environments, A agent slots in each, N = E*A rows, B rows in a batch.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pufferlib.exceptions import ConfigError
from pufferlib.pytorch import sample_actions
from pufferlib.training.actions import ActionConverter
from pufferlib.training.actor import Actor
from pufferlib.training.config import SelfplayConfig


class Rivals:
    """A pool for `Trainer` with past policies in it; `remember` adds the policy as it is now.

    In the first `share` of the environments, agent `e % A` of environment e learns and the others are rivals, each
    played by one of the past policies, drawn anew for every episode. Their rows have a mask of False and no infos.
    Everything else is the pool's.
    """

    def __init__(self, envs: Any, policy: nn.Module, options: SelfplayConfig, device: torch.device, seed: int) -> None:
        """Looks at the pool; the first past policy is the one that is there when the environments are reset.

        Args:
            envs: the pool, with several agents in an environment.
            policy: the one that learns.
            options: how many rivals there are, and how many policies are kept.
            device: where the policies are.
            seed: of who plays against whom, and of who is forgotten.

        Raises:
            ConfigError: there is one agent in an environment.
        """
        num_slots = envs.num_agents // envs.num_envs
        if num_slots < 2:
            remedy = "Leave it at 0, or choose an environment with several agents."
            raise ConfigError("selfplay.share", "there is one agent in an environment.", remedy)
        self._envs, self._policy, self._options, self._device = envs, policy, options, device
        env, slot = np.divmod(np.arange(envs.num_agents), num_slots)
        self.is_rival = (env < round(options.share * envs.num_envs)) & (slot != env % num_slots)  # (N,) bool
        self.past: list[Actor] = []
        self._player = np.zeros(envs.num_agents, np.int64)  # which past policy plays a rival's row
        self._previous_mask = np.zeros(envs.num_agents, bool)
        self._converter = ActionConverter(envs.emulated.action)
        self._random = np.random.default_rng(seed)
        self._agents = list(getattr(envs.driver_env, "possible_agents", ()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._envs, name)

    def remember(self) -> None:
        """Adds the policy as it is now; once there are `options.keep`, it takes the place of a random one.

        So the newest are always there, and old ones become rarer but don't die out at once.
        """
        frozen = Actor(copy.deepcopy(self._policy).requires_grad_(False), self._envs.num_agents, self._device)
        if len(self.past) < self._options.keep:
            self.past.append(frozen)
        else:
            self.past[self._random.integers(len(self.past))] = frozen

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What a checkpoint keeps: the tensors of the past policies, `NUMBER.NAME`, and the state of the draws."""
        tensors = {f"{i}.{n}": t for i, actor in enumerate(self.past) for n, t in actor.policy.state_dict().items()}
        return tensors, dict(self._random.bit_generator.state)

    def restore(self, tensors: Mapping[str, Tensor], draws: dict[str, Any]) -> None:
        """Goes on from what `checkpoint` gave, as far as `options.keep` allows."""
        self.past.clear()
        for number in range(min(self._options.keep, len({name.partition(".")[0] for name in tensors}))):
            self.remember()
            prefix = f"{number}."
            own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            self.past[number].policy.load_state_dict(own)
        self._random.bit_generator.state = draws

    def async_reset(self, seed: Any = None, options: dict[str, Any] | None = None) -> None:
        """As the pool's."""
        if not self.past:
            self.remember()
        self._previous_mask[:] = False
        self._envs.async_reset(seed=seed, options=options)

    def recv(self) -> tuple[Any, ...]:
        """As the pool's, with rivals taken out of the mask and of the infos."""
        observations, rewards, terminals, truncations, infos, rows, mask = self._envs.recv()
        starts = terminals | truncations | ~self._previous_mask[rows]
        self._previous_mask[rows] = mask
        self._player[rows[starts]] = self._random.integers(len(self.past), size=int(starts.sum()))
        self._seen = observations, rows, starts
        mask = mask & ~self.is_rival[rows]
        return observations, rewards, terminals, truncations, self._without_rivals(infos, rows), rows, mask

    def send(self, actions: NDArray[Any]) -> None:
        """As the pool's; the actions for rivals' rows are replaced by their own."""
        observations, rows, starts = self._seen
        actions = actions.copy()
        for player, actor in enumerate(self.past):
            which = np.flatnonzero(self.is_rival[rows] & (self._player[rows] == player))
            if len(which):
                seen = torch.as_tensor(observations[which]).to(self._device)
                with torch.inference_mode():
                    chosen, _, _ = sample_actions(actor.step(seen, rows[which], starts[which])[0])
                actions[which] = self._converter.to_environment(chosen)
        self._envs.send(actions)

    def _without_rivals(self, infos: Sequence[Mapping[Any, Any]], rows: NDArray[np.int64]) -> list[Mapping[Any, Any]]:
        """Drops what the infos say of rivals: their episodes aren't the learner's."""
        num_slots = len(self._agents)
        kept: list[Mapping[Any, Any]] = []
        for info, is_rival in zip(infos, self.is_rival[rows].reshape(-1, num_slots), strict=True):
            gone = {agent for agent, away in zip(self._agents, is_rival, strict=True) if away} if info else ()
            kept.append({key: value for key, value in info.items() if key not in gone} if gone else info)
        return kept
