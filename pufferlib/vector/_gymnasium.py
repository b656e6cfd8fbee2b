"""A pool of single-agent environments as a `gymnasium.vector.VectorEnv`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gymnasium
import gymnasium.vector
import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from pufferlib.exceptions import InvalidVectorOption, MissingDependency
from pufferlib.vector._infos import EndInfo, EpisodeInfos, Info
from pufferlib.vector._pool import State

if TYPE_CHECKING:
    from pufferlib.vector._arguments import Seeds
    from pufferlib.vector._batch import Block
    from pufferlib.vector._pool import Pool

Array = npt.NDArray[Any]


class GymnasiumVectorEnv(gymnasium.vector.VectorEnv[Array, Array, Array]):
    """What `gymnasium.vector.SyncVectorEnv` would be over the same emulated environments, bit for bit.

    Arrays are copies, also where the pool's are views. Made by `Pool.as_gymnasium`; the pool stays usable, but then
    both drive the same environments.
    """

    def __init__(self, pool: Pool) -> None:
        """Wraps a pool whose batches hold all its environments, one agent each."""
        _check_fits(pool)
        self.pool = pool
        self.num_envs = pool.num_envs
        self.single_observation_space = pool.single_observation_space
        self.single_action_space = pool.single_action_space
        self.observation_space = pool.observation_space
        self.action_space = pool.action_space
        self.metadata = {**pool.traits.metadata, "autoreset_mode": _autoreset_mode(pool.options.autoreset)}
        self.render_mode = pool.traits.render_mode

    def reset(self, *, seed: Seeds = None, options: dict[str, Any] | None = None) -> tuple[Array, dict[str, Any]]:
        """Resets the environments, as `Pool.reset` does.

        Returns:
            observations (E, ...) and infos in Gymnasium's form: an array and a mask `_key` a key.
        """
        if self.pool._state is State.PENDING:
            self.pool.recv()  # what the pool's owner began
        self.pool._keep_apart()
        self.pool.async_reset(seed, options)
        infos = self._collect(self.pool._receive(), None)
        return self._convert_all(self._block.observations), infos

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Steps the environments, as `Pool.step` does.

        Returns:
            observations, rewards, terminations, truncations (E rows each) and infos in Gymnasium's form, in mode
            "same_step" with `final_obs` and `final_info` where an episode ended.
        """
        self.pool._keep_apart()
        self.pool.send(actions)
        infos = self.pool._receive()
        block = self._block
        return (
            self._convert_all(block.observations),
            block.rewards.copy(),
            block.terminals.copy(),
            block.truncations.copy(),
            self._collect(infos, block.final_observations),
        )

    def render(self) -> tuple[Any, ...] | None:
        """Renders every environment."""
        return self.call("render")

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Calls a method of every wrapped environment, or reads an attribute; one result each."""
        return self.pool._call(name, args, kwargs)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Reads an attribute of every wrapped environment."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Sets an attribute of every wrapped environment, to one value or to a list with one each.

        Raises:
            ValueError: the list has another length.
        """
        listed: Sequence[Any] = values if isinstance(values, list | tuple) else [values] * self.num_envs
        if len(listed) != self.num_envs:
            raise ValueError(f"{len(listed)} values for {self.num_envs} environments. Pass one value, or one each.")
        self.pool._set_attr(name, listed)

    def close_extras(self, **kwargs: Any) -> None:
        """Closes the pool."""
        self.pool.close()

    @property  # type: ignore[misc]  # read-only, as in SyncVectorEnv
    def np_random(self) -> tuple[np.random.Generator, ...]:  # type: ignore[override]
        """The random generators of the wrapped environments."""
        return self.get_attr("np_random")

    @property
    def np_random_seed(self) -> tuple[int, ...]:  # type: ignore[override]
        """The last seeds of the wrapped environments."""
        return self.get_attr("np_random_seed")

    @property
    def _block(self) -> Block:
        block = self.pool._block
        assert block is not None
        return block

    def _collect(
        self, infos: Sequence[Info | EndInfo] | EpisodeInfos, final_observations: Array | None
    ) -> dict[str, Any]:
        """Joins the infos of all environments into arrays, in the order that Gymnasium does."""
        if isinstance(infos, EpisodeInfos):
            return self._collect_episodes(infos, final_observations)
        joined: dict[str, Any] = {}
        for index, info in enumerate(infos):
            if isinstance(info, EndInfo):
                assert final_observations is not None
                final = {"final_obs": self._convert(final_observations[index]), "final_info": info.final}
                joined = self._add_info(joined, final, index)
                info = info.reset
            if info:
                joined = self._add_info(joined, info, index)
        return joined

    def _collect_episodes(self, infos: EpisodeInfos, final_observations: Array | None) -> dict[str, Any]:
        """Does the same for episodes that are numbers: no Python for environments with nothing to say."""
        if not len(infos.records):
            return {}
        rows = infos.records[:, 0].astype(np.int64)

        def spread(column: int, dtype: Any = np.float64) -> Array:
            array = np.zeros(self.num_envs, dtype)
            array[rows] = infos.records[:, column]
            return array

        def mask() -> Array:
            array = np.zeros(self.num_envs, np.bool_)
            array[rows] = True
            return array

        episode = {"r": spread(1), "_r": mask(), "l": spread(2, np.int64), "_l": mask()}
        joined: dict[str, Any] = {"episode": episode, "_episode": mask()}
        for column, name in enumerate(infos.format.numbers, 3):
            joined |= {name: spread(column), f"_{name}": mask()}
        if not infos.is_split:
            return joined
        assert final_observations is not None
        final = np.full(self.num_envs, None, object)
        for row in rows.tolist():
            final[row] = self._convert(final_observations[row])
        return {"final_obs": final, "_final_obs": mask(), "final_info": joined, "_final_info": mask()}

    def _convert(self, row: Array) -> Any:
        """One environment's observation as callers get it: a copy."""
        return row.copy()

    def _convert_all(self, rows: Array) -> Any:
        """All environments' observations as callers get them: a copy."""
        return rows.copy()


class StructuredVectorEnv(GymnasiumVectorEnv):
    """The same with the original spaces: batched as Gymnasium batches them, packed and unpacked row by row."""

    def __init__(self, pool: Pool) -> None:
        """Wraps a pool whose batches hold all its environments, one agent each."""
        super().__init__(pool)
        self.single_observation_space: Any = pool.emulated.observation.space
        self.single_action_space: Any = pool.emulated.action.space
        self.observation_space: Any = batch_space(self.single_observation_space, self.num_envs)
        self.action_space: Any = batch_space(self.single_action_space, self.num_envs)

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Steps with actions of `action_space`."""
        pack = self.pool.emulated.action.pack
        flat = [pack(action) for action in iterate(self.action_space, actions)]
        return super().step(np.asarray(flat))

    def _convert(self, row: Array) -> Any:
        return self.pool.emulated.observation.unpack(row.copy())

    def _convert_all(self, rows: Array) -> Any:
        space = self.single_observation_space
        empty: Any = create_empty_array(space, self.num_envs)
        return concatenate(space, [self._convert(row) for row in rows], empty)


def make_native(name: str, num_envs: int = 1, **options: Any) -> GymnasiumVectorEnv:
    """Makes copies of a native environment: the entry point of `gymnasium.make_vec("puffer/NAME-v0", num_envs=...)`.

    Args:
        name: the environment's, one of `pufferlib.ocean.names()`.
        num_envs: how many.
        options: of its config, and `render_mode`, `backend`, `num_workers`, `autoreset` as in `pufferlib.vector.make`.
    """
    import pufferlib.ocean
    from pufferlib.vector._make import make

    chosen = {key: options.pop(key) for key in ("backend", "num_workers", "autoreset") if key in options}
    pool = make(pufferlib.ocean.env_creator(name), env_kwargs=options, num_envs=num_envs, **chosen)
    layouts = pool.emulated
    is_flat = layouts.action.is_passthrough and layouts.observation.space == layouts.observation.flat_space
    return GymnasiumVectorEnv(pool) if is_flat else StructuredVectorEnv(pool)


def _check_fits(pool: Pool) -> None:
    """Refuses pools that Gymnasium's interface has no words for."""
    if not pool.traits.is_gymnasium:
        problem = "can't be a gymnasium.vector.VectorEnv: its environments have agents that come and go."
        raise InvalidVectorOption("env_creators", "[...]", problem, "Use reset() and step() of the pool.")
    if pool.options.batch_size != pool.num_envs:
        problem = f"is below num_envs={pool.num_envs}: a gymnasium.vector.VectorEnv steps all at once."
        raise InvalidVectorOption("batch_size", str(pool.options.batch_size), problem, f"Nearest: {pool.num_envs}.")


def _autoreset_mode(name: str) -> Any:
    """Looks up Gymnasium's own name of a mode."""
    modes = getattr(gymnasium.vector, "AutoresetMode", None)
    if modes is None:
        raise MissingDependency("as_gymnasium", "gymnasium>=1.1", "pip install 'gymnasium>=1.1'")
    return modes[name.upper()]
