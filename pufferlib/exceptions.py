"""The error tree of the library.

    PufferError
    ├── SpaceError              a space or a value of it can't be emulated
    │   ├── UnsupportedSpace
    │   ├── ObservationMismatch
    │   ├── ActionMismatch
    │   └── TensorMismatch
    ├── EmulationError          an environment breaks the API that it claims
    ├── VectorError             a vectorized environment can't do what was asked
    │   ├── InvalidVectorOption
    │   ├── VectorStateError
    │   ├── EnvironmentFailed
    │   ├── WorkerDied
    │   └── WorkerStuck
    ├── ConfigError             a training option is wrong
    ├── CheckpointError         a checkpoint can't be read or doesn't fit
    ├── TrainingDiverged        a reward, an observation or a loss isn't a finite number
    └── RegistryError           an environment can't be found or isn't installed
        ├── UnknownEnvironment
        ├── MissingDependency
        └── InstallError

Every class hands its fields to `super().__init__`, so that `args` rebuild it: errors survive pickling.
"""

from __future__ import annotations

from collections.abc import Sequence


class PufferError(Exception):
    """Everything that pufferlib raises on purpose derives from this class."""


class SpaceError(PufferError, ValueError):
    """A space, or a value of it, can't be emulated."""


class UnsupportedSpace(SpaceError):
    """A space that has no flat form."""

    def __init__(self, path: str, space: str, reason: str) -> None:
        """Keeps where the leaf is, what it is and why it can't be emulated."""
        super().__init__(path, space, reason)
        self.path, self.space, self.reason = path, space, reason

    def __str__(self) -> str:
        return f"Can't emulate the space at {self.path}: {self.reason} The space is {self.space}."


class ObservationMismatch(SpaceError):
    """An observation that isn't in its environment's observation space."""

    def __init__(self, path: str, expected: str, got: str) -> None:
        """Keeps the leaf, what the space promises there and what came."""
        super().__init__(path, expected, got)
        self.path, self.expected, self.got = path, expected, got

    def __str__(self) -> str:
        return (
            f"The observation at {self.path} should be {self.expected}, but it is {self.got}. "
            "Correct the environment's observation_space, or convert the observation in a wrapper."
        )


class ActionMismatch(SpaceError):
    """An action that isn't in the emulated action space."""

    def __init__(self, expected: str, got: str) -> None:
        """Keeps what the action space takes and what came."""
        super().__init__(expected, got)
        self.expected, self.got = expected, got

    def __str__(self) -> str:
        return f"The action should be {self.expected}, but it is {self.got}."


class TensorMismatch(SpaceError):
    """A tensor that can't be viewed as the rows of a layout."""

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        """Keeps what the layout's rows look like, what came and how to get the right tensor."""
        super().__init__(expected, got, remedy)
        self.expected, self.got, self.remedy = expected, got, remedy

    def __str__(self) -> str:
        return f"The tensor should hold {self.expected}, but it holds {self.got}. {self.remedy}"


class EmulationError(PufferError):
    """An environment breaks the Gymnasium or PettingZoo API."""

    def __init__(self, environment: str, problem: str, remedy: str) -> None:
        """Keeps the environment's class, what it did and what to do next."""
        super().__init__(environment, problem, remedy)
        self.environment, self.problem, self.remedy = environment, problem, remedy

    def __str__(self) -> str:
        return f"{self.environment}: {self.problem} {self.remedy}"


class VectorError(PufferError):
    """A vectorized environment can't do what was asked."""


class InvalidVectorOption(VectorError, ValueError):
    """An option of `pufferlib.vector.make` that doesn't fit the others."""

    def __init__(self, option: str, value: str, problem: str, remedy: str) -> None:
        """Keeps the option, its value, why it is wrong and the nearest valid choice."""
        super().__init__(option, value, problem, remedy)
        self.option, self.value, self.problem, self.remedy = option, value, problem, remedy

    def __str__(self) -> str:
        return f"{self.option}={self.value} {self.problem} {self.remedy}"


class VectorStateError(VectorError, RuntimeError):
    """A call that the pool can't take now, such as `step` before `reset` or after `close`."""

    def __init__(self, call: str, problem: str, remedy: str) -> None:
        """Keeps the call, why it came at the wrong time and what to call instead."""
        super().__init__(call, problem, remedy)
        self.call, self.problem, self.remedy = call, problem, remedy

    def __str__(self) -> str:
        return f"{self.call}(): {self.problem} {self.remedy}"


class EnvironmentFailed(VectorError):
    """An environment raised; the cause is the original exception, or its traceback as text if a worker raised it."""

    def __init__(self, env_index: int, phase: str, seed: int | None, error: str, worker: int | None = None) -> None:
        """Keeps which environment failed, in which phase, its last seed, the error's text and the worker, if any."""
        super().__init__(env_index, phase, seed, error, worker)
        self.env_index, self.phase, self.seed, self.error, self.worker = env_index, phase, seed, error, worker

    def __str__(self) -> str:
        seed = "no seed" if self.seed is None else f"seed {self.seed}"
        where = seed if self.worker is None else f"worker {self.worker}, {seed}"
        return f"Environment {self.env_index} ({where}) failed in {self.phase}: {self.error}"


class WorkerDied(VectorError):
    """A worker process ended without being asked to."""

    def __init__(self, worker: int, envs: range, exitcode: int | None, during: str) -> None:
        """Keeps which worker, its environments, how it ended (None: only Ray knows) and in which call."""
        super().__init__(worker, envs, exitcode, during)
        self.worker, self.envs, self.exitcode, self.during = worker, envs, exitcode, during

    def __str__(self) -> str:
        if self.exitcode is None:
            how = "Ray lost its actor"
        else:
            how = f"killed by signal {-self.exitcode}" if self.exitcode < 0 else f"exit code {self.exitcode}"
        return (
            f"Worker {self.worker} (environments {self.envs.start}-{self.envs.stop - 1}) died in {self.during}: {how}. "
            "To see the cause, run the same seeds with backend='serial'."
        )


class WorkerStuck(VectorError, TimeoutError):
    """A worker process didn't finish in time."""

    def __init__(self, worker: int, envs: range, timeout_s: float, during: str) -> None:
        """Keeps which worker, its environments, how long was waited and in which call."""
        super().__init__(worker, envs, timeout_s, during)
        self.worker, self.envs, self.timeout_s, self.during = worker, envs, timeout_s, during

    def __str__(self) -> str:
        option = "start_timeout_s" if self.during == "constructor" else "timeout_s"
        return (
            f"Worker {self.worker} (environments {self.envs.start}-{self.envs.stop - 1}) didn't finish its "
            f"{self.during} within {self.timeout_s:g} s. Raise {option}= if its environments may take longer."
        )


class ConfigError(PufferError, ValueError):
    """A training option that doesn't exist or has a wrong value."""

    def __init__(self, option: str, problem: str, remedy: str) -> None:
        """Keeps the option, why it is wrong and what to write instead."""
        super().__init__(option, problem, remedy)
        self.option, self.problem, self.remedy = option, problem, remedy

    def __str__(self) -> str:
        return f"{self.option}: {self.problem} {self.remedy}"


class CheckpointError(PufferError):
    """A checkpoint that can't be read or doesn't fit the policy."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        """Keeps the checkpoint, what is wrong with it and what to do next."""
        super().__init__(path, problem, remedy)
        self.path, self.problem, self.remedy = path, problem, remedy

    def __str__(self) -> str:
        return f"Checkpoint {self.path}: {self.problem} {self.remedy}"


class TrainingDiverged(PufferError):
    """A reward, an observation or a loss isn't a finite number, so nothing more can be learned."""

    def __init__(self, what: str, update: int, remedy: str) -> None:
        """Keeps what isn't finite, in which update, and what to do next."""
        super().__init__(what, update, remedy)
        self.what, self.update, self.remedy = what, update, remedy

    def __str__(self) -> str:
        return f"Update {self.update}: {self.what} {self.remedy}"


class RegistryError(PufferError):
    """An environment can't be found or can't be imported."""


class UnknownEnvironment(RegistryError, LookupError):
    """No adapter offers this environment name."""

    def __init__(self, name: str, nearest: Sequence[str]) -> None:
        """Keeps the name asked for and the nearest ones that exist."""
        super().__init__(name, tuple(nearest))
        self.name, self.nearest = name, tuple(nearest)

    def __str__(self) -> str:
        hint = f"Did you mean {', '.join(self.nearest)}? " if self.nearest else ""
        return f"There is no environment {self.name!r}. {hint}`puffer envs` lists all."


class MissingDependency(RegistryError, ImportError):
    """An adapter's third-party package isn't installed."""

    def __init__(self, environment: str, package: str, remedy: str) -> None:
        """Keeps the adapter, the missing package and the command that installs it."""
        super().__init__(environment, package, remedy)
        self.environment, self.package, self.remedy = environment, package, remedy

    def __str__(self) -> str:
        return f"{self.environment} needs the package {self.package}, which isn't installed. Run: {self.remedy}"


class InstallError(RegistryError):
    """What adapters need can't be installed here."""

    def __init__(self, adapters: str, problem: str, remedy: str) -> None:
        """Keeps the adapters, what is in the way and what to do about it."""
        super().__init__(adapters, problem, remedy)
        self.adapters, self.problem, self.remedy = adapters, problem, remedy

    def __str__(self) -> str:
        return f"Installing {self.adapters}: {self.problem} {self.remedy}"
