"""Where Pokemon Red (English) keeps its numbers, and how they are read.

The addresses are those of the public disassembly (github.com/pret/pokered), where each has the name in the comment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

BATTLE = 0xD057  # wIsInBattle: 0 no, 1 against a wild one, 2 against a trainer, 0xFF lost
PARTY_COUNT = 0xD163  # wPartyCount
PARTY = 0xD16B  # wPartyMons: six members
MEMBER_SIZE = 44  # bytes of a member
HP, LEVEL, MAX_HP = 1, 33, 34  # in a member; hit points are two bytes, the high one first
BADGES = 0xD356  # wObtainedBadges: a bit each
MAP = 0xD35E  # wCurMap
Y = 0xD361  # wYCoord
X = 0xD362  # wXCoord
EVENTS = 0xD747  # wEventFlags: a bit each
EVENT_BYTES = 320
MAX_PARTY = 6
NUM_EVENTS = 8 * EVENT_BYTES


class Facts(NamedTuple):
    """What the environment reads from memory after every action."""

    map_id: int
    x: int  # tiles
    y: int
    battle: int  # 0 none, 1 wild, 2 trainer, 3 lost
    badges: int  # a bit for each
    events: int  # how many flags are set
    levels: tuple[int, ...]  # of the party's members
    health: tuple[float, ...]  # of the party's members, 0-1
    total_hp: int
    total_max_hp: int


def read_facts(memory: Any) -> Facts:
    """Reads all facts.

    Args:
        memory: bytes by address, single or by slice, such as PyBoy's `memory`.
    """
    members = [
        _member(memory[start : start + MEMBER_SIZE])
        for start in range(PARTY, PARTY + min(memory[PARTY_COUNT], MAX_PARTY) * MEMBER_SIZE, MEMBER_SIZE)
    ]
    return Facts(
        map_id=memory[MAP],
        x=memory[X],
        y=memory[Y],
        battle=min(memory[BATTLE], 3),
        badges=memory[BADGES],
        events=int.from_bytes(memory[EVENTS : EVENTS + EVENT_BYTES]).bit_count(),
        levels=tuple(level for level, _, _ in members),
        health=tuple(min(hp / max_hp, 1.0) if max_hp else 0.0 for _, hp, max_hp in members),
        total_hp=sum(hp for _, hp, _ in members),
        total_max_hp=sum(max_hp for _, _, max_hp in members),
    )


def _member(record: Sequence[int]) -> tuple[int, int, int]:
    """Gives level, hit points and most hit points of a party member."""
    hp, max_hp = (record[place] * 256 + record[place + 1] for place in (HP, MAX_HP))
    return record[LEVEL], hp, max_hp
