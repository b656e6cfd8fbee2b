"""Baseline policies: every space, every leaf used, batch dimensions kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

import pufferlib.spaces
from pufferlib.exceptions import TensorMismatch, UnsupportedSpace
from pufferlib.models import Convolutional, Default
from pufferlib.pytorch import Mixed, Normal, sample_actions
from pufferlib.spaces import Emulated, compile_action_layout, compile_layout


def env_of(observation: gymnasium.Space[Any], action: gymnasium.Space[Any] | None = None) -> Any:
    """What a policy needs of an environment: its spaces."""
    action_layout = compile_action_layout(spaces.Discrete(3) if action is None else action)
    return SimpleNamespace(emulated=Emulated(compile_layout(observation), action_layout))


def rows_of(space: gymnasium.Space[Any], rows: int, seed: int = 0) -> torch.Tensor:
    """A packed batch of samples."""
    layout = compile_layout(space)
    space.seed(seed)
    batch = np.zeros((rows, *layout.flat_space.shape), layout.flat_space.dtype)
    for i in range(rows):
        layout.pack_into(space.sample(), batch, i)
    return torch.from_numpy(batch)


def numbers(*shape: int, dtype: Any = np.float32) -> spaces.Box:
    """A Box of numbers in -1..1, or of small integers."""
    return spaces.Box(-1, 1, shape, dtype) if np.dtype(dtype).kind == "f" else spaces.Box(0, 9, shape, dtype)


OBSERVATIONS: dict[str, gymnasium.Space[Any]] = {
    "box": numbers(4),
    "scalar box": numbers(),
    "float64 box": numbers(2, 3, dtype=np.float64),
    "unbounded box": spaces.Box(-np.inf, np.inf, (3,)),
    "half-bounded box": spaces.Box(np.array([-np.inf, 0], np.float32), np.array([1, np.inf], np.float32)),
    "empty box": numbers(0),
    "wide integers": spaces.Box(-(2**62), 2**62, (3,), np.int64),
    "unsigned": spaces.Box(0, 2**16 - 1, (2,), np.uint16),
    "discrete": spaces.Discrete(5, start=-2),
    "large discrete": spaces.Discrete(100),
    "huge discrete": spaces.Discrete(2**40),
    "multidiscrete": spaces.MultiDiscrete([[2, 3], [40, 5]], start=[[1, 2], [3, -4]]),
    "huge multidiscrete": spaces.MultiDiscrete([2, 2**20]),
    "multibinary": spaces.MultiBinary((2, 3)),
    "text": spaces.Text(9),
    "empty text": spaces.Text(0, min_length=0),
    "frame": spaces.Box(0, 255, (84, 84, 4), np.uint8),
    "frame, channels first": spaces.Box(0, 255, (3, 40, 60), np.uint8),
    "large frame": spaces.Box(0, 255, (120, 200, 3), np.uint8),
    "small image": spaces.Box(0, 1, (16, 20, 2)),
    "gray image": spaces.Box(0, 255, (21, 79), np.uint8),
    "dict": spaces.Dict({"a.b": numbers(3), "c": spaces.Discrete(4), "weights": spaces.Dict(x=numbers(2, 2))}),
    "tuple": spaces.Tuple([numbers(2, dtype=np.int8), spaces.Text(4), numbers(1, dtype=np.float16)]),
    "empty": spaces.Dict(),
    "empty parts": spaces.Dict(a=spaces.Dict(), b=numbers(2)),
    "sequence": pufferlib.spaces.Sequence(
        spaces.Dict(x=numbers(2), kind=spaces.Discrete(3, start=5), name=spaces.Text(3)), max_length=4
    ),
    "nested sequence": pufferlib.spaces.Sequence(
        pufferlib.spaces.Sequence(spaces.Tuple([numbers(2), spaces.Discrete(2)]), max_length=3), max_length=4
    ),
    "sequence of images": pufferlib.spaces.Sequence(spaces.Box(0, 255, (16, 16, 3), np.uint8), max_length=2),
    "sequence of empties": pufferlib.spaces.Sequence(spaces.Dict(), max_length=4),
    "oneof": spaces.OneOf([numbers(3), spaces.Dict(a=spaces.Discrete(4, start=7)), spaces.MultiBinary(2)]),
    "graph": pufferlib.spaces.Graph(numbers(2), spaces.Discrete(3), max_nodes=10, max_edges=12),
    "graph without edges": pufferlib.spaces.Graph(spaces.Discrete(3), None, max_nodes=10, max_edges=0),
}

ACTIONS: dict[str, gymnasium.Space[Any]] = {
    "discrete": spaces.Discrete(4),
    "discrete with start": spaces.Discrete(4, start=2),
    "multidiscrete": spaces.MultiDiscrete([2, 5]),
    "discrete tree": spaces.Dict(a=spaces.Discrete(3), b=spaces.MultiBinary(2)),
    "continuous": numbers(3),
    "continuous matrix": spaces.Box(-2, 2, (2, 3)),
    "continuous scalar": numbers(),
    "unbounded continuous": spaces.Box(-np.inf, np.inf, (2,)),
    "continuous tree": spaces.Tuple([numbers(2), numbers(1, 2)]),
    "mixed": spaces.Dict(a=spaces.Discrete(3), b=numbers(2), c=spaces.MultiDiscrete([2, 2])),
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", OBSERVATIONS)
def test_default__takes_every_observation_space(name, rows):
    """Forward and backward work, all is finite, and the batch dimension stays, for one row too."""
    space = OBSERVATIONS[name]
    policy = Default(env_of(space), hidden_size=16)
    logits, value = policy(rows_of(space, rows))
    (logits.square().sum() + value.sum()).backward()

    assert logits.shape == (rows, 3) and value.shape == (rows, 1)
    assert logits.isfinite().all() and value.isfinite().all()
    grads = {key: parameter.grad for key, parameter in policy.named_parameters() if parameter.grad is not None}
    assert all(grad.isfinite().all() for grad in grads.values())
    assert "input.bias" in grads


@pytest.mark.parametrize(
    ("name", "action"), [*((name, "mixed") for name in OBSERVATIONS), *(("dict", action) for action in ACTIONS)]
)
def test_default__computes_on_its_own_device(name, action):
    """No tensor of another device gets mixed in: the meta device, which has no memory, refuses that as a GPU would."""
    policy = Default(env_of(OBSERVATIONS[name], ACTIONS[action]), hidden_size=16).to("meta")
    output, value = policy(rows_of(OBSERVATIONS[name], 2).to("meta"))
    results = sample_actions(output)

    assert all(tensor.device.type == "meta" for tensor in (value, *results))


@pytest.mark.parametrize("name", sorted(set(OBSERVATIONS) - {"empty", "empty box", "empty text"}))
def test_default__every_observation_matters(name):
    """Two different samples give different features: nothing of the observation is dropped by type."""
    space = OBSERVATIONS[name]
    torch.manual_seed(0)
    policy = Default(env_of(space), hidden_size=16)
    rows = rows_of(space, 8)
    hidden, _ = policy.encode_observations(rows)

    different = [(i, j) for i in range(8) for j in range(i) if not torch.equal(rows[i], rows[j])]
    assert different
    assert sum(not torch.allclose(hidden[i], hidden[j], atol=1e-6) for i, j in different) >= 0.8 * len(different)


def test_default__every_leaf_matters():
    """Changing any one leaf of a dict changes the value: structure is used leaf by leaf."""
    space = spaces.Dict(
        a=numbers(2),
        b=spaces.Discrete(3),
        c=spaces.Text(4),
        d=spaces.MultiBinary(2),
        e=spaces.Tuple([spaces.MultiDiscrete([3, 3]), numbers(1)]),
        f=pufferlib.spaces.Sequence(numbers(1), max_length=3),
    )
    policy = Default(env_of(space), hidden_size=16)
    layout = compile_layout(space)
    first = {"a": [0.5, 0], "b": 0, "c": "aB", "d": [0, 1], "e": ([0, 1], [0.5]), "f": ([0.5],)}
    second = {"a": [0.5, 0.1], "b": 2, "c": "Ba", "d": [1, 1], "e": ([0, 1], [3]), "f": ([0.5], [0.5])}
    values = {"": policy(torch.from_numpy(layout.pack(first))[None])[1].item()}
    for key in space:
        assert layout.pack(first).tobytes() != layout.pack({**first, key: second[key]}).tobytes()
        values[key] = policy(torch.from_numpy(layout.pack({**first, key: second[key]}))[None])[1].item()

    assert len(set(values.values())) == len(values), values


def test_default__a_sequence_without_places_has_no_content():
    """A Sequence of at most zero items is like an empty Dict."""
    policy = Default(env_of(pufferlib.spaces.Sequence(numbers(2), max_length=0)), hidden_size=16)

    assert policy(torch.zeros(2, 4, dtype=torch.uint8))[1].shape == (2, 1)


def test_default__ignores_what_is_beyond_the_end_of_a_sequence():
    """Only the items that exist count, however many places the row has."""
    item = numbers(2)
    short, long = (pufferlib.spaces.Sequence(item, max_length=n) for n in (4, 4))
    policy = Default(env_of(short), hidden_size=16)
    rows = rows_of(long, 16)
    views = compile_layout(long).view(rows.numpy())
    before = policy(rows)[1].detach()
    for i, length in enumerate(views["length"]):
        views["items"][i, length:] = 7

    torch.testing.assert_close(policy(rows)[1], before)


def test_default__pools_sequences_exactly():
    """The pooled features of a Sequence are those of its own items, computed one by one."""
    space = pufferlib.spaces.Sequence(numbers(2), max_length=5)
    encoder = Default(env_of(space)).encoder
    layout = compile_layout(space)
    items = [np.array([0.1, -0.5], np.float32), np.array([0.9, 0.3], np.float32)]
    pooled = encoder(_native(layout, tuple(items)))[0]

    linear = encoder.items.linear
    each = torch.stack([linear(torch.tensor([*item, i / 5])).relu() for i, item in enumerate(items)])
    torch.testing.assert_close(pooled, torch.cat([each.mean(0), each.amax(0), torch.tensor([0.4])]))


def test_default__edges_carry_messages():
    """Reversing one edge of a graph changes its features: edge links are used."""
    space = pufferlib.spaces.Graph(numbers(1), numbers(1), max_nodes=3, max_edges=2)
    policy = Default(env_of(space), hidden_size=16)
    layout = compile_layout(space)
    nodes, edges = np.array([[-1.0], [0.2], [1.0]], np.float32), np.array([[0.5]], np.float32)
    rows = [
        layout.pack(spaces.GraphInstance(nodes, edges, np.array([link], np.int32))) for link in ((0, 2), (2, 0), (0, 2))
    ]
    values = policy(torch.from_numpy(np.stack(rows)))[1].squeeze(1).tolist()

    assert values[0] != values[1] and values[0] == pytest.approx(values[2])


def test_default__scales_numbers_to_their_bounds():
    """Finite bounds become -1 and 1 (0 and 1 if they start at 0), missing ones leave a number alone."""
    low = np.array([-4, 0, 2, -np.inf, -np.finfo(np.float32).max], np.float32)
    high = np.array([4, 10, 6, 3, np.finfo(np.float32).max], np.float32)
    encoder = Default(env_of(spaces.Box(low, high))).encoder

    ends = torch.tensor([[-4, 0, 2, -5, -5], [4, 10, 6, 5, 5.0]])
    torch.testing.assert_close(encoder(ends), torch.tensor([[-1, 0, -1, -5, -5], [1, 1, 1, 5, 5.0]]))


def test_default__keeps_small_codes_in_bytes_apart():
    """Bytes that hold small codes, as MiniGrid's do, aren't squeezed into the first percent of the range."""
    encoder = Default(env_of(spaces.Box(0, 255, (7,), np.uint8))).encoder
    features = encoder(torch.tensor([[0, 1, 2, 3, 10, 100, 255]], dtype=torch.uint8))[0]

    assert features[0] == 0 and features[-1] == pytest.approx(1)
    assert (features.diff() > 0.05).all()


def test_default__small_choices_start_as_one_hot():
    """A choice out of five is its one-hot vector at first, whatever the start."""
    encoder = Default(env_of(spaces.Discrete(5, start=-2))).encoder

    assert torch.equal(encoder(torch.tensor([-2, 2])), torch.eye(5)[[0, 4]])


def test_default__takes_any_dtype_of_a_plain_box():
    """`torch.Tensor(obs)`, as in the documented samples, gives the same as the frames themselves."""
    space = spaces.Box(0, 255, (84, 84, 4), np.uint8)
    policy = Default(env_of(space), hidden_size=16)
    rows = rows_of(space, 2)

    torch.testing.assert_close(policy(torch.Tensor(rows.numpy()))[1], policy(rows)[1])


def test_default__rejects_packed_rows_cast_to_float():
    """Packed bytes can't be read after a cast; the error says what to call."""
    space = spaces.Dict(a=numbers(1), b=spaces.Discrete(3))

    with pytest.raises(TensorMismatch, match="as_tensor"):
        Default(env_of(space))(torch.Tensor(rows_of(space, 2).numpy()))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", ACTIONS)
def test_default__samples_legal_actions_of_every_space(name, rows):
    """Sampled actions have the emulated space's shape, and unpack to the original space once clipped to the box."""
    space = ACTIONS[name]
    policy = Default(env_of(numbers(2), space), hidden_size=16)
    layout = pufferlib.spaces.compile_action_layout(space)
    output, value = policy(torch.zeros(rows, 2))
    actions, log_prob, entropy = sample_actions(output)

    assert actions.shape == (rows, *layout.flat_space.shape)
    assert value.shape == (rows, 1) and log_prob.shape == entropy.shape == (rows,)
    flat = layout.flat_space
    for row in actions.numpy():
        row = np.clip(row, flat.low, flat.high).astype(flat.dtype) if isinstance(flat, spaces.Box) else row
        assert layout.unpack(np.asarray(row)) in space


def test_default__names_the_parameters_of_each_action_kind():
    """The outputs are those that the samplers document."""
    outputs = {name: Default(env_of(numbers(2), space))(torch.zeros(1, 2))[0] for name, space in ACTIONS.items()}

    assert isinstance(outputs["discrete"], torch.Tensor)
    assert isinstance(outputs["multidiscrete"], list) and len(outputs["multidiscrete"]) == 2
    assert isinstance(outputs["continuous"], Normal)
    assert isinstance(outputs["mixed"], Mixed) and len(outputs["mixed"].logits) == 3


def test_default__a_fresh_policy_covers_the_range_of_its_actions():
    """Means start at the middle of the bounds and deviations at half the range, entry by entry."""
    space = spaces.Box(np.array([0, -2, -np.inf], np.float32), np.array([10, 2, np.inf], np.float32))
    output = Default(env_of(numbers(2), space))(torch.zeros(1, 2))[0]

    torch.testing.assert_close(output.mean, torch.tensor([[5.0, 0, 0]]))
    torch.testing.assert_close(output.log_std.exp(), torch.tensor([[5.0, 2, 1]]))


def test_default__is_split_and_whole_the_same():
    """Encoder and decoder, which an LSTM sits between, make up the forward pass."""
    policy = Default(env_of(numbers(2)), hidden_size=16)
    rows = torch.randn(3, 2)
    hidden, lookup = policy.encode_observations(rows)

    assert hidden.shape == (3, 16)
    for split, whole in zip(policy.decode_actions(hidden, lookup), policy(rows), strict=True):
        assert torch.equal(split, whole)


def test_default__works_in_float64_too():
    """`policy.double()` computes in float64 throughout."""
    policy = Default(env_of(OBSERVATIONS["dict"], ACTIONS["mixed"]), hidden_size=16).double()
    output, value = policy(rows_of(OBSERVATIONS["dict"], 2))

    assert value.dtype == output.normal.mean.dtype == output.logits[0].dtype == torch.float64


@pytest.mark.parametrize("name", ["frame", "frame, channels first", "large frame", "small image", "gray image"])
@pytest.mark.parametrize("rows", [1, 2])
def test_convolutional__takes_images_of_any_order(name, rows):
    """Channels first, last and absent; the batch dimension stays."""
    space = OBSERVATIONS[name]
    policy = Convolutional(env_of(space), hidden_size=16)
    logits, value = policy(rows_of(space, rows))

    assert logits.shape == (rows, 3) and value.shape == (rows, 1)


def test_convolutional__is_the_network_of_atari():
    """An 84x84x4 frame leaves 64 maps of 7x7, as published."""
    policy = Convolutional(env_of(OBSERVATIONS["frame"]))
    sizes = [tuple(layer.weight.shape) for layer in policy.stack.layers if isinstance(layer, nn.Conv2d)]

    assert sizes == [(32, 4, 8, 8), (64, 32, 4, 4), (64, 64, 3, 3)]
    assert policy.linear.in_features == 3136 and policy.hidden_size == 512


def test_convolutional__order_of_axes_does_not_change_the_network():
    """The same picture, channels first or last, gives the same value with the same weights."""
    last, first = (spaces.Box(0, 255, shape, np.uint8) for shape in ((40, 48, 3), (3, 40, 48)))
    one, other = Convolutional(env_of(last), hidden_size=16), Convolutional(env_of(first), hidden_size=16)
    other.load_state_dict(one.state_dict())
    rows = rows_of(last, 2)

    torch.testing.assert_close(one(rows)[1], other(rows.permute(0, 3, 1, 2))[1])


def test_convolutional__downsamples_pixels_not_channels():
    """With downsample=2 only every second pixel counts, and every channel does."""
    space = spaces.Box(0, 255, (80, 80, 3), np.uint8)
    policy = Convolutional(env_of(space), hidden_size=16, downsample=2)
    rows = rows_of(space, 1)
    other = rows.clone()
    other[:, 1::2] = 0
    other[:, :, 1::2] = 0

    assert torch.equal(policy(rows)[1], policy(other)[1])
    other[:, :, :, 2] = 0
    assert not torch.equal(policy(rows)[1], policy(other)[1])


def test_convolutional__takes_tiny_images_when_told_where_channels_are():
    """MiniGrid's 7x7x3 grid isn't taken for an image unasked, and is with channels_last."""
    space = spaces.Box(0, 255, (7, 7, 3), np.uint8)
    with pytest.raises(UnsupportedSpace, match="isn't one image"):
        Convolutional(env_of(space))

    assert Convolutional(env_of(space), hidden_size=16, channels_last=True)(rows_of(space, 2))[1].shape == (2, 1)


def _native(layout: Any, value: Any) -> Any:
    from pufferlib.pytorch import nativize_dtype, nativize_tensor

    return nativize_tensor(torch.from_numpy(layout.pack(value))[None], nativize_dtype(layout))
