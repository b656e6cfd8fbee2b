"""Recurrence for policies that split into encoder and decoder.

Shapes: B rows in a batch, T steps, H the LSTM's hidden size.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Protocol, TypeAlias, cast

import torch
from torch import Tensor, nn

from pufferlib.exceptions import ConfigError, TensorMismatch
from pufferlib.models._segments import run_segments
from pufferlib.pytorch import PolicyOutput
from pufferlib.spaces import emulated_of

LSTMState: TypeAlias = tuple[Tensor, Tensor]  # hidden and cell, each (layers, B, H)

# A call of nn.LSTM costs about as much as this many extra steps, so shorter pieces step cell by cell.
_SHORTEST_SEQUENCE = 4


class SplitPolicy(Protocol):
    """A policy in two halves, for recurrence to go between."""

    def encode_observations(self, observations: Tensor) -> tuple[Tensor, Any]:
        """Maps (B, *shape) to hidden features (B, input_size) and a lookup that the decoder may need."""
        ...

    def decode_actions(self, hidden: Tensor, lookup: Any) -> tuple[PolicyOutput, Tensor]:
        """Maps hidden features (B, H) to the policy's output and the value (B, 1)."""
        ...


class LSTMWrapper(nn.Module):
    """Puts an LSTM between the encoder and the decoder of a policy."""

    def __init__(
        self, env: Any, policy: nn.Module, input_size: int = 128, hidden_size: int = 128, num_layers: int = 1
    ) -> None:
        """Wraps a policy with `encode_observations` and `decode_actions`.

        Args:
            env: the environment that the policy is for.
            policy: its encoder gives (B, input_size), its decoder takes (B, hidden_size).
            input_size: width of the encoder's output.
            hidden_size: width of the LSTM's output, H.
            num_layers: LSTMs on top of each other.

        Raises:
            ConfigError: the policy doesn't split, or says a `hidden_size` that doesn't fit.
        """
        super().__init__()
        _check_sizes(policy, input_size, hidden_size)
        self.policy = policy
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers)
        for name, parameter in self.lstm.named_parameters():
            if "bias" in name:
                nn.init.constant_(parameter, 0)
            else:
                nn.init.orthogonal_(parameter, 1.0)
        self._row_ndim = len(emulated_of(env).observation.flat_space.shape)

    def initial_state(self, batch_size: int) -> LSTMState:
        """The state at the start of an episode: zeros, on the policy's device."""
        weight = cast(Tensor, self.lstm.weight_hh_l0)
        zeros = weight.new_zeros(self.num_layers, batch_size, self.hidden_size, requires_grad=False)
        return zeros, zeros.clone()

    def forward(
        self, observations: Tensor, state: LSTMState | None = None, starts: Tensor | None = None
    ) -> tuple[PolicyOutput, Tensor, LSTMState]:
        """Runs one step or a whole sequence.

        Args:
            observations: (B, *shape) for a step, or (B, T, *shape) for a sequence.
            state: before the first step. None: zeros.
            starts: bool, (B,) or (B, T). True: an episode starts at this step, so the state is zeroed before it.

        Returns:
            The policy's output and its value, (B*T, 1), over the rows b0t0, b0t1, ...; the state after the last step.
        """
        sequence, lookup, starts = self._encode(observations, starts)
        hidden, state = self._run(sequence, state or self.initial_state(sequence.shape[1]), starts)
        output, value = self._decode(hidden, lookup)
        return output, value, state

    def replay(self, observations: Tensor, state: LSTMState, starts: Tensor) -> tuple[PolicyOutput, Tensor]:
        """Runs whole sequences to learn from: as `forward`, up to four times as fast, but gives no state.

        Args:
            observations: (B, T, *shape).
            state: before the first step.
            starts: bool, (B, T), as in `forward`.

        Returns:
            The policy's output and its value, (B*T, 1), over the rows b0t0, b0t1, ...
        """
        sequence, lookup, by_step = self._encode(observations, starts)
        assert by_step is not None
        return self._decode(run_segments(self._advance, sequence, state, by_step), lookup)

    def _encode(self, observations: Tensor, starts: Tensor | None) -> tuple[Tensor, Any, Tensor | None]:
        """Gives features (T, B, input_size), the decoder's lookup, and starts (T, B)."""
        num_lead = observations.ndim - self._row_ndim
        if num_lead not in (1, 2):
            shape = f"a tensor of {observations.ndim} dimensions, {tuple(observations.shape)}"
            remedy = "Add the batch dimension, also to a batch of one."
            raise TensorMismatch(f"(B, *shape) or (B, T, *shape) with {self._row_ndim} in shape", shape, remedy)
        rows, steps = len(observations), observations.shape[1] if num_lead == 2 else 1
        flat = observations.reshape(rows * steps, *observations.shape[num_lead:])
        hidden, lookup = cast(SplitPolicy, self.policy).encode_observations(flat)
        sequence = hidden.view(rows, steps, -1).transpose(0, 1)
        if starts is not None:
            starts = starts.reshape(rows, steps).T
        return sequence, lookup, starts

    def _decode(self, hidden: Tensor, lookup: Any) -> tuple[PolicyOutput, Tensor]:
        """Runs the decoder on features (T, B, H), in the order of the encoder's rows."""
        flat = hidden.transpose(0, 1).reshape(-1, self.hidden_size)
        return cast(SplitPolicy, self.policy).decode_actions(flat, lookup)

    def _run(self, sequence: Tensor, state: LSTMState, starts: Tensor | None) -> tuple[Tensor, LSTMState]:
        """Runs (T, B, input_size) in pieces that end where any episode starts."""
        if starts is None:
            return self._advance(sequence, state)
        later = starts[1:].any(1).tolist() if len(starts) > 1 else []  # one step asks nothing of a GPU
        cuts = [0, *(t for t, has_start in enumerate(later, 1) if has_start), len(sequence)]
        pieces = []
        for begin, end in pairwise(cuts):
            is_new = starts[begin].view(1, -1, 1)
            state = (state[0].masked_fill(is_new, 0), state[1].masked_fill(is_new, 0))
            piece, state = self._advance(sequence[begin:end], state)
            pieces.append(piece)
        return torch.cat(pieces), state

    def _advance(self, sequence: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        """Runs (T, B, input_size) in which no episode starts."""
        if len(sequence) >= _SHORTEST_SEQUENCE:
            return cast("tuple[Tensor, LSTMState]", self.lstm(sequence, state))
        steps, hiddens, cells = list(sequence), [], []
        for layer, weights in enumerate(self.lstm.all_weights):
            hidden, cell = state[0][layer], state[1][layer]
            for t, step in enumerate(steps):
                hidden, cell = torch.lstm_cell(step, (hidden, cell), *weights)
                steps[t] = hidden
            hiddens.append(hidden)
            cells.append(cell)
        return torch.stack(steps), (torch.stack(hiddens), torch.stack(cells))


def _check_sizes(policy: nn.Module, input_size: int, hidden_size: int) -> None:
    name = type(policy).__name__
    for half in ("encode_observations", "decode_actions"):
        if not hasattr(policy, half):
            remedy = "Split its forward pass into encode_observations(obs) and decode_actions(hidden, lookup)."
            raise ConfigError("policy", f"{name} has no {half}, so no LSTM can go between its halves.", remedy)
    width = getattr(policy, "hidden_size", None)
    if isinstance(width, int) and (width, width) != (input_size, hidden_size):
        problem = f"The LSTM goes from {input_size} to {hidden_size} features, but {name} is {width} wide."
        raise ConfigError("hidden_size", problem, f"Use input_size={width}, hidden_size={width}.")
