"""Assembles a small free Game Boy program that stands in for Pokemon Red where nobody owns the game.

It keeps its numbers at the places in memory where Pokemon Red keeps them, so the whole environment can be tested:
every press of the pad moves one tile, A enters the next map, B sets event flags, Start raises the level of the only
party member, Select wins a badge. The picture scrolls with the tiles and changes its shades with the map. All of it
is written for this project; nothing is taken from a game, not even the logo that a real Game Boy would ask for.
"""

from __future__ import annotations

from pufferlib.environments.pokemon_red import _memory as memory

SIZE_BYTES = 32 * 1024
START_FRAMES = 200  # the emulator's own start-up picture is gone by then
_ENTRY, _TITLE, _CODE = 0x100, 0x134, 0x150
_ALWAYS, _IF_NOT_ZERO, _IF_ZERO = 0xC3, 0xC2, 0xCA  # opcodes of jumps
_BUTTONS_BEFORE = 0x80  # in high memory: which buttons were down in the last frame


class _Assembler:
    """Collects machine code and fills in jumps."""

    def __init__(self) -> None:
        self.code = bytearray()
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []

    def emit(self, *values: int) -> None:
        """Appends bytes."""
        self.code.extend(values)

    def label(self, name: str) -> None:
        """Names the next address."""
        self._labels[name] = len(self.code)

    def jump(self, opcode: int, name: str) -> None:
        """Appends one of the jumps below to a label."""
        self.emit(opcode, 0, 0)
        self._jumps.append((len(self.code) - 2, name))

    def finish(self) -> bytes:
        """Resolves the jumps."""
        for place, name in self._jumps:
            self.code[place : place + 2] = bytes(_word(_CODE + self._labels[name]))
        return bytes(self.code)


def build() -> bytes:
    """Returns the whole ROM, with a valid header."""
    rom = bytearray(SIZE_BYTES)
    rom[_ENTRY : _ENTRY + 4] = bytes([0x00, 0xC3, *_word(_CODE)])  # nop; jp
    title = b"PUFFTEST"
    rom[_TITLE : _TITLE + len(title)] = title
    code = _program()
    rom[_CODE : _CODE + len(code)] = code
    check = 0
    for value in rom[_TITLE:0x14D]:
        check = (check - value - 1) & 0xFF
    rom[0x14D] = check
    total = sum(rom) & 0xFFFF
    rom[0x14E], rom[0x14F] = total >> 8, total & 0xFF
    return bytes(rom)


def _program() -> bytes:
    asm = _Assembler()
    _start(asm)
    asm.label("main")
    asm.label("before blank")
    asm.emit(0xF0, 0x44, 0xFE, 144)  # wait for line 144
    asm.jump(_IF_NOT_ZERO, "before blank")
    _read_buttons(asm)
    level, events, badges = memory.PARTY + memory.LEVEL, memory.EVENTS, memory.BADGES
    for bit, (address, *change) in {
        4: (memory.X, 0x34),  # right: inc (hl)
        5: (memory.X, 0x35),  # left: dec (hl)
        6: (memory.Y, 0x35),
        7: (memory.Y, 0x34),
        0: (memory.MAP, 0x34),  # A
        1: (events, 0x34),  # B
        2: (badges, 0x7E, 0x37, 0x17, 0x77),  # Select: shift a one in
        3: (level, 0x34),  # Start
    }.items():
        asm.emit(0xCB, 0x41 + 8 * bit)  # bit n of c
        asm.jump(_IF_ZERO, f"no {bit}")
        asm.emit(0x21, *_word(address), *change)
        asm.label(f"no {bit}")
    for address, register in ((memory.X, 0x43), (memory.Y, 0x42)):  # scroll 16 pixels a tile
        asm.emit(0xFA, *_word(address), 0xCB, 0x37, 0xE6, 0xF0, 0xE0, register)
    asm.emit(0x06, 0xE4, 0xFA, *_word(memory.MAP), 0xE6, 0x01)  # b = shades, inverted on odd maps
    asm.jump(_IF_ZERO, "even")
    asm.emit(0x06, 0x1B)
    asm.label("even")
    asm.emit(0x78, 0xE0, 0x47)
    asm.label("in blank")
    asm.emit(0xF0, 0x44, 0xFE, 144)  # leave line 144
    asm.jump(_IF_ZERO, "in blank")
    asm.jump(_ALWAYS, "main")
    return asm.finish()


def _start(asm: _Assembler) -> None:
    """Draws a pattern and sets the numbers of a fresh game: one party member of level 5 with 10 of 20 hit points."""
    asm.emit(0xF3, 0x31, 0xFE, 0xFF)  # no interrupts; stack
    asm.label("first blank")
    asm.emit(0xF0, 0x44, 0xFE, 145)
    asm.jump(_IF_NOT_ZERO, "first blank")
    asm.emit(0xAF, 0xE0, 0x40)  # screen off
    for name, address, end in (("tiles", 0x8000, 0x90), ("tile map", 0x9800, 0x9C)):
        asm.emit(0x21, *_word(address))
        asm.label(name)
        asm.emit(0x7D, 0xAC, 0x22, 0x7C, 0xFE, end)  # (hl+) = l xor h, until h is the end
        asm.jump(_IF_NOT_ZERO, name)
    asm.emit(0xAF, 0xE0, _BUTTONS_BEFORE)
    member = memory.PARTY
    zeros = [memory.X, memory.Y, memory.MAP, memory.BADGES, memory.EVENTS, memory.BATTLE]
    values = {
        memory.PARTY_COUNT: 1,
        member + memory.LEVEL: 5,
        member + memory.HP + 1: 10,
        member + memory.MAX_HP + 1: 20,
    }
    for address in zeros:
        asm.emit(0xEA, *_word(address))
    for address, value in values.items():
        asm.emit(0x3E, value, 0xEA, *_word(address))
    asm.emit(0x3E, 0x91, 0xE0, 0x40)  # screen on


def _read_buttons(asm: _Assembler) -> None:
    """Leaves in register c the buttons that have just gone down: A, B, Select, Start, right, left, up, down."""
    asm.emit(0x3E, 0x20, 0xE0, 0x00, 0xF0, 0x00, 0xF0, 0x00, 0x2F, 0xE6, 0x0F, 0xCB, 0x37, 0x47)  # b = pad << 4
    asm.emit(0x3E, 0x10, 0xE0, 0x00, 0xF0, 0x00, 0xF0, 0x00, 0x2F, 0xE6, 0x0F, 0xB0, 0x47)  # b |= buttons
    asm.emit(0xF0, _BUTTONS_BEFORE, 0x2F, 0xA0, 0x4F)  # c = b and not before
    asm.emit(0x78, 0xE0, _BUTTONS_BEFORE)


def _word(value: int) -> tuple[int, int]:
    return value & 0xFF, value >> 8
