"""What the extension module offers."""

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
