"""A native environment in Python: config, spaces and names beside the C file, and one copy of it as an environment.

Shapes: A agents of one environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt

from pufferlib._native import core
from pufferlib.emulation import Buffers
from pufferlib.exceptions import ActionMismatch, EmulationError
from pufferlib.ocean._config import NativeConfig, memoize, struct_dtype
from pufferlib.ocean._copies import Copies, Memory, draw_seeds
from pufferlib.spaces import Emulated, compile_action_layout, compile_layout

__all__ = ["NativeConfig", "NativeEnv", "NativeSpec"]

SMALLEST_PICTURE = 256  # pixels of height that `render` gives at least
SEED_MASK = 2**64 - 1


@dataclass(frozen=True)
class NativeSpec:
    """What Python must know of an environment with a given config."""

    observation_space: gymnasium.Space[Any]
    """Of one agent; its flat row is what C writes."""
    action_space: gymnasium.Space[Any]
    """Of one agent; its flat row is what C reads."""
    num_agents: int = 1
    """A; agent i is called agent_i."""
    frame: tuple[int, int] | None = None
    """Height and width of what C draws, in pixels; None where it draws nothing."""
    render_fps: int = 10
    """Frames of a second."""


class NativeEnv:
    """One copy of an environment whose file in C has the same name: flat, and emulated already.

    With one agent it is a `gymnasium.Env`, with several a PettingZoo `ParallelEnv`. In a pool of
    `pufferlib.vector.make` many copies are stepped with one call, and this class only describes them.

    A subclass is the data sheet: `name`, `Config`, `spec` and what else is declared below.
    """

    name: ClassVar[str]  # of the C file
    Config: ClassVar[type[NativeConfig]]
    numbers: ClassVar[tuple[str, ...]] = ()  # what C reports of an agent's episode besides return and length
    keys: ClassVar[Mapping[str, Any]] = {}  # name of a key -> action, for `puffer play`
    idle: ClassVar[Any] = 0  # the action where no key is pressed
    kind: ClassVar[type[NativeEnv]]  # the subclass itself, in the classes that `__new__` makes of it

    @classmethod
    def spec(cls, config: Any) -> NativeSpec:
        """Describes the environment with this config."""
        raise NotImplementedError

    def __new__(cls, *, render_mode: str | None = None, flat: bool = True, **options: Any) -> NativeEnv:
        """Makes an instance that is a Gymnasium or a PettingZoo environment too."""
        if "kind" in cls.__dict__:
            return super().__new__(cls)
        plan = plan_of(cls, cls.Config.of(options))
        return object.__new__(_with_face(cls, plan.spec.num_agents > 1))

    def __init__(self, *, render_mode: str | None = None, flat: bool = True, **options: Any) -> None:
        """Makes a copy; its first reset without a seed is random.

        Args:
            render_mode: None or "rgb_array".
            flat: whether `reset` and `step` speak of flat observations and actions, or of the original ones.
            options: of the config.

        Raises:
            ConfigError: an option is unknown, or has a wrong value.
            EmulationError: a render mode that it doesn't have.
        """
        kind = self.kind
        self.config: Any = kind.Config.of(options)
        self.plan = plan_of(kind, self.config)
        spec = self.plan.spec
        self.emulated = self.plan.emulated
        self.num_slots = spec.num_agents
        self.single_observation_space = self.emulated.observation.flat_space
        self.single_action_space = self.emulated.action.flat_space
        self.metadata: dict[str, Any] = {
            "name": f"{kind.name}_v0",
            "render_modes": ["rgb_array"] if spec.frame else [],
            "render_fps": spec.render_fps,
            "is_parallelizable": True,
        }
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            modes = self.metadata["render_modes"]
            raise EmulationError(kind.name, f"render_mode={render_mode!r} is none of {modes}.", "Choose one, or None.")
        self.render_mode = render_mode
        self._is_flat = flat
        self._copies: Copies | None = None
        self._index = 0  # in the copies
        self._is_joined = False  # they are a pool's
        self._over: npt.NDArray[np.bool_] = np.ones(1, np.bool_)  # (1,) of this copy
        self._is_new = True  # nothing was reset
        self._set_up()

    # The emulated environment: see `pufferlib.emulation`

    def attach(self, buffers: Buffers) -> None:
        """Sets the buffers, of A rows, that `reset_into` and `step_into` write from now on."""
        own = None if self._is_joined else self._copies
        memory = self.plan.allocate(1) if own is None else own.memory
        flat = self.emulated.action.flat_space
        self._buffers = buffers
        self._actions = np.zeros((self.num_slots, *(flat.shape or ())), np.int64 if flat.dtype is None else flat.dtype)
        over = np.ones(1, np.bool_) if own is None else self._over.copy()
        self._copies, self._index, self._over = Copies(self.kind.name, memory, buffers, self._actions, over), 0, over
        self._is_joined = False
        if own is None:
            self._copies.init(0, 1, self.config.pack())
            self._copies.reset(0, 1, seeds=draw_seeds(1))  # what isn't seeded later can't be repeated
            over[0] = self._is_new = True

    def reset_into(self, seed: int | None = None, options: dict[str, Any] | None = None) -> dict[Any, Any]:
        """Starts an episode, writes all rows of the buffers, and returns an empty info."""
        copies = self._own()
        seeds = None if seed is None else np.full(copies.num_envs, check_seed(self.kind.name, seed), np.uint64)
        copies.reset(self._index, 1, seeds=seeds)
        self._is_new = False
        return {} if self.num_slots == 1 else {f"agent_{i}": {} for i in range(self.num_slots)}

    def step_into(self, actions: npt.NDArray[Any]) -> dict[Any, Any]:
        """Steps with `actions`, (A, *single_action_space.shape), and returns the info of those that ended.

        Raises:
            EmulationError: the episode is over, or none has begun.
        """
        self._check_running()
        copies = self._own()
        self._actions[...] = actions
        num_ended = copies.step(self._index, 1)
        if not num_ended:
            return {}
        infos = episode_infos(copies.ends(self._index, 1, num_ended), self.kind.numbers)
        return infos[0] if self.num_slots == 1 else {f"agent_{slot}": info for slot, info in infos.items()}

    @property
    def episode_over(self) -> bool:
        """Whether the next call must be a reset."""
        return self._copies is None or bool(self._over[0])

    # What both faces share

    def draw(self) -> npt.NDArray[np.uint8]:
        """Draws the environment as C does, (height, width, 3) RGB: few pixels; `render` enlarges them.

        Raises:
            EmulationError: nothing was reset, or it draws nothing.
        """
        frame = self.plan.spec.frame
        if frame is None:
            raise EmulationError(self.kind.name, "it draws nothing.", "Give its spec a frame, and draw in C.")
        if self._copies is None or self._is_new:
            raise EmulationError(self.kind.name, "there is nothing to draw yet.", "Reset it first.")
        return self._copies.draw(self._index, frame)

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Draws the environment, enlarged by a whole factor to at least 256 pixels of height; None without a mode."""
        if self.render_mode is None:
            return None
        pixels = self.draw()
        factor = -(-SMALLEST_PICTURE // pixels.shape[0])
        return pixels.repeat(factor, 0).repeat(factor, 1)

    def close(self) -> None:
        """Does nothing: all that it has is memory."""

    @property
    def env(self) -> NativeEnv:
        """This environment: there is none inside."""
        return self

    @property
    def driver_env(self) -> NativeEnv:
        """This environment: what a vectorized one of one environment would show."""
        return self

    def __str__(self) -> str:
        """Shows the config."""
        return f"<{self.kind.__name__}({self.config})>"

    def twin(self) -> NativeEnv:
        """Makes a new environment with the same options."""
        options = {field.name: getattr(self.config, field.name) for field in fields(self.config)}
        return self.kind(render_mode=self.render_mode, flat=self._is_flat, **options)

    def join(
        self,
        copies: Copies,
        index: int,
        buffers: Buffers,
        actions: npt.NDArray[Any],
        over: npt.NDArray[np.bool_],
    ) -> None:
        """Becomes a view of one of many copies, whose rows are given: what it draws and reads is that copy's."""
        self._copies, self._index, self._is_joined = copies, index, True
        self._buffers, self._actions, self._over = buffers, actions, over
        self._is_new = False

    if TYPE_CHECKING:

        def _set_up(self) -> None:
            """Adds the attributes of a face; each face has its own."""

    def _own(self) -> Copies:
        """The copies that it is one of; makes buffers of its own where none were attached."""
        if self._copies is None:
            self.attach(Buffers.allocate(self.num_slots, self.single_observation_space))
        assert self._copies is not None
        return self._copies

    def _check_running(self) -> None:
        if self.episode_over:
            problem = "step came before the first reset." if self._is_new else "step came after the episode had ended."
            raise EmulationError(self.kind.name, problem, "Reset it first.")

    def _observe(self, slot: int) -> Any:
        """What an agent sees, as the space that is promised."""
        if self._is_flat:
            return self._buffers.observations[slot].copy()
        return self.emulated.observation.unpack(self._buffers.observations[slot].copy())

    def _flatten(self, action: Any) -> npt.NDArray[Any]:
        """One agent's action as C reads it; never rounds floats to ints."""
        if not self._is_flat and not self.emulated.action.is_passthrough:
            action = self.emulated.action.pack(action)
        row = self._actions[0]
        try:
            given = np.asarray(action)
        except (TypeError, ValueError) as error:
            raise ActionMismatch(f"an action of {self.single_action_space}", repr(action)) from error
        if given.shape != row.shape or not np.can_cast(given.dtype, self._actions.dtype, "same_kind"):
            raise ActionMismatch(f"an action of {self.single_action_space}", repr(action))
        return given


@dataclass(frozen=True)
class Plan:
    """What is the same for all copies with one config, computed once."""

    kind: type[NativeEnv]
    config: NativeConfig
    spec: NativeSpec
    emulated: Emulated
    state_bytes: int

    def allocate(self, num_envs: int) -> Memory:
        """Makes memory for copies with this config."""
        return Memory(num_envs, self.spec.num_agents, len(self.kind.numbers), self.state_bytes)


@memoize
def plan_of(kind: type[NativeEnv], config: NativeConfig) -> Plan:
    """Compiles what a config decides.

    Raises:
        EmulationError: the C file's `Config` isn't the Python file's.
    """
    in_c, in_python = core.env_table()[kind.name], struct_dtype(type(config)).itemsize
    if in_c != in_python:
        problem = f"Config has {in_c} bytes in C, but {in_python} in Python."
        raise EmulationError(kind.name, problem, "Give both the same fields, in the same order.")
    spec = kind.spec(config)
    emulated = Emulated(compile_layout(spec.observation_space), compile_action_layout(spec.action_space))
    return Plan(kind, config, spec, emulated, core.env_state_bytes(kind.name, config.pack()))


def episode_infos(records: npt.NDArray[np.float64], numbers: tuple[str, ...]) -> dict[int, dict[str, Any]]:
    """Words the episodes that ended: {row: {"episode": {"r": return, "l": length}, number: value}}."""
    return {
        int(row): {"episode": {"r": total, "l": int(length)}, **dict(zip(numbers, rest, strict=True))}
        for row, total, length, *rest in records.tolist()
    }


def check_seed(name: str, seed: Any) -> int:
    """Gives the 64 bits of a seed that C takes.

    Raises:
        EmulationError: it is negative or no whole number.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise EmulationError(name, f"the seed {seed!r} isn't a whole number from 0 on.", "Pass one, or None.")
    return int(seed) & SEED_MASK


@memoize
def _with_face(kind: type[NativeEnv], is_multiagent: bool) -> type[NativeEnv]:
    """A class that is `kind` and an environment of Gymnasium or PettingZoo."""
    if is_multiagent:
        from pufferlib.ocean._pettingzoo import ParallelFace as Face
    else:
        from pufferlib.ocean._gymnasium import GymnasiumFace as Face  # type: ignore[assignment]
    # Gymnasium means something else by `spec`: what `gymnasium.make` made an environment by.
    names = {"kind": kind, "spec": None, "__doc__": kind.__doc__, "__module__": kind.__module__}
    return type(kind.__name__, (kind, Face), names)
