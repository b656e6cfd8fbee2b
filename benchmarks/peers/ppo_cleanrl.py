"""PPO in one file, in the manner of CleanRL's `ppo.py`: the same parts, the same order, the same PyTorch calls.

Written for this benchmark, not copied: an `Agent` with an actor and a critic of two layers of 64, SyncVectorEnv with
RecordEpisodeStatistics, storage of (T, E) tensors, `Categorical`, a loop for the advantages, shuffled indices, Adam.
What differs from its defaults, to be the same as the other contenders: no annealing, and no clipping of the value loss.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import gymnasium
import numpy as np
import torch
from _harness import Pool, serve
from torch import nn
from torch.distributions import Categorical


def make_env() -> gymnasium.Env:
    """Makes a CartPole that counts its episodes."""
    return gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make("CartPole-v1"))


def layer_init(layer: nn.Linear, std: float = 2**0.5) -> nn.Linear:
    """Gives a layer orthogonal weights and no bias."""
    nn.init.orthogonal_(layer.weight, std)
    nn.init.constant_(layer.bias, 0.0)
    return layer


class Agent(nn.Module):
    """A critic and an actor that share nothing."""

    def __init__(self, envs: Any) -> None:
        """Reads the sizes from the environments."""
        super().__init__()
        inputs = int(np.prod(envs.single_observation_space.shape))
        self.critic = nn.Sequential(
            layer_init(nn.Linear(inputs, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, 1), std=1.0),
        )
        self.actor = nn.Sequential(
            layer_init(nn.Linear(inputs, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, 64)),
            nn.Tanh(),
            layer_init(nn.Linear(64, envs.single_action_space.n), std=0.01),
        )

    def get_value(self, x: torch.Tensor) -> torch.Tensor:
        """Values observations."""
        return self.critic(x)

    def get_action_and_value(self, x: torch.Tensor, action: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """Samples actions, or rates those given."""
        probs = Categorical(logits=self.actor(x))
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action), probs.entropy(), self.critic(x)


class Training:
    """The state of CleanRL's script between two of its iterations."""

    def __init__(self, args: dict[str, Any]) -> None:
        """Does what comes before its loop."""
        torch.manual_seed(1)
        self.args = args
        count, steps = args["num_envs"], args["horizon"]
        self.envs = gymnasium.vector.SyncVectorEnv([make_env] * count)
        self.agent = Agent(self.envs)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=args["learning_rate"], eps=1e-5)
        self.obs = torch.zeros((steps, count, *self.envs.single_observation_space.shape))
        self.actions = torch.zeros((steps, count, *self.envs.single_action_space.shape))
        self.logprobs, self.rewards, self.dones, self.values = (torch.zeros((steps, count)) for _ in range(4))
        self.next_obs = torch.Tensor(self.envs.reset(seed=1)[0])
        self.next_done = torch.zeros(count)
        self.returns: deque[float] = deque(maxlen=100)

    def iterate(self) -> None:
        """Does one round of its loop: a rollout, the advantages, the epochs."""
        args, agent = self.args, self.agent
        for step in range(args["horizon"]):
            self.obs[step] = self.next_obs
            self.dones[step] = self.next_done
            with torch.no_grad():
                action, logprob, _, value = agent.get_action_and_value(self.next_obs)
                self.values[step] = value.flatten()
            self.actions[step] = action
            self.logprobs[step] = logprob
            next_obs, reward, terminations, truncations, infos = self.envs.step(action.cpu().numpy())
            next_done = np.logical_or(terminations, truncations)
            self.rewards[step] = torch.tensor(reward).view(-1)
            self.next_obs, self.next_done = torch.Tensor(next_obs), torch.Tensor(next_done)
            if "episode" in infos:
                self.returns.extend(infos["episode"]["r"][infos["_episode"]].tolist())

        with torch.no_grad():
            next_value = agent.get_value(self.next_obs).reshape(1, -1)
            advantages = torch.zeros_like(self.rewards)
            last = 0
            for t in reversed(range(args["horizon"])):
                if t == args["horizon"] - 1:
                    nonterminal, following = 1.0 - self.next_done, next_value
                else:
                    nonterminal, following = 1.0 - self.dones[t + 1], self.values[t + 1]
                delta = self.rewards[t] + args["gamma"] * following * nonterminal - self.values[t]
                advantages[t] = last = delta + args["gamma"] * args["gae_lambda"] * nonterminal * last
            returns = advantages + self.values

        b_obs = self.obs.reshape((-1, *self.envs.single_observation_space.shape))
        b_logprobs, b_advantages = self.logprobs.reshape(-1), advantages.reshape(-1)
        b_actions, b_returns, b_values = self.actions.reshape(-1), returns.reshape(-1), self.values.reshape(-1)
        batch_size = args["num_envs"] * args["horizon"]
        minibatch_size = batch_size // args["num_minibatches"]
        b_inds, clipfracs = np.arange(batch_size), []
        for _ in range(args["update_epochs"]):
            np.random.shuffle(b_inds)
            for start in range(0, batch_size, minibatch_size):
                mb_inds = b_inds[start : start + minibatch_size]
                _, newlogprob, entropy, newvalue = agent.get_action_and_value(b_obs[mb_inds], b_actions.long()[mb_inds])
                logratio = newlogprob - b_logprobs[mb_inds]
                ratio = logratio.exp()
                with torch.no_grad():
                    approx_kl = ((ratio - 1) - logratio).mean()
                    clipfracs += [((ratio - 1.0).abs() > args["clip"]).float().mean().item()]
                mb_advantages = b_advantages[mb_inds]
                mb_advantages = (mb_advantages - mb_advantages.mean()) / (mb_advantages.std() + 1e-8)
                pg_loss1 = -mb_advantages * ratio
                pg_loss2 = -mb_advantages * torch.clamp(ratio, 1 - args["clip"], 1 + args["clip"])
                pg_loss = torch.max(pg_loss1, pg_loss2).mean()
                v_loss = 0.5 * ((newvalue.view(-1) - b_returns[mb_inds]) ** 2).mean()
                entropy_loss = entropy.mean()
                loss = pg_loss - args["entropy_coef"] * entropy_loss + v_loss * args["value_coef"]
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(agent.parameters(), args["max_grad_norm"])
                self.optimizer.step()
        y_pred, y_true = b_values.numpy(), b_returns.numpy()
        explained_variance = 1 - np.var(y_true - y_pred) / np.var(y_true)
        # What its script hands to its logger once an iteration.
        _ = v_loss.item(), pg_loss.item(), entropy_loss.item(), approx_kl.item(), np.mean(clipfracs), explained_variance


def make(case: dict[str, Any]) -> Pool:
    """Prepares a training of which one call does one iteration."""
    torch.set_num_threads(1)
    training = Training(case)
    describe = lambda: {"return": float(np.mean(training.returns)) if training.returns else None}  # noqa: E731
    return Pool(training.iterate, training.envs.close, case["num_envs"] * case["horizon"], describe)


if __name__ == "__main__":
    serve(make, "gymnasium", "numpy", "torch")
