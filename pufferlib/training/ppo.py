"""Proximal policy optimisation, to be read from top to bottom.

    collect   play T steps of every row, storing what was seen, chosen and earned
    learn     compute advantages, then improve the policy on shuffled minibatches, a few times over
              (`loss.py` has the loss)
    repeat

Sources: Schulman et al. 2017, "Proximal Policy Optimization Algorithms"; Huang et al. 2022, "The 37 Implementation
Details of Proximal Policy Optimization", and CleanRL, whose reading order this file keeps. What differs from CleanRL:
batches may hold some of the rows only (asynchronous environments), truncations bootstrap from the episode's last
observation, slots without an agent are left out, and the environments step on while the network learns: the action
after the last step of a rollout is sent before learning and opens the next rollout.

Shapes: T steps, N rows (agent slots), B rows in a batch, M samples in a minibatch.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pufferlib.exceptions import CheckpointError, ConfigError, TrainingDiverged
from pufferlib.pytorch import choose_actions
from pufferlib.training import checkpoint
from pufferlib.training.actions import ActionConverter
from pufferlib.training.actor import Actor
from pufferlib.training.config import TrainConfig
from pufferlib.training.episodes import Episode, iterate_episodes, mean_numbers
from pufferlib.training.loss import METRICS, backward
from pufferlib.training.optimizer import ClippedAdam
from pufferlib.training.rollout import Rollout
from pufferlib.training.selfplay import Rivals


@dataclass
class Counters:
    """How far a run is; part of every checkpoint."""

    updates: int = 0
    steps: int = 0  # agent steps
    episodes: int = 0
    seconds: float = 0.0
    restarts: int = 0  # how often the environments were reset as a whole


class Trainer:
    """Trains one policy on one pool of environments.

    A pool, a policy and a config are enough; where metrics and checkpoints go is up to the caller.
    """

    def __init__(
        self,
        envs: Any,
        policy: nn.Module,
        config: TrainConfig,
        device: torch.device | str = "cpu",
        folder: Path | None = None,
        report: Callable[[Mapping[str, float], int], None] = lambda metrics, step: None,
    ) -> None:
        """Prepares everything but steps nothing.

        Args:
            envs: a pool of `pufferlib.vector`, with same-step autoreset.
            policy: takes a batch of observations, returns (output for `sample_actions`, values (B, 1)); a
                `models.LSTMWrapper` makes it recurrent.
            config: `config.ppo`, `config.seed` and the checkpoint options are used here.
            device: where the policy is moved to.
            folder: where checkpoints go. None: nowhere.
            report: called with the metrics of each update and the agent steps so far.
        """
        self.envs, self.config, self.folder, self.report = envs, config.check(), folder, report
        self.device = torch.device(device)
        self.policy = policy.to(self.device)
        self.optimizer = ClippedAdam(policy.parameters(), config.ppo.learning_rate, config.ppo.max_grad_norm)
        self.counters = Counters()
        self.finished_episodes: deque[Episode] = deque(maxlen=100)
        self._actor = Actor(policy, envs.num_agents, self.device)
        self._converter = ActionConverter(envs.emulated.action)
        if self._actor.recurrent and envs.num_agents < config.ppo.num_minibatches:
            raise ConfigError(
                "ppo.num_minibatches",
                f"a recurrent policy learns from whole rows, and there are {envs.num_agents}.",
                f"Choose {envs.num_agents} or fewer, or more environments.",
            )
        space = envs.single_observation_space
        self._rollout = Rollout(
            config.ppo.horizon,
            envs.num_agents,
            observation=torch.from_numpy(np.zeros((1, *space.shape), space.dtype)),
            action=self._converter.example,
            state=self._actor.state,
            lockstep=envs.agents_per_batch == envs.num_agents,
            device=self.device,
        )
        self._previous_mask = np.zeros(envs.num_agents, bool)
        self._random_states: list[Tensor] | None = None
        self._clock = {"environments": 0.0, "policy": 0.0, "learning": 0.0}

    # --- The loop ---

    def train(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Trains until `ppo.total_steps`, or until `stop()` is true, and writes a last checkpoint.

        The environments start afresh; calling it again goes on with learning where it ended.

        Returns:
            Whether all steps were done.

        Raises:
            TrainingDiverged: a reward, an observation or a loss isn't a finite number. The last checkpoint is intact.
        """
        with self._own_randomness():
            self._restart_environments()
            while self.counters.steps < self.config.ppo.total_steps:
                started = time.perf_counter()
                if not self._collect(stop):
                    break
                metrics = self._learn()
                self._rollout.advance()
                self.counters.seconds += time.perf_counter() - started
                self.report(self._describe(metrics), self.counters.steps)
                if self.counters.updates % self.config.checkpoint_updates == 0:
                    self.save()
            self.save()
        return self.counters.steps >= self.config.ppo.total_steps

    def _restart_environments(self) -> None:
        """Resets all environments with seeds that no other start of this run has."""
        sequence = np.random.SeedSequence([self.config.seed, self.counters.restarts])
        self.envs.async_reset(seed=int(sequence.generate_state(1)[0]) >> 2)
        self.counters.restarts += 1
        self._rollout.restart()
        self._previous_mask[:] = False

    # --- Collect ---

    @torch.inference_mode()
    def _collect(self, stop: Callable[[], bool]) -> bool:
        """Plays until the rollout is full; False if it was stopped before."""
        rollout, ppo = self._rollout, self.config.ppo
        while not rollout.full:
            if stop():
                return False
            t0 = time.perf_counter()
            observations, rewards, terminals, truncations, infos, rows, mask = self.envs.recv()
            t1 = time.perf_counter()
            self._count_episodes(infos)

            # What the actions of the last batch of these rows led to.
            if ppo.reward_scale != 1:
                rewards = rewards * ppo.reward_scale
            if ppo.reward_clip is not None:
                rewards = rewards.clip(-ppo.reward_clip, ppo.reward_clip)
            rollout.add_results(
                rows, rewards, terminals, truncations, mask, self._value_cuts(rows, terminals, truncations)
            )

            # What to do next.
            starts = terminals | truncations | ~self._previous_mask[rows]
            self._previous_mask[rows] = mask
            seen = torch.as_tensor(observations).to(self.device)
            output, values, state_before = self._actor.step(seen, rows, starts)
            actions, log_probs = choose_actions(output)
            rollout.add_choices(rows, seen, starts, mask, state_before, actions, log_probs, values.flatten())
            to_send = self._converter.to_environment(actions)  # waits for the device
            t2 = time.perf_counter()
            self.envs.send(to_send)
            self._clock["environments"] += t1 - t0 + time.perf_counter() - t2
            self._clock["policy"] += t2 - t1
        return True

    def _value_cuts(
        self, rows: NDArray[np.int64], terminals: NDArray[np.bool_], truncations: NDArray[np.bool_]
    ) -> NDArray[np.float32] | None:
        """Values the last observations of episodes that were cut short: what would have followed is worth that much."""
        if not truncations.any():  # most steps
            return None
        cut = truncations & ~terminals
        if not cut.any():
            return None
        final_values = np.zeros(len(rows), np.float32)
        last_seen = torch.as_tensor(self.envs.final_observations[cut]).to(self.device)
        final_values[cut] = self._actor.value(last_seen, rows[cut]).cpu().numpy()
        return final_values

    def _count_episodes(self, infos: Sequence[Mapping[Any, Any]]) -> None:
        for episode in iterate_episodes(infos):
            self.finished_episodes.append(episode)
            self.counters.episodes += 1

    # --- Learn ---

    def _learn(self) -> dict[str, float]:
        """Improves the policy on the rollout; gives the means of its metrics."""
        rollout, ppo, started = self._rollout, self.config.ppo, time.perf_counter()
        self.counters.updates += 1
        self._refuse_nan(rollout.rewards, "a reward is not a finite number.", "Correct the environment.")
        rate = ppo.learning_rate
        if ppo.anneal_learning_rate:
            rate *= 1 - self.counters.steps / ppo.total_steps
        self.optimizer.learning_rate = rate

        advantages, returns = rollout.compute_returns(ppo.gamma, ppo.gae_lambda)
        history: list[Tensor] = []
        names = (*METRICS, "grad_norm")
        for _ in range(ppo.update_epochs):
            first = len(history)
            for batch in rollout.minibatches(advantages, returns, ppo.num_minibatches):
                self.optimizer.zero_grad()
                metrics = backward(*self._actor.replay(batch), batch, ppo)
                norm = self.optimizer.step()
                history.append(torch.cat([metrics, norm.view(1)]))  # stays on the device: no waiting per minibatch
            if ppo.target_kl is not None and history:
                kl = torch.stack(history[first:])[:, names.index("kl")].mean()
                if kl > ppo.target_kl:
                    break

        means = torch.stack(history).mean(0).tolist() if history else []
        self._refuse_nan(np.array(means), "the loss is not a finite number.", "Lower ppo.learning_rate.")
        self.counters.steps += int(rollout.alive.sum())
        self._clock["learning"] += time.perf_counter() - started
        return dict(zip(names if means else (), means, strict=True)) | {
            "learning_rate": rate,
            "explained_variance": self._explained_variance(returns),
            "skipped_steps": float(rollout.num_surplus),
        }

    def _refuse_nan(self, values: NDArray[Any], what: str, remedy: str) -> None:
        if not np.isfinite(values).all():
            raise TrainingDiverged(what, self.counters.updates, remedy)

    # --- What one sees ---

    def _explained_variance(self, returns: Tensor) -> float:
        """How much of the returns the critic foresaw: 1 all, 0 nothing, below 0 worse than their mean."""
        alive = torch.from_numpy(self._rollout.alive).to(self.device)
        targets = returns[alive]
        if len(targets) < 2:
            return float("nan")
        errors = targets - self._rollout.values[:-1][alive]
        return float(1 - errors.var() / (targets.var() + 1e-8))

    def _describe(self, metrics: dict[str, float]) -> dict[str, float]:
        """Adds to an update's metrics what the last 100 episodes were like, and where the time went."""
        episodes, total = self.finished_episodes, sum(self._clock.values())
        return {
            "seconds": self.counters.seconds,
            "steps_per_second": self.counters.steps / self.counters.seconds,
            "updates": float(self.counters.updates),
            "episodes": float(self.counters.episodes),
            "episode_return": float(np.mean([e.episode_return for e in episodes])) if episodes else float("nan"),
            "episode_length": float(np.mean([e.length for e in episodes])) if episodes else float("nan"),
            **{f"info/{name}": mean for name, mean in mean_numbers(episodes).items()},
            **metrics,
            **{f"share_{name}": seconds / total for name, seconds in self._clock.items()},
        }

    # --- Checkpoints ---

    def save(self) -> Path | None:
        """Writes a checkpoint of the policy, the optimizer, the random numbers and the counters."""
        if self.folder is None:
            return None
        tensors = {f"policy.{name}": tensor for name, tensor in self.policy.state_dict().items()}
        names = [name for name, _ in self.policy.named_parameters()]
        for index, moments in self.optimizer.state().items():
            tensors |= {f"optimizer.{names[index]}.{key}": value for key, value in moments.items()}
        states = self._random_states if self._random_states is not None else self._read_random_states()
        tensors |= {f"random.{i}": state for i, state in enumerate(states)}
        counters = asdict(self.counters) | {"recent_episodes": [list(e) for e in self.finished_episodes]}
        if isinstance(self.envs, Rivals):
            past, counters["rivals"] = self.envs.checkpoint()
            tensors |= {f"past.{name}": tensor for name, tensor in past.items()}
        path = checkpoint.save(self.folder, self.counters.steps, tensors, counters)
        checkpoint.prune(self.folder, self.config.keep_checkpoints)
        return path

    def restore(self, path: Path) -> None:
        """Goes on from a checkpoint: the next `train` starts its environments anew, all else is as it was.

        Raises:
            CheckpointError: the checkpoint is damaged or doesn't fit this policy.
        """
        saved = checkpoint.load(path)
        checkpoint.restore(self.policy, _below("policy.", saved.tensors), path)
        state: dict[int, dict[str, Tensor]] = {}
        for index, (name, _) in enumerate(self.policy.named_parameters()):
            moments = _below(f"optimizer.{name}.", saved.tensors)
            if moments:
                state[index] = moments
        self.optimizer.restore(state)
        try:
            recent, rivals = saved.counters.pop("recent_episodes"), saved.counters.pop("rivals", None)
            self.counters = Counters(**saved.counters)
            self.finished_episodes.extend(Episode(*numbers) for numbers in recent)
            random_states = _below("random.", saved.tensors)
            self._random_states = [random_states[str(i)] for i in range(len(random_states))]
            if rivals is not None and isinstance(self.envs, Rivals):
                self.envs.restore(_below("past.", saved.tensors), rivals)
        except (KeyError, TypeError) as error:
            raise CheckpointError(str(path), f"its counters can't be read ({error}).", "Use an older one.") from error

    # --- Random numbers ---

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """Draws from this trainer's own random numbers inside, and gives the caller's back afterwards."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self.config.seed)
            if self._random_states is not None:
                torch.set_rng_state(self._random_states[0])
                for state in self._random_states[1:] if devices else []:  # none in a checkpoint from a CPU
                    torch.cuda.set_rng_state(state, self.device)
            self._random_states = None  # now they are torch's
            try:
                yield
            finally:
                self._random_states = self._read_random_states()

    def _read_random_states(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        return states


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Picks the tensors whose names start with a prefix, and takes it off."""
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
