"""Layouts of observation spaces: what rows look like, what is refused, and what the errors say."""

from collections import OrderedDict
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

import pufferlib.spaces
from pufferlib.exceptions import ObservationMismatch, UnsupportedSpace
from pufferlib.spaces import compile_layout, emulated_of

NESTED = spaces.Dict(
    {"position": spaces.Box(-1, 1, (3,)), "item": spaces.Discrete(5), "bag": spaces.Tuple((spaces.MultiBinary(2),))}
)


def test_layout__box_passes_through_untouched():
    """A Box keeps its shape, dtype and bounds: the flat space is the same object."""
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    layout = compile_layout(space)

    assert layout.is_passthrough and layout.flat_space is space
    value = space.sample()
    assert np.array_equal(layout.pack(value), value)


def test_layout__leaves_of_one_dtype_keep_it():
    """Rows of float32 leaves are float32 vectors with the leaves' bounds."""
    space = spaces.Dict(a=spaces.Box(-1, 1, (2,)), b=spaces.Tuple((spaces.Box(0, 5, (1, 2)),)))
    flat = compile_layout(space).flat_space

    assert flat.dtype == np.float32 and flat.shape == (4,)
    assert flat.low.tolist() == [-1, -1, 0, 0] and flat.high.tolist() == [1, 1, 5, 5]


def test_layout__leaves_of_several_dtypes_become_aligned_bytes():
    """Rows of mixed leaves are bytes, and every leaf starts at a multiple of its alignment."""
    layout = compile_layout(NESTED)

    assert layout.flat_space == spaces.Box(0, 255, (layout.size_bytes,), np.uint8)
    assert all(leaf.offset % leaf.dtype.alignment == 0 for leaf in layout.leaves)
    assert {leaf.path for leaf in layout.leaves} == {("bag", "f0"), ("item",), ("position",)}


def test_view__shares_memory_with_the_rows():
    """Writing through a view changes the packed bytes: nothing was copied."""
    layout = compile_layout(NESTED)
    rows = np.zeros((2, layout.size_bytes), np.uint8)

    layout.view(rows)["item"][1] = 4

    assert layout.unpack(rows[1])["item"] == 4


def test_view__takes_no_rows():
    """A batch without rows has views without rows."""
    layout = compile_layout(NESTED)

    views = layout.view(np.zeros((0, layout.size_bytes), np.uint8))

    assert views["position"].shape == (0, 3)


@pytest.mark.parametrize("observation", [spaces.Dict({}), spaces.MultiDiscrete([[2, 3]])])
def test_emulated_of__takes_spaces_that_are_empty_or_have_no_truth_value(observation):
    """Layouts are found for spaces that Python counts as false, or can't count."""
    env = SimpleNamespace(single_observation_space=observation, single_action_space=spaces.Discrete(2))

    assert emulated_of(env).observation.space == observation


def test_view__refuses_rows_that_were_cast():
    """Rows that went through torch.Tensor() are float32 and hold no leaves any more: the error says so."""
    layout = compile_layout(NESTED)

    with pytest.raises(ValueError, match="are uint8, but these are float32"):
        layout.view(np.zeros((2, layout.size_bytes), np.float32))


def test_pack__keeps_non_string_keys():
    """Dict spaces with integer keys come back with integer keys."""
    space = spaces.Dict({1: spaces.Discrete(3), 2: spaces.Discrete(4)})  # type: ignore[dict-item]
    layout = compile_layout(space)

    assert layout.unpack(layout.pack({1: 2, 2: 3})) == {1: 2, 2: 3}


@pytest.mark.parametrize(
    ("space", "value", "expected"),
    [
        (spaces.Box(-1, 1, (2,)), [0.5, 1.0], np.array([0.5, 1.0], np.float32)),
        (spaces.Box(-1, 1, (2,)), np.array([0.5, 1.0], np.float16), np.array([0.5, 1.0], np.float32)),
        (spaces.Box(-1, 1, (2, 2)), np.arange(4, dtype=np.float32).reshape(2, 2).T, [[0, 2], [1, 3]]),
        (spaces.Box(-5, 5, (2,), np.int32), np.array([1, 2], ">i4"), [1, 2]),
        (spaces.Discrete(4), np.array(3), 3),
        (spaces.Discrete(4), np.uint8(3), 3),
        (spaces.Discrete(4), True, 1),
        (spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3))), [1, 2], (1, 2)),
        (spaces.Dict(a=spaces.Discrete(2)), OrderedDict(a=1), {"a": 1}),
        (pufferlib.spaces.Sequence(spaces.Discrete(3), 4), [2, 1], (2, 1)),
    ],
)
def test_pack__takes_what_gymnasium_users_return(space, value, expected):
    """Lists, other integer types, big-endian and non-contiguous arrays pack to the same values."""
    layout = compile_layout(space)
    unpacked = layout.unpack(layout.pack(value))

    assert np.array_equal(unpacked, expected) if isinstance(unpacked, np.ndarray) else unpacked == expected


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (spaces.Box(-1, 1, (2,)), np.zeros(3, np.float32), r"the root should be .*shape \(2,\).*shape \(3,\)"),
        (spaces.Box(-1, 1, (2,)), np.zeros(2, np.float64), "array of float64"),
        (spaces.Box(0, 9, (2,), np.uint8), np.array([1, 300]), "array of uint8"),
        (spaces.Box(0, 9, (1,), np.uint8), ["x"], "a list of length 1"),
        (spaces.Discrete(3), 3, "it is a int: 3"),
        (spaces.Discrete(3), -1, "it is a int: -1"),
        (spaces.Discrete(3), 2**70, "it is a int"),
        (spaces.Discrete(3), 1.0, "it is a float: 1.0"),
        (spaces.Discrete(3), np.array([1]), r"shape \(1,\)"),
        (spaces.Text(3, charset="ab"), "abba", "a str of length 4"),
        (spaces.Text(3, charset="ab"), "ac", "out of 'ab'"),
        (spaces.Text(3, charset="ab"), b"a", "it is a bytes"),
        (spaces.Dict(a=spaces.Discrete(2)), {"b": 1}, r"keys \['a'\].*keys \['b'\]"),
        (spaces.Dict(a=spaces.Discrete(2)), {"a": 1, "b": 1}, r"keys \['a', 'b'\]"),
        (spaces.Dict(a=spaces.Discrete(2)), {}, r"keys \[\]"),
        (spaces.Dict(a=spaces.Discrete(2)), None, "a NoneType"),
        (spaces.Dict(a=spaces.Tuple((spaces.Discrete(2),))), {"a": (5,)}, r"\['a'\]\['f0'\] should be"),
        (spaces.Tuple((spaces.Discrete(2),)), (1, 1), "a tuple of 1 values"),
        (pufferlib.spaces.Sequence(spaces.Discrete(3), 2), (1, 1, 1), "at most 2 elements"),
        (pufferlib.spaces.Sequence(spaces.Discrete(3), 2), 7, "a tuple with at most 2"),
        (pufferlib.spaces.Sequence(spaces.Box(0, 1, (1,)), 2, stack=True), np.zeros((3, 1), np.float32), "at most 2"),
        (spaces.OneOf((spaces.Discrete(2),)), (1, 0), "choice from 0 to 0"),
        (spaces.OneOf((spaces.Discrete(2),)), 3, "choice from 0 to 0"),
    ],
)
def test_pack__names_the_leaf_that_does_not_fit(space, value, message):
    """A value outside of its space raises an error with the leaf, what was promised and what came."""
    with pytest.raises(ObservationMismatch, match=message):
        compile_layout(space).pack(value)


def test_pack_into__refuses_rows_of_another_layout():
    """Rows of a wrong shape, dtype, order or index, and read-only rows, raise instead of writing elsewhere."""
    layout = compile_layout(NESTED)
    value = NESTED.sample()
    good = np.zeros((2, layout.size_bytes), np.uint8)
    frozen = good.copy()
    frozen.flags.writeable = False

    for rows in (good[:, :-1].copy(), good.astype(np.int8), np.asfortranarray(good), good[0], good.tolist(), frozen):
        with pytest.raises(ValueError, match=r"row"):
            layout.pack_into(value, rows, 0)
    for index in (2, -1):
        with pytest.raises(IndexError, match="of 2 rows"):
            layout.pack_into(value, good, index)


def test_unpack__refuses_rows_that_hold_no_value():
    """Lengths, choices and characters that the space doesn't have raise instead of reading elsewhere."""
    sequence = compile_layout(pufferlib.spaces.Sequence(spaces.Box(0, 1, (2,)), 3))
    row = sequence.pack(())
    row[:4] = 255

    with pytest.raises(ValueError, match="has length -1"):
        sequence.unpack(row)
    with pytest.raises(ValueError, match="character code 9"):
        compile_layout(spaces.Text(2, charset="ab")).unpack(np.array([9, 0], np.uint8))
    with pytest.raises(ValueError, match="choice 7"):
        compile_layout(spaces.OneOf((spaces.Discrete(2),))).unpack(np.array([7, 0]))


class CustomSpace(gymnasium.Space):
    """A space of the user's own."""


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Dict(a=spaces.Sequence(spaces.Discrete(2))), r"\['a'\]: it has no declared maximum.*Sequence"),
        (spaces.Graph(spaces.Discrete(2), None), "it has no declared maximum.*Graph"),
        (spaces.Tuple((spaces.Box(0, 1, (1,), np.dtype(">f4")),)), r"\['f0'\].*>f4.*byte order.*Use float32"),
        (CustomSpace(), "CustomSpace isn't one of Gymnasium's spaces"),
        (spaces.Dict({1: spaces.Discrete(2), "1": spaces.Discrete(2)}), "must be different"),  # type: ignore[dict-item]
    ],
)
def test_layout__says_which_leaf_has_no_flat_form(space, message):
    """Spaces that can't be emulated raise when the layout is made, with the leaf, the reason and the remedy."""
    with pytest.raises(UnsupportedSpace, match=message):
        compile_layout(space)


def test_layout__takes_a_maximum_set_on_gymnasium_s_own_sequence():
    """Third-party spaces needn't be rebuilt: an attribute declares the maximum."""
    space = spaces.Sequence(spaces.Discrete(3))
    space.max_length = 4  # type: ignore[attr-defined]
    layout = compile_layout(space)

    assert layout.unpack(layout.pack((1, 2))) == (1, 2)


def test_declared_spaces__sample_within_their_maxima():
    """Samples of Sequence and Graph never exceed what was declared, and longer values aren't in the space."""
    sequence = pufferlib.spaces.Sequence(spaces.Discrete(3), 2, seed=1)
    graph = pufferlib.spaces.Graph(spaces.Discrete(3), spaces.Discrete(2), max_nodes=3, max_edges=4, seed=1)

    lengths = {len(sequence.sample()) for _ in range(100)}
    assert pufferlib.spaces.Sequence(spaces.Discrete(3), 0).sample() == ()
    graphs = [graph.sample() for _ in range(100)]

    assert lengths == {0, 1, 2}
    assert all(graph.contains(value) for value in graphs)
    assert {len(value.nodes) for value in graphs} == {1, 2, 3}
    assert (0, 0, 0) not in sequence
    assert gymnasium.spaces.GraphInstance(np.zeros(4, np.int64), None, None) not in graph


def test_layout__is_collected_when_nobody_uses_it():
    """Layouts of short-lived environments don't stay in memory."""
    import gc
    import weakref

    class Marker(spaces.Discrete):
        """A space that can be watched."""

    space = Marker(3)
    watch = weakref.ref(space)
    layout = compile_layout(spaces.Dict(a=space))
    layout.pack({"a": 1})
    del layout, space
    gc.collect()

    assert watch() is None


def test_pack__does_not_care_about_the_order_of_keys():
    """Dicts whose keys come in another order than last time, or as other objects, pack to the same row."""
    layout = compile_layout(NESTED)
    value = NESTED.sample()
    shuffled = {"".join(key): value[key] for key in reversed(list(value))}
    row = layout.pack(value)

    assert all(np.array_equal(layout.pack(one), row) for one in (shuffled, value, value, shuffled, shuffled))
