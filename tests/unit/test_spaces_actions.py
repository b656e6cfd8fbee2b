"""Layouts of action spaces: which flat space they get, and that every flat action means an original one."""

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pufferlib.spaces
from pufferlib.exceptions import ActionMismatch, UnsupportedSpace
from pufferlib.spaces import compile_action_layout
from space_strategies import boxes, discretes, multibinaries, multidiscretes, same, texts, values


def action_spaces():
    """Trees of action spaces. Boxes without dims are left out: Gymnasium warns of its own samples of them."""
    leaves = st.one_of(
        discretes().filter(lambda space: abs(int(space.start)) < 2**31),
        multidiscretes(),
        multibinaries(),
        texts(),
        boxes().filter(lambda space: space.dtype in (np.float32, np.float64, np.bool_, np.uint8) and space.shape != ()),
    )

    def extend(children):
        return st.one_of(
            st.dictionaries(st.text("abc", min_size=1, max_size=2), children, max_size=3).map(spaces.Dict),
            st.lists(children, max_size=3).map(lambda parts: spaces.Tuple(tuple(parts))),
            st.lists(children, min_size=1, max_size=3).map(lambda parts: spaces.OneOf(tuple(parts))),
            st.builds(pufferlib.spaces.Sequence, children, st.integers(0, 3)),
        )

    return st.recursive(leaves, extend, max_leaves=5)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(action_spaces().flatmap(lambda space: st.tuples(st.just(space), values(space))))
def test_unpack__is_the_inverse_of_pack(case):
    """Any action of any tree survives the way through the flat action, bit for bit."""
    space, action = case
    layout = compile_action_layout(space)

    flat = layout.pack(action) if action in space else None

    assert flat is None or same(layout.unpack(flat), action)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(action_spaces(), st.integers(0, 9))
def test_unpack__makes_a_valid_action_of_every_flat_one(space, seed):
    """Whatever is sampled from the flat space is an action of the original one."""
    layout = compile_action_layout(space)
    layout.flat_space.seed(seed)
    flat = layout.flat_space.sample()

    assert layout.unpack(flat) in space


@pytest.mark.parametrize(
    "space",
    [spaces.Discrete(4), spaces.MultiDiscrete([2, 3]), spaces.Box(-2, 2, (2, 3)), spaces.Box(0, 9, (2,), np.uint8)],
)
def test_action_layout__simple_spaces_pass_through(space):
    """Discrete, MultiDiscrete and Box actions aren't touched: same space, same objects."""
    layout = compile_action_layout(space)
    action = space.sample()

    assert layout.is_passthrough and layout.flat_space is space
    assert layout.unpack(action) is action


@pytest.mark.parametrize(
    ("space", "kind", "flat"),
    [
        (spaces.Discrete(4, start=2), "discrete", spaces.Discrete(4)),
        (spaces.MultiDiscrete([[2, 3]]), "multidiscrete", spaces.MultiDiscrete([2, 3])),
        (spaces.MultiBinary(2), "multidiscrete", spaces.MultiDiscrete([2, 2])),
        (spaces.Dict(a=spaces.Discrete(3), b=spaces.MultiBinary(1)), "multidiscrete", spaces.MultiDiscrete([3, 2])),
        (
            spaces.Tuple((spaces.Box(-1, 1, (2,)), spaces.Box(0, 5, ()))),
            "continuous",
            spaces.Box(np.float32([-1, -1, 0]), np.float32([1, 1, 5])),
        ),
        (
            spaces.Dict(a=spaces.Box(-1, 1, (1,)), b=spaces.Discrete(3)),
            "mixed",
            spaces.Box(np.float32([0, -1]), np.float32([2, 1])),
        ),
    ],
)
def test_action_layout__flattens_trees(space, kind, flat):
    """Trees get the flat space of their kind; mixed ones hold the discrete entries first."""
    layout = compile_action_layout(space)

    assert (layout.kind, layout.flat_space) == (kind, flat)


def test_action_layout__mixed_rows_tell_their_parts():
    """A mixed layout names the sizes of its discrete entries and the bounds of its continuous ones."""
    layout = compile_action_layout(spaces.Dict(fire=spaces.Discrete(3, start=1), aim=spaces.Box(-2, 2, (2,))))

    assert layout.nvec == (3,) and layout.num_continuous == 2
    assert layout.low.tolist() == [-2, -2] and layout.high.tolist() == [2, 2]
    action = layout.unpack(np.array([2, 0.5, -1], np.float32))
    assert action["fire"] == 3 and action["aim"].tolist() == [0.5, -1]


def test_unpack_batch__agrees_with_unpack():
    """Many actions at once mean the same as one by one."""
    space = spaces.Dict(a=spaces.Discrete(3), b=spaces.Box(-1, 1, (2,)))
    layout = compile_action_layout(space)
    rows = np.stack([layout.flat_space.sample() for _ in range(5)])

    assert all(same(a, layout.unpack(row)) for a, row in zip(layout.unpack_batch(rows), rows, strict=True))


@pytest.mark.parametrize("row", [[3, 0], [-1, 0], [0.2, np.nan], [0, 0, 0], [0]])
def test_unpack__refuses_entries_outside_of_the_space(row):
    """A discrete entry out of range, or a wrong number of entries, is an error that shows both."""
    layout = compile_action_layout(spaces.Tuple((spaces.Discrete(3), spaces.MultiBinary(1))))

    with pytest.raises(ActionMismatch, match="The action should be"):
        layout.unpack(np.array(row))


def test_pack__refuses_actions_outside_of_the_space():
    """Packing what isn't an action raises."""
    with pytest.raises(ActionMismatch, match="Discrete"):
        compile_action_layout(spaces.Discrete(3, start=1)).pack(0)


def test_action_layout__refuses_graphs():
    """Graph actions raise at once, with the reason."""
    graph = pufferlib.spaces.Graph(spaces.Discrete(2), None, max_nodes=2, max_edges=0)

    with pytest.raises(UnsupportedSpace, match="actions can't be Graphs"):
        compile_action_layout(spaces.Dict(a=graph))
