"""Policies with the interface of CleanRL's PPO agents, around a plain PyTorch module."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from pufferlib.models import LSTMState
from pufferlib.pytorch import sample_actions

__all__ = ["Policy", "RecurrentPolicy"]


class Policy(nn.Module):
    """Wraps a policy whose forward pass returns the parameters of the actions and the value."""

    def __init__(self, policy: nn.Module) -> None:
        """Wraps `policy(observations) -> (output, value)`; `pufferlib.pytorch` lists the outputs."""
        super().__init__()
        self.policy = policy

    def get_value(self, x: Tensor) -> Tensor:
        """The value of observations (B, *shape), (B, 1)."""
        value: Tensor = self.policy(x)[1]
        return value

    def get_action_and_value(
        self, x: Tensor, action: Tensor | None = None, deterministic: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Samples actions, or rates those given.

        Args:
            x: observations, (B, *shape).
            action: actions to rate instead of sampling.
            deterministic: takes the most likely action instead of sampling.

        Returns:
            The actions, their log-probability (B,), the entropy (B,) and the value (B, 1). Actions carry no gradient.
        """
        output, value = self.policy(x)
        action, log_prob, entropy = sample_actions(output, action, deterministic)
        return action, log_prob, entropy, value


class RecurrentPolicy(nn.Module):
    """Wraps a policy with a state, such as `pufferlib.models.LSTMWrapper`."""

    def __init__(self, policy: nn.Module) -> None:
        """Wraps `policy(observations, state, starts) -> (output, value, state)`."""
        super().__init__()
        self.policy = policy

    def get_value(self, x: Tensor, state: LSTMState | None = None, starts: Tensor | None = None) -> Tensor:
        """The value of observations (B, *shape) or (B, T, *shape), (B*T, 1); the state stays as it is."""
        value: Tensor = self.policy(x, state, starts)[1]
        return value

    def get_action_and_value(
        self,
        x: Tensor,
        state: LSTMState | None = None,
        action: Tensor | None = None,
        starts: Tensor | None = None,
        deterministic: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Any]:
        """Samples actions, or rates those given, for one step or a sequence.

        Args:
            x: observations, (B, *shape) or (B, T, *shape).
            state: before the first step. None: that of an episode's start.
            action: actions to rate instead of sampling, (B, ...) or (B, T, ...).
            starts: bool (B,) or (B, T). True: an episode starts at this step.
            deterministic: takes the most likely action instead of sampling.

        Returns:
            The actions, their log-probability (B*T,), the entropy (B*T,), the value (B*T, 1), and the new state.
        """
        output, value, state = self.policy(x, state, starts)
        if action is not None and action.shape[:1] != value.shape[:1]:
            action = action.flatten(0, 1)
        action, log_prob, entropy = sample_actions(output, action, deterministic)
        return action, log_prob, entropy, value, state
