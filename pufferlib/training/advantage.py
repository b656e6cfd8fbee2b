"""Generalised advantage estimation for rollouts with ends, cuts and agents that come and go.

Source: Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation", equation 16.
Two additions keep it honest. A truncation isn't an end of the task, so the value of the last observation stands in for
what would have followed (Pardo et al. 2018, "Time Limits in Reinforcement Learning"). A slot without an agent has
advantage 0 and nothing passes through it.

Shapes: T steps, N rows (agent slots); arrays are time-major and float32 or bool.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pufferlib._native import core

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


def compute_advantages(
    rewards: Floats,
    values: Floats,
    final_values: Floats,
    terminals: Flags,
    truncations: Flags,
    alive: Flags,
    gamma: float,
    gae_lambda: float,
) -> Floats:
    """Computes the advantage of every action of a rollout, in C.

    Args:
        rewards: what followed action t, (T, N).
        values: the critic's estimates before each action, and after the last one, (T + 1, N).
        final_values: its estimate for the last observation where `truncations`, else unused, (T, N).
        terminals: the task ended after action t, (T, N). Wins over `truncations`.
        truncations: the episode was cut after action t, (T, N).
        alive: an agent chose action t, (T, N).
        gamma: discount of rewards a step later, 0-1.
        gae_lambda: weight of longer returns, 0 (one step) to 1 (whole episode).

    Returns:
        Advantages, (T, N) float32. Add `values[:-1]` for the critic's targets.
    """
    advantages = np.empty_like(rewards)
    core.advantage(
        rewards, values, final_values, terminals, truncations, alive, advantages, len(rewards), gamma, gae_lambda
    )
    return advantages


def reference_advantages(
    rewards: Floats,
    values: Floats,
    final_values: Floats,
    terminals: Flags,
    truncations: Flags,
    alive: Flags,
    gamma: float,
    gae_lambda: float,
) -> Floats:
    """Computes the same as `compute_advantages`, slowly and readably: the test of the C version."""
    num_steps, num_rows = rewards.shape
    advantages = np.zeros((num_steps, num_rows), np.float64)
    for n in range(num_rows):
        next_advantage = 0.0
        for t in reversed(range(num_steps)):
            if not alive[t, n]:
                next_advantage = 0.0
                continue
            if terminals[t, n]:
                next_value, next_advantage = 0.0, 0.0
            elif truncations[t, n]:
                next_value, next_advantage = float(final_values[t, n]), 0.0
            else:
                next_value = float(values[t + 1, n])
            delta = float(rewards[t, n]) + gamma * next_value - float(values[t, n])
            next_advantage = delta + gamma * gae_lambda * next_advantage
            advantages[t, n] = next_advantage
    return advantages.astype(np.float32)
