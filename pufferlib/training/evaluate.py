"""Plays with a policy: returns of many episodes, frames of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import nn

from pufferlib.pytorch import sample_actions
from pufferlib.training.actions import ActionConverter
from pufferlib.training.actor import Actor
from pufferlib.training.episodes import Episode, iterate_sources
from pufferlib.training.video import Frame


def evaluate(
    envs: Any,
    policy: nn.Module,
    num_episodes: int,
    seed: int,
    deterministic: bool = False,
    device: torch.device | str = "cpu",
) -> list[Episode]:
    """Plays whole episodes and reports how each went.

    Every environment plays its share, so that long episodes count like short ones: the first `num_episodes` to end
    would be the shortest. Of several agents in an environment, each counts.

    Args:
        envs: a pool with same-step autoreset whose batches hold all rows.
        policy: as the trainer's.
        num_episodes: in all environments together.
        seed: of the environments and of the sampled actions.
        deterministic: takes the most probable action.
        device: where the policy is.

    Returns:
        `num_episodes` episodes, or more with several agents, environment by environment.
    """
    shares = [num_episodes // envs.num_envs + (i < num_episodes % envs.num_envs) for i in range(envs.num_envs)]
    played: dict[int, dict[Any, list[Episode]]] = defaultdict(lambda: defaultdict(list))

    num_ends = np.zeros((envs.num_envs, envs.num_agents // envs.num_envs), int)
    began: np.ndarray[Any, Any] | None = None  # who is there from the start; the first to end would be the shortest

    def enough(env: int) -> bool:
        all_ended = began is not None and bool((num_ends[env] >= shares[env])[began[env]].all())
        return not shares[env] or (all_ended and env in played and min(map(len, played[env].values())) >= shares[env])

    with closing(_play(envs, policy, seed, deterministic, torch.device(device))) as play:
        for infos, ended, mask in play:
            num_ends += ended.reshape(num_ends.shape)
            began = mask.reshape(num_ends.shape).copy() if began is None else began
            for env, agent, episode in iterate_sources(infos):
                played[env][agent].append(episode)
            if any(infos) and all(enough(env) for env in range(envs.num_envs)):
                break
    return [e for env in sorted(played) for agent in played[env].values() for e in agent[: shares[env]]]


def film(
    envs: Any,
    policy: nn.Module,
    seed: int,
    max_frames: int,
    deterministic: bool = False,
    device: torch.device | str = "cpu",
) -> list[Frame]:
    """Films one episode of a pool of one environment that was made with `render_mode="rgb_array"`.

    Returns:
        A frame per step, `max_frames` at most; none if the environment renders no arrays.
    """
    frames: list[Frame] = []
    with closing(_play(envs, policy, seed, deterministic, torch.device(device))) as play:
        for infos, _, _ in play:
            if len(frames) >= max_frames or any(iterate_sources(infos)):
                break
            picture = envs.driver_env.render()
            if not isinstance(picture, np.ndarray) or picture.ndim != 3:
                break
            frames.append(picture[..., :3].astype(np.uint8))
    return frames


def _play(
    envs: Any, policy: nn.Module, seed: int, deterministic: bool, device: torch.device
) -> Generator[tuple[list[Any], np.ndarray[Any, Any], np.ndarray[Any, Any]], None, None]:
    """Plays for ever; gives the infos of every step, the reset's first, and (N,) bool: who ended, who acts next."""
    actor, converter = Actor(policy, envs.num_agents, device), ActionConverter(envs.emulated.action)
    previous_mask = np.zeros(envs.num_agents, bool)
    envs.async_reset(seed=seed)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        while True:
            observations, _, terminals, truncations, infos, rows, mask = envs.recv()
            ended = terminals | truncations
            in_order = np.argsort(rows)
            yield infos, ended[in_order], mask[in_order]
            with torch.inference_mode():
                starts = ended | ~previous_mask[rows]
                previous_mask[rows] = mask
                output, _, _ = actor.step(torch.as_tensor(observations).to(device), rows, starts)
                actions, _, _ = sample_actions(output, deterministic=deterministic)
            envs.send(converter.to_environment(actions))
