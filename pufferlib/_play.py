"""Plays an environment of Ocean in a terminal: a human at the keys, a trained policy, or one against the other.

Shapes: A agents of the environment.
"""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pufferlib.environments
import pufferlib.ocean
import pufferlib.vector
from pufferlib._terminal import Fingers, Key, Terminal
from pufferlib.exceptions import ConfigError

Rows = NDArray[Any]
Policy = Callable[[Rows, NDArray[np.bool_]], Rows]
"""Observations (A, ...) and whether each is the first of an episode (A,) -> actions (A, ...)."""

LETTERS = {"w": "up", "a": "left", "s": "down", "d": "right"}  # for keyboards without arrows
QUIT, RESTART = ("q", "Q"), ("r", "R")
PAUSE_S = 1.5  # between the episodes of a policy


@dataclass(frozen=True)
class Options:
    """What is played, by whom, how fast."""

    env: str
    """As `ocean/breakout`."""

    env_kwargs: Mapping[str, Any]
    """Options of the environment."""

    run: Path | None = None
    """A run whose policy plays."""

    human: bool = True
    """Whether the first agent is played by hand; the policy, if there is one, plays the others."""

    speed: float = 1.0
    """Steps a second, as a multiple of the environment's own."""

    seed: int | None = None
    """Of the first episode."""


def play(options: Options, in_fd: int = 0, out_fd: int = 1) -> str:
    """Plays until q is pressed.

    Args:
        options: what is played.
        in_fd: file descriptor of the keyboard's terminal.
        out_fd: of the screen's.

    Returns:
        What is left to say: how many episodes, and the best return.

    Raises:
        ConfigError: it isn't an environment of Ocean, it can't be played by hand, or this is no terminal.
    """
    adapter, _, name = options.env.partition("/")
    if adapter != "ocean":
        remedy = "Choose one of `puffer envs ocean`, or film a policy: puffer eval RUN --eval.video gif."
        raise ConfigError("ENV", f"{options.env} isn't one of Ocean; others don't draw for terminals.", remedy)
    if not options.speed > 0:
        raise ConfigError("--speed", f"it is {options.speed}.", "Choose a number above 0.")
    kind = pufferlib.ocean.load(name)
    if options.human and not kind.keys:
        raise ConfigError("ENV", f"{options.env} has no keys to play by.", "Watch a policy: puffer play ENV --run RUN.")
    if not (os.isatty(in_fd) and os.isatty(out_fd)):
        remedy = "Run it in a terminal, or film a policy: puffer eval RUN --eval.video gif."
        raise ConfigError("puffer play", "this is no terminal.", remedy)
    kind.Config.of(options.env_kwargs)  # its errors are clearer here than from inside a pool
    creator = pufferlib.ocean.env_creator(name)
    with pufferlib.vector.make(creator, env_kwargs=dict(options.env_kwargs), autoreset="next_step") as envs:
        if envs.driver_env.plan.spec.frame is None:
            raise ConfigError("ENV", f"{options.env} draws no pictures.", "Choose another.")
        policy = None if options.run is None else load_policy(options.run, envs)
        with Terminal(in_fd, out_fd) as terminal:
            table = Table(envs, terminal, options, policy)
            try:
                table.play()
            except EOFError:
                pass  # the terminal was closed
    return table.report()


class Table:
    """What is played at: one environment, a terminal, and who plays."""

    def __init__(self, envs: Any, terminal: Terminal, options: Options, policy: Policy | None) -> None:
        """Begins nothing yet.

        Args:
            envs: a pool of one environment, with next-step autoreset.
            terminal: that was entered.
            options: who plays, how fast.
            policy: plays all agents that aren't played by hand; without one those take the environment's idle action,
                or 0 where it has none.
        """
        env = envs.driver_env
        self._envs, self._env, self._terminal, self._options, self._policy = envs, env, terminal, options, policy
        self._keys, self._idle = dict(env.keys), env.idle
        self._period_s = 1 / (env.metadata["render_fps"] * options.speed)
        self._waits = options.human and self._idle is None
        self._fingers = Fingers()
        space = envs.single_action_space
        self._actions = np.zeros((envs.num_agents, *(space.shape or ())), space.dtype)
        self._returns: list[float] = []

    def play(self) -> None:
        """Plays episode after episode until q is pressed."""
        seed = self._options.seed
        if self._options.human and not self._waits and not self._wait_for_beginning(seed):
            return
        while self._play_episode(seed):
            seed = None if seed is None else seed + 1

    def report(self) -> str:
        """Says how it went."""
        if not self._returns:
            return "No episode was finished."
        plural = "" if len(self._returns) == 1 else "s"
        best, mean = max(self._returns), sum(self._returns) / len(self._returns)
        return f"{len(self._returns)} episode{plural}, best return {best:g}, mean {mean:.4g}."

    def _play_episode(self, seed: int | None) -> bool:
        """Plays one episode, or until it is begun again; False if the player wants no more."""
        observations, _ = self._envs.reset(seed=seed)
        starts = np.ones(self._envs.num_agents, bool)
        total, over = 0.0, False
        due = time.monotonic()
        while not over:
            self._show(f"return {total:g}")
            due = max(due + self._period_s, time.monotonic())
            action = self._wait_for_action(due, self._only_choice(observations))
            if action in (QUIT, RESTART):
                return action is RESTART
            self._decide(observations, starts, action)
            observations, rewards, terminals, truncations, _ = self._envs.step(self._actions)
            starts = terminals | truncations
            total += float(rewards[0])
            over = bool(self._env.episode_over)
        self._returns.append(total)
        self._show(f"return {total:g}. The end" + (": space for another" if self._options.human else ""))
        return self._wait_for_another()

    def _decide(self, observations: Rows, starts: NDArray[np.bool_], action: Any) -> None:
        """Fills in everyone's actions."""
        if self._policy is not None:
            self._actions[...] = self._policy(observations, starts)
        elif self._idle is not None:
            self._actions[...] = self._idle
        if self._options.human:
            self._actions[0] = action

    def _only_choice(self, observations: Rows) -> Any:
        """The one action that the player's mask leaves, as where another is on turn; None if there is a choice."""
        layout = self._env.emulated.observation
        if "action_mask" not in (getattr(layout.space, "spaces", None) or ()):
            return None
        possible = np.flatnonzero(layout.unpack(observations[0].copy())["action_mask"])
        return int(possible[0]) if len(possible) == 1 else None

    def _wait_for_action(self, due: float, only: Any) -> Any:
        """Waits until the next step is due, or, in a game that waits for its player, for a key.

        Args:
            due: when, of `time.monotonic()`.
            only: the action that is taken whatever is pressed; None if there is a choice.

        Returns:
            The action of the key that counts, or QUIT or RESTART.
        """
        waits = self._waits and only is None
        while True:
            for key in self._terminal.keys(60.0 if waits else due - time.monotonic()):
                name = self._name(key)
                if name is None:
                    continue
                if name in QUIT or name in RESTART:
                    return QUIT if name in QUIT else RESTART
                if waits and key.event != "release":
                    return self._keys[name]
                self._fingers.feel(Key(name, key.event), self._terminal.tells_releases)
            if not waits and time.monotonic() >= due:
                if only is not None:
                    return only
                name = self._fingers.next()
                return self._idle if name is None else self._keys[name]

    def _wait_for_beginning(self, seed: int | None) -> bool:
        """Shows what is to be played until a key is pressed; False if the player wants no more."""
        self._envs.reset(seed=seed)
        self._show("press a key to begin")
        while True:
            for key in self._terminal.keys(60.0):
                if key.event == "press":
                    return key.name not in QUIT

    def _wait_for_another(self) -> bool:
        """Waits for a human to go on, or for a moment; False if the player wants no more."""
        until = None if self._options.human else time.monotonic() + PAUSE_S
        while until is None or time.monotonic() < until:
            for key in self._terminal.keys(60.0 if until is None else until - time.monotonic()):
                if key.event == "press" and (key.name in QUIT or key.name in (*RESTART, "space", "enter")):
                    return key.name not in QUIT
        return True

    def _name(self, key: Key) -> str | None:
        """The name by which the environment knows a key, or one of ours; None if it means nothing."""
        if key.name in QUIT or key.name in RESTART:
            return key.name if key.event == "press" else None
        for name in (key.name, key.name.lower(), LETTERS.get(key.name.lower(), "")):
            if name in self._keys:
                return name
        return None

    def _show(self, text: str) -> None:
        text = f" {self._options.env}   {text}"
        if self._returns:
            text += f"   best {max(self._returns):g}"
        keys = f"{' '.join(self._keys)}, " if self._options.human else ""
        self._terminal.show(self._env.draw(), f"{text}   ({keys}r restarts, q quits)")


def load_policy(path: Path, envs: Any) -> Policy:
    """Loads a run's policy.

    Args:
        path: a run's folder, or a checkpoint in it.
        envs: a pool of one environment such as it was trained on.

    Returns:
        What decides for all agents; it samples, unless the run's `eval.deterministic` says otherwise.

    Raises:
        CheckpointError: it is no run, or doesn't fit.
    """
    import torch

    from pufferlib.pytorch import sample_actions
    from pufferlib.training import config, run
    from pufferlib.training.actions import ActionConverter
    from pufferlib.training.actor import Actor

    settings = config.load(find_config(path))
    device = torch.device("cpu")
    actor = Actor(run.load_policy(settings, path, envs.driver_env, device), envs.num_agents, device)
    converter = ActionConverter(envs.emulated.action)
    rows = np.arange(envs.num_agents)
    torch.set_num_threads(1)

    def decide(observations: Rows, starts: NDArray[np.bool_]) -> Rows:
        with torch.inference_mode():
            output, _, _ = actor.step(torch.as_tensor(observations), rows, starts)
            actions, _, _ = sample_actions(output, deterministic=settings.eval.deterministic)
        return converter.to_environment(actions)

    return decide


def find_config(path: Path) -> Path:
    """Finds the config of a run, given its folder or a checkpoint in it.

    Raises:
        CheckpointError: there is none.
    """
    from pufferlib.exceptions import CheckpointError

    found = next((p / "config.toml" for p in (path, *path.parents) if (p / "config.toml").is_file()), None)
    if found is None:
        raise CheckpointError(str(path), "there is no config.toml with it.", "Give a folder such as runs/NAME.")
    return found


def read_options(words: Sequence[str]) -> dict[str, Any]:
    """Reads an environment's options off the command line: `players=2`, `strength=0.8`, `flag=true`.

    Raises:
        ConfigError: a word isn't of this form.
    """
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        try:
            if not equals or not name.isidentifier():
                raise ValueError
            options[name] = tomllib.loads(f"value = {value}")["value"]
        except ValueError:
            raise ConfigError(word, "it isn't OPTION=VALUE.", "Write it as players=2 or flag=true.") from None
    return options


def resolve(env: str | None, run: Path | None) -> tuple[str, dict[str, Any]]:
    """Finds what is to be played, and with which options: those that the run was trained with.

    Raises:
        ConfigError: neither an environment nor a run was given, or the run is of another environment.
    """
    if run is None:
        if env is None:
            raise ConfigError("ENV", "nothing was named.", "Name an environment, as in: puffer play ocean/breakout.")
        return pufferlib.environments.full_name(env), {}
    from pufferlib.training import config

    settings = config.load(find_config(run))
    name = settings.env if env is None else pufferlib.environments.full_name(env)
    if name != settings.env:
        raise ConfigError("--run", f"{run} was trained on {settings.env}, not on {name}.", f"Choose a run of {name}.")
    return name, dict(settings.env_kwargs)


def command(words: list[str]) -> int:
    """`puffer play`."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="puffer play",
        description="Plays an environment of Ocean in this terminal: arrow keys or WASD, r restarts, q quits.",
    )
    parser.add_argument("env", nargs="?", metavar="ENV", help="as ocean/breakout; with --run it may be left out")
    parser.add_argument("options", nargs="*", metavar="OPTION=VALUE", help="of the environment, as in players=2")
    parser.add_argument("--run", type=Path, help="lets the policy of this run play")
    parser.add_argument(
        "--human", action="store_true", help="with --run: you are the first agent, the policy the others"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast (default: 1)")
    parser.add_argument("--seed", type=int, help="of the first episode")
    try:
        given = parser.parse_args(words)
    except SystemExit as stop:  # help was shown, or the usage was wrong
        return int(stop.code or 0)
    if given.env is not None and "=" in given.env:
        given.env, given.options = None, [given.env, *given.options]
    env, env_kwargs = resolve(given.env, given.run)
    env_kwargs |= read_options(given.options)
    human = given.human or given.run is None
    print(play(Options(env, env_kwargs, given.run, human, given.speed, given.seed)))
    return 0
