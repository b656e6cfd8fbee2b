"""The library's own PPO takes the sanity tasks: the example of a solver, and what `puffer sanity` runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pufferlib.models import Default, LSTMWrapper
from pufferlib.pytorch import sample_actions
from pufferlib.sanity._evaluate import Act
from pufferlib.sanity._tasks import SanityTask
from pufferlib.training.actions import ActionConverter
from pufferlib.training.actor import Actor
from pufferlib.training.ppo import Trainer

_CPU = torch.device("cpu")


def solve(task: SanityTask, seed: int, device: torch.device | str = "cpu") -> Act:
    """Trains as the task's config says and returns how to act, which happens on the CPU.

    Same seed and device, same policy.
    """
    config = replace(task.config, seed=seed)
    with task.make_pool() as envs:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            size = config.policy.hidden_size
            policy: torch.nn.Module = Default(envs.driver_env, hidden_size=size)
            if config.policy.recurrent:
                policy = LSTMWrapper(envs.driver_env, policy, input_size=size, hidden_size=size)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # small tensors gain nothing from more
        try:
            trainer = Trainer(envs, policy, config, device)
            # A trainer that counts no steps would go on for ever. Absent agents are worth ten times as many updates.
            most_updates = 20 * config.ppo.total_steps // (config.ppo.horizon * envs.num_agents)
            trainer.train(stop=lambda: trainer.counters.updates >= most_updates)
        finally:
            torch.set_num_threads(threads)
        policy.to(_CPU)
        converter = ActionConverter(envs.emulated.action)
    generator_state = torch.Generator().manual_seed(seed).get_state()
    actor: Actor | None = None

    def act(observations: NDArray[Any], starts: NDArray[np.bool_]) -> NDArray[Any]:
        nonlocal actor, generator_state
        actor = actor or Actor(policy, len(observations), _CPU)
        with torch.inference_mode(), torch.random.fork_rng([]):
            torch.set_rng_state(generator_state)
            output, _, _ = actor.step(torch.as_tensor(observations), np.arange(len(observations)), starts)
            actions, _, _ = sample_actions(output)
            generator_state = torch.get_rng_state()
        return converter.to_environment(actions)

    return act
