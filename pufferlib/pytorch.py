"""PyTorch side of the library: typed views of packed rows, initialisation, and action samplers.

Shapes: B rows in a batch, R bytes in a row, D discrete entries and C continuous entries of an action.
What a policy returns for an action space, and what `sample_actions` takes:

    discrete        logits                  (B, n)
    multi-discrete  list of logits          D times (B, n_d)
    continuous      Normal(mean, log_std)   (B, *shape); log_std may broadcast
    mixed           Mixed(logits, normal)   actions are (B, D + C), discrete entries first
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from pufferlib.exceptions import TensorMismatch, UnsupportedSpace
from pufferlib.spaces import Emulated, Layout

__all__ = [
    "Mixed",
    "NativeDtype",
    "NativeLeaf",
    "Normal",
    "PolicyOutput",
    "layer_init",
    "nativize_dtype",
    "nativize_tensor",
    "sample_actions",
    "torch_dtype",
]

# Strings, so that a torch without the wider unsigned types still imports.
_TORCH_DTYPES = {
    np.dtype(name): getattr(torch, name)
    for name in (
        "bool",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "float32",
        "float64",
    )
    if hasattr(torch, name)
}


# --- Typed views of packed rows ---


class NativeLeaf(NamedTuple):
    """Where one leaf lies in a row, counted in bytes, and what it is viewed as."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int  # bytes from the start of the row
    size_bytes: int


NativeTree: TypeAlias = "NativeLeaf | dict[str, NativeTree]"


@dataclass(frozen=True, slots=True)
class NativeDtype:
    """What `nativize_tensor` needs to know of a layout, in torch's words."""

    row_dtype: torch.dtype
    row_size: int  # elements of row_dtype in a row
    alignment: int  # bytes; torch views a row only where it starts at a multiple of its widest leaf
    tree: NativeTree | None  # None: rows are the observation itself


def torch_dtype(dtype: np.dtype[Any], path: str = "obs") -> torch.dtype:
    """The torch dtype with the same bytes.

    Raises:
        UnsupportedSpace: torch has no such dtype; the message names `path`.
    """
    try:
        return cast(torch.dtype, _TORCH_DTYPES[dtype])
    except KeyError:
        raise UnsupportedSpace(path, str(dtype), "torch has no dtype with these bytes.") from None


def nativize_dtype(emulated: Emulated | Layout | np.dtype[Any]) -> NativeDtype:
    """Compiles an observation layout into the form that `nativize_tensor` applies to batches.

    Args:
        emulated: `env.emulated`, its observation layout, or the structured dtype of packed rows.

    Raises:
        UnsupportedSpace: a leaf has a dtype that torch lacks.
    """
    if isinstance(emulated, np.dtype):
        leaves = set(_leaf_dtypes(emulated))
        row_dtype = leaves.pop() if len(leaves) == 1 else np.dtype(np.uint8)  # DESIGN section 4
        tree: NativeTree | None = _native_tree(emulated, 0, "obs")
        return NativeDtype(torch_dtype(row_dtype), emulated.itemsize // row_dtype.itemsize, emulated.alignment, tree)
    layout = emulated.observation if isinstance(emulated, Emulated) else emulated
    flat = layout.flat_space
    assert flat.dtype is not None  # a Box always has one
    tree = None if layout.is_passthrough else _native_tree(layout.dtype, 0, "obs")
    return NativeDtype(torch_dtype(np.dtype(flat.dtype)), math.prod(flat.shape), layout.dtype.alignment, tree)


def nativize_tensor(observations: Tensor, dtype: NativeDtype) -> Any:
    """Views packed rows as the structure they hold, without copying, on the tensor's own device.

    Args:
        observations: (..., row_size) of the layout's row dtype; any number of leading dimensions.
        dtype: from `nativize_dtype`.

    Returns:
        A nested dict with the space's keys (`f0`, `f1`, ... for a Tuple) of tensors (..., *leaf.shape) that share
        memory with `observations`; one tensor where the space is a single leaf; a plain Box comes back as it is.

    Raises:
        TensorMismatch: the tensor doesn't hold rows of this layout, as after `torch.Tensor(obs)`, which casts.
    """
    if dtype.tree is None:
        return observations
    _check_rows(observations, dtype)
    if observations.numel() == 0:
        observations = observations.new_empty(observations.shape)  # NumPy's empty arrays come with strides of 0
    return _view(observations, dtype.tree)


def _native_tree(dtype: np.dtype[Any], offset: int, path: str) -> NativeTree:
    if dtype.names is not None:
        offsets = {name: offset + place[1] for name, place in (dtype.fields or {}).items()}
        return {name: _native_tree(dtype[name], offsets[name], f"{path}[{name!r}]") for name in dtype.names}
    base, shape = dtype.subdtype or (dtype, ())
    return NativeLeaf(torch_dtype(base, path), tuple(shape), offset, dtype.itemsize)


def _leaf_dtypes(dtype: np.dtype[Any]) -> list[np.dtype[Any]]:
    if dtype.names is None:
        return [dtype.base]
    return [leaf for name in dtype.names for leaf in _leaf_dtypes(dtype[name])]


def _view(rows: Tensor, tree: NativeTree) -> Any:
    if isinstance(tree, dict):
        return {name: _view(rows, child) for name, child in tree.items()}
    shape = (*rows.shape[:-1], *tree.shape)
    if tree.size_bytes == 0:  # torch refuses to view no bytes as a wider dtype
        return rows.new_empty(shape, dtype=tree.dtype)
    item = rows.element_size()
    leaf = rows[..., tree.offset // item : (tree.offset + tree.size_bytes) // item]
    if leaf.dtype != tree.dtype:  # a view as the same dtype would cut the gradient
        leaf = leaf.view(tree.dtype)
    return leaf.view(shape)


def _check_rows(observations: Tensor, dtype: NativeDtype) -> None:
    if observations.dtype != dtype.row_dtype or observations.ndim == 0 or observations.shape[-1] != dtype.row_size:
        raise TensorMismatch(
            f"rows of {dtype.row_size} {dtype.row_dtype}",
            f"{tuple(observations.shape)} {observations.dtype}",
            "Use torch.as_tensor(obs): it keeps the dtype, where torch.Tensor(obs) casts packed bytes to float32.",
        )
    if observations.numel() == 0:
        return
    starts = [*observations.stride()[:-1], observations.storage_offset()]
    aligned = all(start * observations.element_size() % dtype.alignment == 0 for start in starts)
    if not aligned or (observations.stride(-1) != 1 and dtype.row_size > 1):
        raise TensorMismatch(
            f"contiguous rows that start at multiples of {dtype.alignment} bytes",
            f"strides {observations.stride()} from element {observations.storage_offset()} on",
            "Call .clone(memory_format=torch.contiguous_format) on it first.",
        )


# --- Initialisation ---


Layer = TypeVar("Layer", bound=nn.Module)


def layer_init(layer: Layer, std: float = math.sqrt(2), bias_const: float = 0.0) -> Layer:
    """Gives a layer an orthogonal weight of gain `std` and a constant bias, in place, and returns it.

    Source: "The 37 Implementation Details of Proximal Policy Optimization", detail 2.
    """
    nn.init.orthogonal_(cast(Tensor, layer.weight), std)
    if layer.bias is not None:
        nn.init.constant_(cast(Tensor, layer.bias), bias_const)
    return layer


# --- Action samplers ---


class Normal(NamedTuple):
    """Independent normal distributions of the continuous entries of an action."""

    mean: Tensor  # (B, *shape)
    log_std: Tensor  # broadcasts to the mean


class Mixed(NamedTuple):
    """What a policy returns for an action with both discrete and continuous entries."""

    logits: Sequence[Tensor]  # D times (B, n_d)
    normal: Normal  # (B, C)


PolicyOutput: TypeAlias = Tensor | Sequence[Tensor] | Normal | torch.distributions.Normal | Mixed

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_LOWEST = -1e30  # stands for a log-probability of -inf, so that 0 * log 0 is 0 in the entropy


def sample_actions(
    output: PolicyOutput, actions: Tensor | None = None, deterministic: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Samples actions from a policy's output, or rates the actions given.

    Args:
        output: what the policy returned; logits of -inf mark illegal choices.
        actions: actions to rate instead of sampling, in the format below.
        deterministic: takes the most likely action instead of sampling.

    Returns:
        actions: discrete (B,) int64; multi-discrete (B, D) int64; continuous (B, *shape); mixed (B, D + C) floats.
            They carry no gradient.
        log_prob: (B,), summed over the entries of an action.
        entropy: (B,), likewise.
    """
    if isinstance(output, Tensor):
        return _sample_discrete(output, actions, deterministic)
    if isinstance(output, Mixed):
        return _sample_mixed(output, actions, deterministic)
    if isinstance(output, torch.distributions.Normal):
        output = Normal(output.loc, output.scale.log())
    if isinstance(output, Normal):
        return _sample_normal(output, actions, deterministic)
    return _sample_multidiscrete(output, actions, deterministic)


def choose_actions(output: PolicyOutput) -> tuple[Tensor, Tensor]:
    """Samples actions and their log-probabilities as `sample_actions` does, bit for bit, without the entropy."""
    if isinstance(output, Tensor):
        log_probs = _full_precision(output).log_softmax(-1)
        actions = _draw(log_probs)
        return actions, log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    return sample_actions(output)[:2]


def _draw(log_probs: Tensor) -> Tensor:
    """Samples along the last dimension by the Gumbel-max trick.

    Half the time of torch.multinomial up to 64 rows; uniform_ is three times as fast as exponential_.
    """
    noise = torch.empty_like(log_probs, requires_grad=False).uniform_(1e-30, 1).log_().neg_().log_()
    return (log_probs.detach() - noise).argmax(-1)


def _sample_discrete(logits: Tensor, actions: Tensor | None, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Samples along the last dimension; the others, such as (B,) or (B, D), are those of the results."""
    log_probs = _full_precision(logits).log_softmax(-1)
    if actions is not None:
        actions = actions.reshape(logits.shape[:-1]).long()
    elif deterministic:
        actions = log_probs.argmax(-1)
    else:
        actions = _draw(log_probs)
    log_prob = log_probs.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    entropy = -torch.linalg.vecdot(log_probs.exp(), log_probs.clamp(min=_LOWEST))
    return actions, log_prob, entropy


def _sample_multidiscrete(
    logits: Sequence[Tensor], actions: Tensor | None, deterministic: bool
) -> tuple[Tensor, Tensor, Tensor]:
    sizes = [head.shape[-1] for head in logits]
    widest = max(sizes)
    if actions is not None:
        actions = actions.reshape(len(logits[0]), len(logits))
    if widest * len(sizes) <= 2 * sum(sizes):  # all heads in one go, the short ones padded with illegal choices
        heads = [
            head if size == widest else nn.functional.pad(head, (0, widest - size), value=-torch.inf)
            for head, size in zip(logits, sizes, strict=True)
        ]
        actions, log_prob, entropy = _sample_discrete(torch.stack(heads, 1), actions, deterministic)
        return actions, log_prob.sum(1), entropy.sum(1)
    places: dict[int, list[int]] = {}  # heads of one size go together: a grid of cells has hundreds of each
    for place, size in enumerate(sizes):
        places.setdefault(size, []).append(place)
    parts = [
        _sample_discrete(
            torch.stack([logits[place] for place in group], 1),
            None if actions is None else actions[:, group],
            deterministic,
        )
        for group in places.values()
    ]
    taken, log_probs, entropies = (torch.cat(part, 1) for part in zip(*parts, strict=True))
    order = sorted(range(len(sizes)), key=[place for group in places.values() for place in group].__getitem__)
    return taken[:, order], log_probs.sum(1), entropies.sum(1)


def _sample_normal(normal: Normal, actions: Tensor | None, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
    mean = _full_precision(normal.mean)
    log_std = _full_precision(normal.log_std).expand_as(mean)
    std = log_std.exp()
    if actions is not None:
        actions = actions.reshape(mean.shape).to(mean.dtype)
    elif deterministic:
        actions = mean.detach()
    else:
        actions = torch.addcmul(mean.detach(), std.detach(), torch.randn_like(mean, requires_grad=False))
    rows = len(mean)
    log_density = ((actions - mean) / std).square() * -0.5 - log_std - _HALF_LOG_TWO_PI
    entropy = log_std + (0.5 + _HALF_LOG_TWO_PI)
    return actions, log_density.reshape(rows, -1).sum(1), entropy.reshape(rows, -1).sum(1)


def _sample_mixed(output: Mixed, actions: Tensor | None, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
    discrete = continuous = None
    if actions is not None:
        discrete, continuous = actions[:, : len(output.logits)], actions[:, len(output.logits) :]
    discrete, log_prob, entropy = _sample_multidiscrete(output.logits, discrete, deterministic)
    continuous, log_density, normal_entropy = _sample_normal(output.normal, continuous, deterministic)
    actions = torch.cat([discrete.to(continuous.dtype), continuous], 1)
    return actions, log_prob + log_density, entropy + normal_entropy


def _full_precision(values: Tensor) -> Tensor:
    """Half precision can't hold the noise of the sampler nor the log-probabilities that PPO's ratio subtracts."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()
