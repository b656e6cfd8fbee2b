"""Adam with clipped gradients: readable in PyTorch, and in C for small networks on the CPU.

Source: Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization"; "The 37 Implementation Details of Proximal
Policy Optimization", details 3 (epsilon) and 11 (one norm over all gradients).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pufferlib._native import core

EPSILON = 1e-5
MOST_NATIVE = 65_536  # numbers in a network that C steps, in 0.14 to 0.32 of PyTorch's time; more are for its threads


class ClippedAdam:
    """Adam that keeps the common norm of the gradients below a bound.

    The state is that of a `torch.optim.Adam`, whichever form takes the step.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, max_norm: float) -> None:
        """Steps nothing yet.

        Args:
            parameters: of the network, where it is going to learn.
            learning_rate: until it is set anew.
            max_norm: gradients with a larger norm are scaled down to it.
        """
        self.parameters = list(parameters)
        self.max_norm = max_norm
        self._adam = torch.optim.Adam(self.parameters, lr=learning_rate, eps=EPSILON, fused=True)
        self._fits_native = sum(p.numel() for p in self.parameters) <= MOST_NATIVE and all(
            p.device.type == "cpu" and p.dtype == torch.float32 and p.is_contiguous() for p in self.parameters
        )
        # Each parameter's address, and its memory with that of its moments and its number of steps.
        self._arrays: dict[nn.Parameter, tuple[int, tuple[NDArray[Any], ...]]] = {}

    @property
    def learning_rate(self) -> float:
        """The size of the next steps."""
        return float(self._adam.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for group in self._adam.param_groups:
            group["lr"] = value

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> Tensor:
        """Takes a step along the gradients.

        Returns:
            Their norm before it was clipped, a scalar on the parameters' device.
        """
        learning = [parameter for parameter in self.parameters if parameter.grad is not None]
        if not self._fits_native or any(parameter not in self._adam.state for parameter in learning):
            return self.reference_step()  # the first step makes the state
        gradients: list[NDArray[Any]] = [parameter.grad.contiguous().numpy() for parameter in learning]  # type: ignore[union-attr]
        (beta1, beta2), rate = self._adam.defaults["betas"], self.learning_rate
        norm = core.adam([self._arrays_of(p) for p in learning], gradients, rate, beta1, beta2, EPSILON, self.max_norm)
        return torch.tensor(norm)

    def reference_step(self) -> Tensor:
        """Does what `step` does in PyTorch."""
        norm = nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
        self._adam.step()
        return norm

    def state(self) -> dict[int, dict[str, Tensor]]:
        """The moments and the number of steps of each parameter that has learned, by its position."""
        moments: dict[int, dict[str, Tensor]] = self._adam.state_dict()["state"]
        return moments

    def restore(self, state: dict[int, dict[str, Tensor]]) -> None:
        """Goes on from what `state` gave."""
        self._arrays.clear()
        self._adam.load_state_dict({**self._adam.state_dict(), "state": state})

    def _arrays_of(self, parameter: nn.Parameter) -> tuple[NDArray[Any], ...]:
        known = self._arrays.get(parameter)
        if known is None or known[0] != parameter.data_ptr():
            state = self._adam.state[parameter]
            tensors = (parameter.detach(), state["exp_avg"], state["exp_avg_sq"], state["step"])
            known = parameter.data_ptr(), tuple(tensor.numpy() for tensor in tensors)
            self._arrays[parameter] = known
        return known[1]
