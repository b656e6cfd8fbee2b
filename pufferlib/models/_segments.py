"""Runs an LSTM over sequences in which many episodes start and end: the fast way to learn from them.

An LSTM has to stop wherever a row's state is reset. With many rows that's nearly every step, and stepping cell by cell
takes most of a recurrent policy's training time. But episodes don't depend on each other. So the pieces of rows between
resets are cut out, sorted by length, and run side by side: those of more than half the longest length together, then
those of more than a quarter, and so on: at most half of a batch is padding.

Shapes: B rows, T steps, S segments, L the longest segment of a group, H the LSTM's hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Run = Callable[[Tensor, tuple[Tensor, Tensor]], tuple[Tensor, tuple[Tensor, Tensor]]]


def run_segments(run: Run, sequence: Tensor, state: tuple[Tensor, Tensor], starts: Tensor) -> Tensor:
    """Runs whole sequences whose last state nobody needs.

    Args:
        run: runs (L, S, input_size) from a state (layers, S, H) each, without resets.
        sequence: (T, B, input_size).
        state: before the first step, (layers, B, H) each.
        starts: where the state is zeroed before the step, (T, B) bool.

    Returns:
        Hidden features, (T, B, H).
    """
    num_steps, num_rows = starts.shape
    heads = starts.clone()
    heads[0] = True
    first = heads.T.flatten().nonzero().flatten()  # in the order row by row
    lengths = torch.diff(first, append=first.new_tensor([num_steps * num_rows]))
    rows, begins = first // num_steps, first % num_steps
    is_new = starts[begins, rows].view(1, -1, 1)
    flat = sequence.flatten(0, 1)
    outputs, places = [], []
    for group in _group_by_length(lengths):
        ahead = torch.arange(int(lengths[group].max()), device=starts.device).unsqueeze(1)
        is_inside = ahead < lengths[group]  # (L, S)
        place = (begins[group] + ahead) * num_rows + rows[group]
        initial = tuple(part[:, rows[group]].masked_fill(is_new[:, group], 0) for part in state)
        hidden, _ = run(flat[place.where(is_inside, 0)], (initial[0], initial[1]))
        outputs.append(hidden[is_inside])
        places.append(place[is_inside])
    output = torch.cat(outputs)
    return torch.empty_like(output).index_copy(0, torch.cat(places), output).view(num_steps, num_rows, -1)


def _group_by_length(lengths: Tensor) -> Iterator[Tensor]:
    """Picks segments of nearly the same length: indices, none twice."""
    longest = int(lengths.max())
    while longest > 0:
        shorter = longest // 2 if longest > 4 else 0
        group = ((lengths <= longest) & (lengths > shorter)).nonzero().flatten()
        if len(group):
            yield group
        longest = shorter
