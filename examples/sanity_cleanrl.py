"""A PPO in one file, in CleanRL's style, takes the sanity suite: python examples/sanity_cleanrl.py [TASK...].

Like CleanRL's ppo.py it knows one flag, `done`, and so takes a truncation for a terminal: `truncation` tells.
It has no memory, no masks and no partial batches, so `memory`, `absent` and `async` are beyond it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

import pufferlib.frameworks.cleanrl
import pufferlib.sanity
from pufferlib.models import Default
from pufferlib.sanity import Act, SanityTask


def solve(task: SanityTask, seed: int) -> Act:
    """Trains an agent."""
    vector, options = task.config.vector, task.config.ppo
    if task.recurrent or task.name == "absent" or vector.batch_size not in (None, vector.num_envs):
        raise NotImplementedError("no memory, no masks, no partial batches")
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    envs = task.make_pool(vector.num_envs)
    agent = pufferlib.frameworks.cleanrl.Policy(Default(envs.driver_env, hidden_size=64))
    optimizer = torch.optim.Adam(agent.parameters(), lr=options.learning_rate, eps=1e-5)
    space = envs.emulated.action

    def to_environment(actions: torch.Tensor) -> np.ndarray[Any, Any]:
        array = actions.numpy().astype(space.flat_space.dtype)
        entries = array.reshape(len(array), -1)[:, len(space.nvec) :]
        if space.num_continuous:
            np.clip(entries, space.low, space.high, out=entries)
        return array

    num_steps, num_rows = options.horizon, envs.num_agents
    num_updates = options.total_steps // (num_steps * num_rows)
    next_obs = torch.as_tensor(envs.reset(seed=seed)[0]).clone()
    next_done = torch.zeros(num_rows)
    for update in range(num_updates):
        optimizer.param_groups[0]["lr"] = options.learning_rate * (1 - update / num_updates)
        steps = []
        with torch.no_grad():
            for _ in range(num_steps):
                action, log_prob, _, value = agent.get_action_and_value(next_obs)
                obs, done = next_obs, next_done
                seen, reward, terminals, truncations, _ = envs.step(to_environment(action))
                next_obs = torch.as_tensor(seen).clone()
                next_done = torch.as_tensor(terminals | truncations).float()
                rewards = torch.as_tensor(reward, dtype=torch.float32)
                steps.append((obs, action, log_prob, value.flatten(), rewards, done))
            next_value = agent.get_value(next_obs).flatten()
        obs, actions, log_probs, values, rewards, dones = (torch.stack(part) for part in zip(*steps, strict=True))

        advantages = torch.zeros_like(rewards)
        carried = torch.zeros(num_rows)
        for t in reversed(range(num_steps)):
            last = t == num_steps - 1
            going_on = 1 - (next_done if last else dones[t + 1])
            following = next_value if last else values[t + 1]
            delta = rewards[t] + options.gamma * following * going_on - values[t]
            advantages[t] = carried = delta + options.gamma * options.gae_lambda * going_on * carried
        returns = advantages + values

        batch = [part.flatten(0, 1) for part in (obs, actions, log_probs, advantages, returns)]
        for _ in range(options.update_epochs):
            for picked in torch.randperm(len(batch[0])).tensor_split(options.num_minibatches):
                b_obs, b_actions, b_log_probs, b_advantages, b_returns = (part[picked] for part in batch)
                _, new_log_prob, entropy, new_value = agent.get_action_and_value(b_obs, b_actions)
                if options.normalize_advantages:
                    b_advantages = (b_advantages - b_advantages.mean()) / (b_advantages.std() + 1e-8)
                ratio = (new_log_prob - b_log_probs).exp()
                gain = torch.min(b_advantages * ratio, b_advantages * ratio.clamp(1 - options.clip, 1 + options.clip))
                value_loss = 0.5 * (new_value.flatten() - b_returns).square().mean()
                loss = -gain.mean() + options.value_coef * value_loss - options.entropy_coef * entropy.mean()
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), options.max_grad_norm)
                optimizer.step()
    envs.close()

    @torch.no_grad()
    def act(observations: np.ndarray[Any, Any], starts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return to_environment(agent.get_action_and_value(torch.as_tensor(observations))[0])

    return act


def main(names: Sequence[str]) -> int:
    """Runs the tasks; 1 if one that is supported isn't solved."""
    failed = 0
    for result in pufferlib.sanity.run(solve, names):
        print(result, flush=True)
        failed |= result.supported and not result.solved
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
