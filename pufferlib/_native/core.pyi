"""What the extension module offers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

def advantage(
    rewards: NDArray[np.float32],
    values: NDArray[np.float32],
    final_values: NDArray[np.float32],
    terminals: NDArray[np.bool_],
    truncations: NDArray[np.bool_],
    alive: NDArray[np.bool_],
    advantages: NDArray[np.float32],
    num_steps: int,
    gamma: float,
    gae_lambda: float,
    /,
) -> None: ...
def compile(
    tree: tuple[Any, ...],
    gaps: tuple[int, ...],
    size_bytes: int,
    num_items: int,
    dtype: np.dtype[Any],
    coerce: Callable[[int, Any], Any],
    restack: Callable[[int, tuple[Any, ...]], Any],
    /,
) -> object: ...
def env_table() -> dict[str, int]: ...
def env_state_bytes(name: str, config: bytes, /) -> int: ...
def env_batch(
    name: str,
    autoreset: int,
    num_envs: int,
    num_agents: int,
    observation_bytes: int,
    action_bytes: int,
    state_bytes: int,
    num_numbers: int,
    arrays: tuple[NDArray[Any], ...],
    /,
) -> object: ...
def env_init(batch: object, first: int, count: int, config: bytes, /) -> None: ...
def env_reset(
    batch: object,
    first: int,
    count: int,
    selected: NDArray[np.bool_] | None,
    seeds: NDArray[np.uint64] | None,
    seeded: NDArray[np.bool_] | None,
    /,
) -> None: ...
def env_step(batch: object, first: int, count: int, /) -> int: ...
def env_ends(batch: object, first: int, count: int, records: NDArray[np.float64], /) -> bool: ...
def env_render(batch: object, first: int, count: int, pixels: NDArray[np.uint8], /) -> None: ...
def pack(plan: object, value: object, rows: NDArray[Any], index: int, /) -> None: ...
def unpack(plan: object, rows: NDArray[Any], index: int, /) -> Any: ...
def adam(
    parameters: list[tuple[NDArray[np.float32], ...]],
    gradients: list[NDArray[np.float32]],
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    max_norm: float,
    /,
) -> float: ...
def ppo_loss(
    logits: NDArray[np.float32],
    values: NDArray[np.float32],
    actions: NDArray[np.int64],
    log_probs: NDArray[np.float32],
    old_values: NDArray[np.float32],
    advantages: NDArray[np.float32],
    returns: NDArray[np.float32],
    grad_logits: NDArray[np.float32],
    grad_values: NDArray[np.float32],
    metrics: NDArray[np.float32],
    clip: float,
    clip_value: float,
    value_coef: float,
    entropy_coef: float,
    normalize: float,
    /,
) -> None: ...
def signal_size(num_workers: int, /) -> int: ...
def signal_use_futex(lines: NDArray[np.uint8], wanted: bool, /) -> bool: ...
def signal_send(lines: NDArray[np.uint8], first: int, count: int, opcode: int, /) -> None: ...
def signal_next(lines: NDArray[np.uint8], worker: int, spin_us: int, timeout_s: float, /) -> int: ...
def signal_done(lines: NDArray[np.uint8], worker: int, status: int, /) -> None: ...
def signal_status(lines: NDArray[np.uint8], worker: int, /) -> tuple[int, int]: ...
def signal_wait(
    lines: NDArray[np.uint8],
    pending: NDArray[np.uint8],
    group_size: int,
    need: int,
    cursor: int,
    ready: NDArray[np.int64],
    spin_us: int,
    timeout_s: float,
    /,
) -> int: ...
def thread_serve(
    lines: NDArray[np.uint8], jobs: NDArray[np.int64], thread: int, batch: object, spin_us: int, /
) -> None: ...
def thread_stop(lines: NDArray[np.uint8], jobs: NDArray[np.int64], /) -> None: ...
def thread_post(lines: NDArray[np.uint8], jobs: NDArray[np.int64], batch: object, first: int, count: int, /) -> int: ...
def thread_wait(lines: NDArray[np.uint8], jobs: NDArray[np.int64], ticket: int, spin_us: int, /) -> int: ...
def thread_step(
    lines: NDArray[np.uint8], jobs: NDArray[np.int64], batch: object, first: int, count: int, spin_us: int, /
) -> int: ...
