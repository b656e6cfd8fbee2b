"""The command `puffer`: train policies, play with them, compare runs; list, install and check the environments."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pufferlib.exceptions import CheckpointError, ConfigError, MissingDependency, PufferError

if TYPE_CHECKING:
    from pufferlib.training.config import TrainConfig
    from pufferlib.training.run import Games

INTERRUPTED = 130  # what a shell reports after Ctrl-C
FAILED = 1

USAGE = """\
puffer train [ENV] [options]      train a policy (default: ocean/breakout)
puffer train --resume RUN         go on with a run that was interrupted
puffer eval RUN|ENV [options]     play with a run's policy, or with an environment's newest one
puffer runs [FOLDER] [--json]     list the runs in a folder (default: runs), and the options in which they differ
puffer play ENV|--run RUN         play one of Ocean's games in this terminal, or watch a policy play it
puffer envs [ADAPTER]             list the adapters, or an adapter's environments
puffer install ADAPTER...|all     install what adapters need, by their recipes
puffer doctor [ADAPTER...]        look at this machine and what works in it, and say how to mend the rest
puffer sanity [TASK...] [options] train tiny tasks, each of which catches a class of a trainer's bugs
puffer autotune ENV [options]     find the fastest vectorization of an environment on this machine

ENV is adapter/name (minigrid/MiniGrid-DoorKey-5x5-v0), a name alone, or an adapter.
`puffer train ENV --help` lists all options with the values that suit ENV."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: words after `puffer`; None: those of the process.

    Returns:
        The exit code: 0 done, 1 an error that was explained, 2 wrong usage, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"train": _train, "eval": _eval, "play": _play, "envs": _envs, "install": _install}
    commands |= {"runs": _runs, "doctor": _doctor, "sanity": _sanity, "autotune": _autotune}
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if words else 2
    if words[0] not in commands:
        print(f"puffer: there is no command {words[0]!r}.\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        return commands[words[0]](words[1:])
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # as in `puffer envs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except PufferError as error:
        print(f"puffer: {error}", file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "tyro", "rich", "safetensors", "PIL"):
            raise
        print(f"puffer: {error}. Run: pip install pufferlib[train]", file=sys.stderr)
        return FAILED


def _train(words: list[str]) -> int:
    """Trains, then plays with what was learned."""
    spec, words = _take_name(words)
    known, words = _parse_first(words, "--env", "--resume", "--config")
    spec = spec or known["env"]
    from pufferlib.training import checkpoint, run
    from pufferlib.training import config as configs

    resume: Path | None = known["resume"]
    if resume is not None and spec is not None:
        raise ConfigError("--resume", f"{resume} knows its environment.", f"Leave out {spec}.")
    if resume is not None:
        if not (resume / "config.toml").is_file():
            raise CheckpointError(
                str(resume), "this is no run: it has no config.toml.", "Give a folder such as runs/NAME."
            )
        config = configs.load(resume / "config.toml")
    else:
        config = run.default_config(spec or configs.TrainConfig().env)
    if known["config"] is not None:
        config = configs.load(known["config"], config, config.env.partition("/")[2])
    config = _parse_options(config, words, "train [ENV] [--resume RUN] [--config FILE.toml]").check()

    folder = resume or run.make_run(config)
    if resume is not None:
        (folder / "config.toml").write_text(configs.to_toml(config))
    finished = run.train(config, folder, resume=resume is not None)
    newest = checkpoint.latest(folder)
    if not finished:
        print(f"Interrupted. The checkpoint is {newest}\nGo on with: puffer train --resume {folder}")
        return INTERRUPTED
    print(f"\n{_curve(folder)}\n")
    _report_games(config, run.play(config, folder, folder))
    print(f"Checkpoint: {newest}")
    if config.env.startswith("ocean/"):
        print(f"Watch it:   puffer play --run {folder}   (or play yourself: puffer play {config.env})")
    return 0


def _eval(words: list[str]) -> int:
    """Plays with a checkpoint."""
    spec, words = _take_name(words)
    from pufferlib.training import config as configs

    usage = "eval RUN|ENV [--device DEVICE]"
    if "--help" in words or "-h" in words:
        _parse_options(configs.EvalConfig(), ["--help"], usage)
    if spec is None:
        print(USAGE, file=sys.stderr)
        return 2
    from pufferlib.training import checkpoint, run

    path = _find_run(spec, configs.TrainConfig().runs)
    folder = next((p for p in (path, *path.parents) if (p / "config.toml").is_file()), None)
    if folder is None:
        raise CheckpointError(str(path), "there is no config.toml with it.", "Give a folder such as runs/NAME.")
    config = configs.load(folder / "config.toml")
    # The device to play on needn't be the one that the run was trained on.
    known, words = _parse_first(words, "--device")
    changed = _parse_options(config.eval, words, usage)
    config = replace(config, eval=changed, device=known["device"] or config.device).check()
    print(f"Playing {config.eval.episodes} episodes of {config.env} with {checkpoint.latest(path)}")
    _report_games(config, run.play(config, path, folder))
    return 0


def _runs(words: list[str]) -> int:
    """Lists what was trained."""
    parser = argparse.ArgumentParser(
        prog="puffer runs", description="Lists runs by environment, with the options in which they differ."
    )
    parser.add_argument("folder", nargs="?", default="runs", type=Path, help="holds the runs (default: runs)")
    parser.add_argument("--json", action="store_true", help="print all that is known of each run as a line of JSON")
    try:
        options = parser.parse_args(words)
    except SystemExit as stop:  # help was shown, or the usage was wrong
        return int(stop.code or 0)
    from pufferlib.training.runs import read_runs, table

    runs, problems = read_runs(options.folder)
    print("\n".join(run.to_json() for run in runs) if options.json else table(runs))
    for problem in problems:
        print(f"puffer: {problem}", file=sys.stderr)
    return FAILED if problems else 0


def _play(words: list[str]) -> int:
    """Plays in the terminal."""
    from pufferlib._play import command

    return command(words)


def _envs(words: list[str]) -> int:
    """Lists adapters, or the environments of one."""
    import pufferlib.environments

    if words and words[0].startswith("-"):
        print(USAGE)
        return 0
    if words:
        print("\n".join(f"{words[0]}/{name}" for name in pufferlib.environments.load(words[0]).names()))
        return 0
    for adapter in pufferlib.environments.names():
        module = pufferlib.environments.load(adapter)
        try:
            count = len(module.names())
            state = f"{count} environment{'s' if count != 1 else ''}, default {module.DEFAULT}"
        except MissingDependency as error:
            state = f"not installed: {error.remedy}"
        print(f"{adapter:<20} {state}")
    return 0


def _install(words: list[str]) -> int:
    """Installs what adapters need."""
    parser = argparse.ArgumentParser(
        prog="puffer install", description="Installs what adapters need into this Python's environment."
    )
    parser.add_argument("names", nargs="+", metavar="ADAPTER", help="as `puffer envs` lists them, or all")
    parser.add_argument("--dry-run", action="store_true", help="only print the commands")
    parser.add_argument("--apt", action="store_true", help="also install Debian packages, as root or with sudo")
    parser.add_argument("--no-apt", action="store_true", help="don't look for Debian packages at all")
    parser.add_argument("-c", "--constraint", action="append", default=[], metavar="FILE", help="handed to pip")
    try:
        options = parser.parse_args(words)
    except SystemExit as stop:  # help was shown, or the usage was wrong
        return int(stop.code or 0)
    from pufferlib._install import install

    install(options.names, options.dry_run, options.apt, not options.no_apt, options.constraint)
    return 0


def _doctor(words: list[str]) -> int:
    """Looks at this machine."""
    parser = argparse.ArgumentParser(
        prog="puffer doctor", description="Says what this machine has, what works in it, and how to mend the rest."
    )
    parser.add_argument("names", nargs="*", metavar="ADAPTER", help="only these (default: the machine and all)")
    parser.add_argument("--quick", action="store_true", help="look at packages only, run no environment")
    try:
        options = parser.parse_args(words)
    except SystemExit as stop:  # help was shown, or the usage was wrong
        return int(stop.code or 0)
    from pufferlib._doctor import examine

    return FAILED if examine(options.names, runs=not options.quick) else 0


def _sanity(words: list[str]) -> int:
    """Lets the trainer take the ten-second test."""
    parser = argparse.ArgumentParser(
        prog="puffer sanity",
        description="Trains PPO on tiny tasks, each of which a correct trainer solves and a class of bugs doesn't.",
    )
    parser.add_argument("names", nargs="*", metavar="TASK", help="as in docs/sanity.md (default: all)")
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help="train each with seeds 1 to K")
    parser.add_argument("--device", default="cpu", help="where the networks learn: cpu (the default), cuda, ...")
    try:
        options = parser.parse_args(words)
        if options.seeds < 1:
            parser.error(f"argument --seeds: {options.seeds} is less than 1")
    except SystemExit as stop:  # help was shown, or the usage was wrong
        return int(stop.code or 0)
    started = time.perf_counter()
    from pufferlib.sanity import Result, ppo, run, tasks
    from pufferlib.sanity._table import watching
    from pufferlib.training.run import pick_device

    chosen, solve = tasks(options.names), partial(ppo.solve, device=pick_device(options.device))
    import_s = time.perf_counter() - started
    results: list[Result] = []
    with watching(chosen, options.seeds) as show:
        seeds = range(1, options.seeds + 1)
        for result in run(solve, options.names, seeds, before=lambda task: show(results, task)):
            results.append(result)
        show(results, None)
    num_solved, spent_s = sum(result.solved for result in results), sum(result.seconds for result in results)
    print(f"Solved {num_solved} of {len(results)} in {spent_s:.0f} s; imports took {import_s:.1f} s.")
    return 0 if num_solved == len(results) else FAILED


def _autotune(words: list[str]) -> int:
    """Measures ways to vectorize an environment."""
    parser = argparse.ArgumentParser(
        prog="puffer autotune", description="Measures an environment's vectorizations with random actions."
    )
    parser.add_argument("env", metavar="ENV", help="as in `puffer train`")
    parser.add_argument("--batch-size", type=int, default=8, help="environments that the policy gets at a time")
    parser.add_argument("--max-envs", type=int, help="the most environments (default: four batches)")
    parser.add_argument("--max-workers", type=int, help="the most processes (default: twice the usable cores)")
    parser.add_argument("--measure-s", type=float, default=1.0, help="seconds for each setting")
    parser.add_argument("--policy-s", type=float, default=0.0, help="seconds that the policy takes for a batch")
    try:
        options = vars(parser.parse_args(words))
    except SystemExit as stop:  # help was shown, or the usage was wrong
        return int(stop.code or 0)
    import pufferlib.environments
    from pufferlib._tuning_table import watching
    from pufferlib.vector import autotune

    spec = options.pop("env")
    module, name = pufferlib.environments.resolve(spec)
    spec = f"{module.__name__.rpartition('.')[2]}/{name}"
    with watching(f"{spec}, batches of {options['batch_size']} environments") as watch:
        tuning = autotune(pufferlib.environments.make_creator(spec), **options, watch=watch)
    imports = "import pufferlib.environments\nimport pufferlib.vector\n"
    print(f"\n{imports}\nenv_creator = pufferlib.environments.make_creator({spec!r})\n{tuning.best.setting.code()}")
    return 0


def _take_name(words: list[str]) -> tuple[str | None, list[str]]:
    """Takes the environment or run off the front."""
    if words and not words[0].startswith("-"):
        return words[0], words[1:]
    return None, words


def _parse_first(words: list[str], *options: str) -> tuple[dict[str, Any], list[str]]:
    """Takes those options out of the words that decide how the others are read."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, prog="puffer")
    for option in options:
        parser.add_argument(option, type=str if option in ("--env", "--device") else Path)
    known, rest = parser.parse_known_args(words)
    return vars(known), rest


def _parse_options(config: Any, words: list[str], command: str) -> Any:
    """Changes a config as the command line says; its current values are the defaults."""
    import tyro

    return tyro.cli(
        type(config),
        default=config,
        args=words,
        prog=f"puffer {command}",
        description="Defaults are those for the environment that was named.",
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.AvoidSubcommands),
    )


def _find_run(spec: str, runs: str) -> Path:
    """Finds a run by its folder, or the newest one of an environment."""
    if Path(spec).exists():
        return Path(spec)
    import pufferlib.environments
    from pufferlib.training import config as configs

    module, name = pufferlib.environments.resolve(spec)
    env = f"{module.__name__.rpartition('.')[2]}/{name}"
    found = [path.parent for path in Path(runs).glob("*/config.toml") if configs.load(path).env == env]
    found = [path for path in found if any(path.glob("checkpoints/*/manifest.json"))]
    if not found:
        raise CheckpointError(spec, f"no run in {runs}/ has trained it.", f"Run: puffer train {spec}")
    return max(found, key=lambda path: path.stat().st_mtime)


def _curve(folder: Path) -> str:
    """Draws the returns over the steps."""
    from pufferlib.training.dashboard import plot
    from pufferlib.training.logger import read_jsonl

    rows = list(read_jsonl(folder / "metrics.jsonl"))
    if not rows:
        return "(no update)"
    returns = [float("nan") if row["episode_return"] is None else row["episode_return"] for row in rows]
    last = rows[-1]
    return f"{plot(returns)}\n  mean return of 100 episodes over {last['step']:,} steps, {last['seconds']:.1f} s"


def _report_games(config: TrainConfig, games: Games) -> None:
    """Says how the policy played."""
    from pufferlib.training.episodes import mean_numbers

    how = "most probable actions" if config.eval.deterministic else "sampled actions"
    spread = f"{games.mean_return:.6g} (deviation {games.std_return:.3g})"
    print(f"Mean return: {spread} over {len(games.episodes)} episodes, {how}")
    for name, mean in mean_numbers(games.episodes).items():
        print(f"  {name}: {mean:.4g}")
    if games.video is not None:
        print(f"Video:      {games.video}")
    elif config.eval.video != "none":
        print("Video:      none, the environment renders no pictures")


if __name__ == "__main__":
    sys.exit(main())
