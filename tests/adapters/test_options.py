"""Names and options that an adapter doesn't know are refused, and the message names what is near."""

from __future__ import annotations

import pytest

from pufferlib.environments._options import check_choice, check_int, check_name, fill_options, nearest
from pufferlib.exceptions import ConfigError, UnknownEnvironment

DEFAULTS = {"level": 0, "observer": "vector", "sticky": False}


def test_check_name__knows_what_is_there():
    """A known name passes; another is answered with those that look like it, whatever their case."""
    check_name("Maze", ["Maze", "Miner"])

    with pytest.raises(UnknownEnvironment) as raised:
        check_name("maze2", ["Maze", "Miner", "coinrun"])
    assert raised.value.nearest == ("Maze",)


def test_fill_options__puts_the_users_over_the_defaults():
    """What isn't given keeps its default, and neither dict is changed."""
    given = {"level": 3}

    assert fill_options("game", given, DEFAULTS) == {"level": 3, "observer": "vector", "sticky": False}
    assert given == {"level": 3}
    assert DEFAULTS["level"] == 0


@pytest.mark.parametrize(
    ("options", "defaults", "words"),
    [
        ({"levle": 3}, DEFAULTS, "levle: game has no such option. Did you mean level?"),
        ({"x": 3}, DEFAULTS, "Did you mean level, observer, sticky?"),
        ({"x": 3}, {}, "x: game has no such option. It has none at all."),
        ({"sticky": 1}, DEFAULTS, "sticky: it can't be 1. Choose True or False."),
    ],
)
def test_fill_options__refuses_what_there_is_not(options, defaults, words):
    """An unknown option is answered with the nearest ones, or with all; a switch takes nothing but a bool."""
    with pytest.raises(ConfigError) as raised:
        fill_options("game", options, defaults)

    assert words in str(raised.value)


@pytest.mark.parametrize("value", [1, True, "1", None, 2.0])
def test_check_choice__compares_types_too(value):
    """True isn't 1, and 1 isn't "1"."""
    choices = [1, "1"]
    if any(value is choice for choice in choices):
        check_choice("size", value, choices)
        return
    with pytest.raises(ConfigError, match="size: it can't be"):
        check_choice("size", value, choices)


@pytest.mark.parametrize(
    ("value", "is_fine"), [(0, True), (9, True), (-1, False), (10, False), (True, False), (1.0, False)]
)
def test_check_int__takes_whole_numbers_inside_the_bounds(value, is_fine):
    """Both bounds belong to the range; a bool and a float don't."""
    if is_fine:
        check_int("level", value, 0, 9)
        return
    with pytest.raises(ConfigError, match="Choose a whole number from 0 to 9"):
        check_int("level", value, 0, 9)


def test_nearest__picks_three_at_most():
    """The best come first, spelled as they are; nothing is near a name like no other."""
    assert nearest("GAME-1", ["game-2", "Game-1", "game-3", "game-4"])[0] == "Game-1"
    assert len(nearest("game", ["game-1", "game-2", "game-3", "game-4"])) == 3
    assert nearest("zzz", ["game"]) == []
