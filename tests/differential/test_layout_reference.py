"""The C layouts against a slow one in NumPy, and against the identity, over random spaces and values."""

import pickle

import numpy as np
from hypothesis import HealthCheck, given, settings

import layout_reference
from pufferlib.spaces import compile_layout
from space_strategies import any_space, same, spaces_with_values

SETTINGS = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(spaces_with_values())
def test_pack__agrees_with_the_reference_byte_for_byte(case):
    """Every byte of a row, padding included, is what the slow layout writes, also over a dirty row."""
    space, values = case
    layout = compile_layout(space)
    rows = np.empty((len(values), *layout.flat_space.shape), layout.flat_space.dtype)
    rows.view(np.uint8).fill(0xA5) if rows.nbytes and rows.ndim > 1 else None

    for i, value in enumerate(values):
        layout.pack_into(value, rows, i)

    assert layout.dtype == layout_reference.dtype_of(space)
    for i, value in enumerate(values):
        assert np.ascontiguousarray(rows[i]).tobytes() == layout_reference.pack(space, value)


@SETTINGS
@given(spaces_with_values())
def test_unpack__is_the_inverse_of_pack(case):
    """Unpacking gives back the same value, bit for bit, with the same types."""
    space, values = case
    layout = compile_layout(space)

    for value in values:
        assert same(layout.unpack(layout.pack(value)), value)


@SETTINGS
@given(spaces_with_values())
def test_leaves__lie_where_the_views_are(case):
    """Each leaf's offset, dtype and shape find the bytes that `view` shows."""
    space, values = case
    layout = compile_layout(space)
    rows = np.stack([layout.pack(value) for value in values])
    views = layout.view(rows)
    data = rows.reshape(len(rows), -1).view(np.uint8) if layout.size_bytes else np.zeros((len(rows), 0), np.uint8)

    for leaf in layout.leaves:
        view = views
        for name in leaf.path:
            view = view[name]
        size = leaf.dtype.itemsize * int(np.prod(leaf.shape))
        assert leaf.offset % leaf.dtype.alignment == 0
        assert view.dtype == leaf.dtype and view.shape == (len(rows), *leaf.shape)
        for row, shown in zip(data, view, strict=True):
            assert shown.tobytes() == row[leaf.offset : leaf.offset + size].tobytes()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_space())
def test_layout__survives_pickling(space):
    """A layout that went through pickle packs to the same bytes."""
    space.seed(3)
    layout = compile_layout(space)
    copy = pickle.loads(pickle.dumps(layout))

    assert copy == layout
    assert copy.dtype == layout.dtype and copy.flat_space == layout.flat_space
