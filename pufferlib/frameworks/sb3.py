"""Stable-Baselines3's on-policy algorithms with a plain PyTorch policy, for single-agent environments.

    env = GymnasiumPufferEnv(env_creator=...)
    model = PPO(pufferlib.frameworks.sb3.Policy, env, policy_kwargs={"emulated": env.emulated})
    model.learn(100_000)

Unlike SB3's own policies it reads structured observations leaf by leaf, and takes mixed actions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from pufferlib.models import Default
from pufferlib.pytorch import Mixed, Normal, PolicyOutput, sample_actions
from pufferlib.spaces import Emulated, compile_action_layout, compile_layout

__all__ = ["Policy", "PolicySpaces"]


@dataclass(frozen=True)
class PolicySpaces:
    """What a policy is built from, in the place of an environment that SB3 doesn't hand on."""

    emulated: Emulated

    @property
    def single_observation_space(self) -> gymnasium.spaces.Box:
        """Of one packed row."""
        return self.emulated.observation.flat_space

    @property
    def single_action_space(self) -> gymnasium.Space[Any]:
        """Of one flat action."""
        return self.emulated.action.flat_space


class Policy(ActorCriticPolicy):
    """An SB3 policy whose network is any `forward(observations) -> (output, value)`."""

    def __init__(
        self,
        observation_space: gymnasium.spaces.Box,
        action_space: gymnasium.Space[Any],
        lr_schedule: Schedule,
        emulated: Emulated | None = None,
        create_policy: Callable[[Any], nn.Module] = Default,
        **kwargs: Any,
    ) -> None:
        """Builds the network; SB3 calls this.

        Args:
            observation_space: given by SB3.
            action_space: given by SB3.
            lr_schedule: given by SB3.
            emulated: `env.emulated`, for observations or actions with structure. None: the spaces have none.
            create_policy: builds the network from an object with `emulated` and the two single spaces, as an
                environment has them. It is saved with the model, so it must be a class or function of a module.
            **kwargs: SB3's own, such as `optimizer_kwargs`; those about its networks have no effect.
        """
        if emulated is None:
            emulated = Emulated(compile_layout(observation_space), compile_action_layout(action_space))
        self._emulated, self._create_policy = emulated, create_policy
        self._axes = _axes_back(tuple(emulated.observation.flat_space.shape), tuple(observation_space.shape))
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        self.policy = self._create_policy(PolicySpaces(self._emulated))
        kwargs: dict[str, Any] = {"lr": lr_schedule(1), **self.optimizer_kwargs}
        self.optimizer = self.optimizer_class(self.parameters(), **kwargs)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._get_constructor_parameters()
        return {**parameters, "emulated": self._emulated, "create_policy": self._create_policy}

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Samples actions: returns them, the value (B, 1) and the log-probability (B,)."""
        output, value = self._run(obs)
        actions, log_prob, _ = sample_actions(output, deterministic=deterministic)
        return actions, value, log_prob

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Rates actions: returns the value (B, 1), the log-probability (B,) and the entropy (B,)."""
        output, value = self._run(obs)
        _, log_prob, entropy = sample_actions(output, actions)
        return value, log_prob, entropy

    def predict_values(self, obs: Any) -> Tensor:
        """The value of observations, (B, 1)."""
        return self._run(obs)[1]

    def get_distribution(self, obs: Any) -> Distribution:
        """The distribution of actions, in SB3's form.

        Raises:
            NotImplementedError: SB3 has no distribution of mixed actions.
        """
        output, _ = self._run(obs)
        if isinstance(output, Mixed):
            raise NotImplementedError("SB3 has no distribution of mixed actions. Use evaluate_actions or predict.")
        if isinstance(output, Normal):
            return self.action_dist.proba_distribution(output.mean, output.log_std)
        logits = output if isinstance(output, Tensor) else torch.cat(list(output), 1)  # type: ignore[arg-type]
        return self.action_dist.proba_distribution(action_logits=logits)

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        return self.forward(observation, deterministic)[0]

    def _run(self, obs: Tensor) -> tuple[PolicyOutput, Tensor]:
        output, value = self.policy(obs if self._axes is None else obs.permute(self._axes))
        return output, value


def _axes_back(original: tuple[int, ...], given: tuple[int, ...]) -> tuple[int, ...] | None:
    """How to undo SB3's VecTransposeImage, which puts channels first; None where there is nothing to undo."""
    is_transposed = len(given) == 3 and given != original and (*given[1:], given[0]) == original
    return (0, 2, 3, 1) if is_transposed else None
