"""Typed torch views of packed rows: equal to NumPy's views, without a copy, for every shared dtype."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

import pufferlib.spaces
from pufferlib.exceptions import TensorMismatch, UnsupportedSpace
from pufferlib.pytorch import NativeLeaf, layer_init, nativize_dtype, nativize_tensor, torch_dtype
from pufferlib.spaces import Emulated, compile_action_layout, compile_layout

DTYPES = ["bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), *("float16", "float32")]
DTYPES.append("float64")
NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="This machine has no CUDA device.")


def box(dtype: str, *shape: int) -> spaces.Box:
    """A Box over all values of a dtype, or as many as it can sample."""
    if dtype == "bool":
        return spaces.Box(0, 1, shape, np.bool_)
    if dtype.startswith("float"):
        return spaces.Box(-1, 1, shape, np.dtype(dtype).type)
    info = np.iinfo(dtype)
    return spaces.Box(max(info.min, -(2**31)), min(info.max, 2**31), shape, np.dtype(dtype).type)


def every_dtype() -> spaces.Dict:
    """One leaf of each dtype, ordered so that the row needs padding almost everywhere, in nested structs."""
    leaves = {dtype: box(dtype, 1 + i % 3, 3) for i, dtype in enumerate(sorted(DTYPES))}
    return spaces.Dict(
        inner=spaces.Dict(leaves), scalar=box("int8"), pair=spaces.Tuple([box("bool", 3), leaves["int64"]])
    )


def rows_of(space: gymnasium.Space[Any], rows: int = 3) -> np.ndarray:
    """A packed batch of samples."""
    layout = compile_layout(space)
    space.seed(0)
    batch = np.zeros((rows, *layout.flat_space.shape), layout.flat_space.dtype)
    for i in range(rows):
        layout.pack_into(space.sample(), batch, i)
    return batch


def assert_same(tensors: Any, arrays: Any, rows: int) -> None:
    """The tensors are the first rows of the arrays: same keys, shapes, dtypes, values and addresses."""
    if isinstance(arrays, dict):
        assert list(tensors) == list(arrays)
        for key in arrays:
            assert_same(tensors[key], arrays[key], rows)
        return
    view, arrays = tensors.numpy(), arrays[:rows]
    assert view.dtype == arrays.dtype and view.shape == arrays.shape
    np.testing.assert_array_equal(view, arrays)
    assert arrays.size == 0 or tensors.data_ptr() == arrays.ctypes.data


SPACES = {
    "every dtype": every_dtype(),
    "one dtype": spaces.Dict(a=box("float32", 2), b=spaces.Tuple([box("float32"), box("float32", 2, 2)])),
    "one dtype, bool": spaces.Dict(a=box("bool", 2), b=box("bool")),
    "lone discrete": spaces.Discrete(5, start=-2),
    "lone multidiscrete": spaces.MultiDiscrete([[2, 3], [4, 5]]),
    "lone text": spaces.Text(6),
    "empty parts": spaces.Dict(a=spaces.Dict(), b=spaces.Discrete(3), c=spaces.Tuple([]), d=box("float32", 0)),
    "nothing": spaces.Dict(),
    "sequence": pufferlib.spaces.Sequence(spaces.Dict(x=box("int8"), y=box("float64", 2)), max_length=3),
    "oneof": spaces.OneOf([box("int8", 3), spaces.Dict(a=box("float32"))]),
    "graph": pufferlib.spaces.Graph(box("float32", 2), spaces.Discrete(3), max_nodes=4, max_edges=5),
}


@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("name", SPACES)
def test_nativize_tensor__equals_the_numpy_views(name, rows):
    """Torch's views and NumPy's agree in structure, dtype, shape, values and address."""
    batch = rows_of(SPACES[name])
    layout = compile_layout(SPACES[name])

    native = nativize_tensor(torch.from_numpy(batch[:rows]), nativize_dtype(layout))

    assert_same(native, layout.view(batch), rows)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nativize_tensor__views_every_shared_dtype(dtype):
    """Each dtype that NumPy and torch share comes out of mixed rows as itself."""
    space = spaces.Dict(a=spaces.Box(0, 1, (), np.int8), b=box(dtype, 2), c=spaces.Box(0, 1, (), np.float64))
    batch = rows_of(space)

    native = nativize_tensor(torch.from_numpy(batch), nativize_dtype(compile_layout(space)))

    assert native["b"].dtype == torch_dtype(np.dtype(dtype))
    np.testing.assert_array_equal(native["b"].numpy(), compile_layout(space).view(batch)["b"])


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=NEEDS_CUDA)])
def test_nativize_tensor__views_on_any_device(device):
    """The views stay on the device of the rows, in the same storage."""
    space = every_dtype()
    rows = torch.from_numpy(rows_of(space)).to(device)
    views = nativize_tensor(rows, nativize_dtype(compile_layout(space)))["inner"]

    for dtype, view in views.items():
        assert view.device == rows.device and view.dtype == torch_dtype(np.dtype(dtype))
        assert view.untyped_storage()._cdata == rows.untyped_storage()._cdata


def test_nativize_tensor__writes_reach_the_row():
    """A view is the row itself: writing through it changes the packed bytes."""
    space = spaces.Dict(a=box("int8"), b=box("int32", 2))
    batch = torch.from_numpy(rows_of(space))

    nativize_tensor(batch, nativize_dtype(compile_layout(space)))["b"][1, 1] = 7

    assert compile_layout(space).view(batch.numpy())["b"][1, 1] == 7


def test_nativize_tensor__keeps_any_leading_dimensions():
    """Sequences (B, T, R) and single rows (R,) unpack like batches."""
    space = every_dtype()
    dtype = nativize_dtype(compile_layout(space))
    batch = torch.from_numpy(rows_of(space, 6))
    flat = nativize_tensor(batch, dtype)["inner"]["float16"]

    folded = nativize_tensor(batch.view(2, 3, -1), dtype)["inner"]["float16"]
    single = nativize_tensor(batch[4], dtype)["inner"]["float16"]

    assert torch.equal(folded, flat.unflatten(0, (2, 3)))
    assert torch.equal(single, flat[4])


def test_nativize_tensor__views_slices_of_a_batch():
    """Minibatches of whole rows, with a step too, are views of the same memory."""
    space = spaces.Dict(a=box("int8"), b=box("int32"))
    dtype = nativize_dtype(compile_layout(space))
    batch = torch.from_numpy(rows_of(space, 7))

    sliced = nativize_tensor(batch[1::2], dtype)["b"]

    assert torch.equal(sliced, nativize_tensor(batch, dtype)["b"][1::2])


def test_nativize_tensor__box_passes_through():
    """A plain Box is its own structure, in any dtype, as the documented samples feed it."""
    frames = torch.rand(2, 4, 4, 3)

    assert nativize_tensor(frames, nativize_dtype(compile_layout(box("uint8", 4, 4, 3)))) is frames


def test_nativize_tensor__keeps_gradients_of_float_rows():
    """Where all leaves are float32, a saliency map can be taken through the views."""
    space = spaces.Dict(a=box("float32"), b=box("float32", 2))
    rows = torch.from_numpy(rows_of(space)).requires_grad_()

    nativize_tensor(rows, nativize_dtype(compile_layout(space)))["b"].sum().backward()

    assert rows.grad is not None and rows.grad.tolist() == [[0, 1, 1]] * 3


def test_nativize_tensor__views_rows_without_bytes():
    """Where a whole observation has no bytes, its leaves are empty, in their own dtypes and shapes."""
    space = spaces.Tuple([spaces.Text(0, min_length=0, charset="ab"), box("int16", 0, 2)])
    rows = torch.zeros((3, 0), dtype=torch.uint8)

    leaves = nativize_tensor(rows, nativize_dtype(compile_layout(space)))

    assert (leaves["f0"].shape, leaves["f0"].dtype) == ((3, 0), torch.uint8)
    assert (leaves["f1"].shape, leaves["f1"].dtype) == ((3, 0, 2), torch.int16)


def test_nativize_tensor__rejects_rows_cast_to_float():
    """`torch.Tensor(obs)` casts bytes to float32; the error says so and what to call."""
    space = spaces.Dict(a=box("int8"), b=box("int32"))
    rows = torch.Tensor(rows_of(space))

    with pytest.raises(TensorMismatch, match=r"rows of 8 torch.uint8.*\(3, 8\) torch.float32.*torch.as_tensor"):
        nativize_tensor(rows, nativize_dtype(compile_layout(space)))


@pytest.mark.parametrize(
    ("rows", "got"),
    [
        (torch.zeros(2, 9, dtype=torch.uint8), "(2, 9)"),
        (torch.zeros((), dtype=torch.uint8), "()"),
        (torch.zeros(8, 2, dtype=torch.uint8).T, "strides (1, 2)"),
        (torch.zeros(2, 16, dtype=torch.uint8)[:, 1:9], "from element 1"),
        (torch.zeros(2, 10, dtype=torch.uint8)[:, :8], "strides (10, 1)"),
    ],
)
def test_nativize_tensor__rejects_what_cannot_be_viewed(rows, got):
    """A wrong size, transposed rows and misaligned rows raise one clear error, not torch's."""
    dtype = nativize_dtype(compile_layout(spaces.Dict(a=box("int8"), b=box("int32"))))

    with pytest.raises(TensorMismatch) as caught:
        nativize_tensor(rows, dtype)

    assert got in str(caught.value)


def test_nativize_dtype__takes_the_documented_forms():
    """`env.emulated`, its layout and the bare dtype of rows compile to the same."""
    space = every_dtype()
    layout = compile_layout(space)
    emulated = Emulated(layout, compile_action_layout(spaces.Discrete(2)))

    assert nativize_dtype(emulated) == nativize_dtype(layout) == nativize_dtype(layout.dtype)


def test_nativize_dtype__says_where_leaves_lie():
    """The compiled tree holds dtype, shape, byte offset and size of each leaf."""
    dtype = nativize_dtype(np.dtype([("a", "i1"), ("b", [("c", "f4", (2, 3))])], align=True))

    assert dtype.row_dtype == torch.uint8 and dtype.row_size == 28 and dtype.alignment == 4
    assert dtype.tree == {
        "a": NativeLeaf(torch.int8, (), 0, 1),
        "b": {"c": NativeLeaf(torch.float32, (2, 3), 4, 24)},
    }


def test_nativize_dtype__names_the_leaf_that_torch_lacks():
    """A long double has no torch dtype."""
    space = np.dtype([("a", "i1"), ("b", [("c", np.longdouble)])], align=True)

    with pytest.raises(UnsupportedSpace, match=r"obs\['b'\]\['c'\].*torch has no dtype"):
        nativize_dtype(space)


def test_layer_init__is_orthogonal_with_a_constant_bias():
    """The weight's rows are orthogonal with norm `std`; the layer comes back for chaining."""
    layer = layer_init(torch.nn.Linear(8, 3), std=0.5, bias_const=0.25)

    torch.testing.assert_close(layer.weight @ layer.weight.T, torch.eye(3) * 0.25)
    assert layer.bias.tolist() == [0.25] * 3


def test_layer_init__accepts_layers_without_bias():
    """Convolutions and layers without a bias are initialised alike."""
    layer = layer_init(torch.nn.Conv2d(2, 3, 2, bias=False), std=1)

    weight = layer.weight.flatten(1)
    torch.testing.assert_close(weight @ weight.T, torch.eye(3))
