"""Makes games repeatable that share one Java machine, whose dice and counters are global and can't be seeded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

# Static generators that the game and the bots which can be seeded draw from: class, field.
_SHARED = (("util.Sampler", "generator"), ("rts.PlayerActionGenerator", "r"), ("rts.GameState", "r"))
_MASK = (1 << 64) - 1


class Dice:
    """One game's own random numbers and numbers of units.

    Units are counted through the whole process, and their numbers decide the order in which some bots think of them.
    """

    def __init__(self, jpype: Any) -> None:
        self._jpype = jpype
        self._random = jpype.JClass("java.util.Random")
        self._is_static = jpype.JClass("java.lang.reflect.Modifier").isStatic
        self._unit = jpype.JClass("rts.units.Unit")
        self._shared = [self._read_static(*place) for place in _SHARED]
        self._state = 0
        self._next_unit = 0

    def restart(self, seed: int) -> None:
        """Begins again, with a seed of 64 bits."""
        self._state, self._next_unit = seed, 0

    def seed_bot(self, bot: Any) -> None:
        """Seeds the generators that a bot keeps in its own fields."""
        java_class = bot.getClass()
        while java_class is not None:
            for field in java_class.getDeclaredFields():
                if self._random.class_.equals(field.getType()) and not self._is_static(field.getModifiers()):
                    field.setAccessible(True)
                    field.get(bot).setSeed(self._draw())
            java_class = java_class.getSuperclass()

    @contextlib.contextmanager
    def rolled(self) -> Iterator[None]:
        """Puts this game's numbers into the shared places for the time of a block."""
        for shared in self._shared:
            shared.setSeed(self._draw())
        self._unit.next_ID = self._next_unit
        try:
            yield
        finally:
            self._next_unit = int(self._unit.next_ID)

    def _draw(self) -> int:
        """Draws a seed for Java, a signed number of 64 bits (splitmix64)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        mixed ^= mixed >> 31
        return mixed - (1 << 64) if mixed >> 63 else mixed

    def _read_static(self, name: str, field_name: str) -> Any:
        field = self._jpype.JClass(name).class_.getDeclaredField(field_name)
        field.setAccessible(True)
        return field.get(None)
