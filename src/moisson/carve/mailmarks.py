"""Pages and blocks of Outlook's mail stores, each with its own number, place and sum ([MS-PST] 2.2.2)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE, GRAIN = 512, 64
BLOCKS, NODES, MAP = 0x80, 0x81, 0x84
_MAPS, _EVERY = 0x4400, 496 * 8 * 64
_PAGES, _CHECKED = 4096, 1024
_WIDE = 23
_ONES = 0xFFFFFFFF


class Shape(NamedTuple):
    """Where a store of the older or the newer kind keeps what is needed of it."""

    word: str
    summed: int
    counts: int
    trailer: int
    length: int
    roots: int
    valid: int


_OLDER = Shape("I", 500, 496, 12, 168, 184, 200)
_NEWER = Shape("Q", 496, 488, 16, 184, 216, 248)


class Mark(NamedTuple):
    """A page (by its type) or a block (type 0): its number, where it must lie, how many bytes its sum is over."""

    kind: int
    number: int
    at: int
    size: int

    def room(self, shape: Shape) -> int:
        """The bytes it takes."""
        return PAGE if self.kind else -(-(self.size + shape.trailer) // GRAIN) * GRAIN


def shape(version: int) -> Shape:
    """The layout of a version."""
    return _NEWER if version >= _WIDE else _OLDER


def total(raw: bytes) -> int:
    """The sum of 5.3: that of zlib without its complements."""
    return zlib.crc32(raw, _ONES) ^ _ONES


def signature(mark: Mark) -> int:
    """What 5.5 makes of a number and a place."""
    mixed = (mark.at ^ mark.number) & _ONES
    return 0 if mark.kind == MAP else (mixed >> 16 ^ mixed) & 0xFFFF


def needle(mark: Mark) -> bytes:
    """How the trailer of a page or a block begins."""
    return struct.pack("<BBH" if mark.kind else "<HH", *_told(mark), signature(mark))


def _told(mark: Mark) -> tuple[int, ...]:
    return (mark.kind, mark.kind) if mark.kind else (mark.size,)


def holds(form: Shape, mark: Mark, raw: bytes) -> bool:
    """Whether bytes are the page or the block: its type or length, place, number and sum."""
    room = mark.room(form)
    if len(raw) < room:
        return False
    trailer = raw[room - form.trailer : room]
    if trailer[:4] != needle(mark):
        return False
    check, number = struct.unpack("<IQ", trailer[4:]) if form.word == "Q" else struct.unpack("<II", trailer[4:])[::-1]
    return (int(number) ^ mark.number) & ~1 == 0 and int(check) == total(raw[: form.summed if mark.kind else mark.size])


def marks(form: Shape, head: bytes, read: Callable[[Mark], bytes], length: int) -> Iterator[tuple[Mark, bool]]:
    """What a store must hold, by its trees and its maps, and whether it does; of a long one some of it.

    Maps, which only say what is free, stand last, and those behind one that is not there are not asked for.
    """
    width = 2 * struct.calcsize(form.word)
    waiting, blocks, seen = list[Mark](), list[Mark](), 0
    for kind, place in ((NODES, form.roots), (BLOCKS, form.roots + width)):
        waiting.append(_named(form, kind, head, place, form.summed))
    while waiting and seen < _PAGES:
        mark, seen = waiting.pop(), seen + 1
        raw = read(mark)
        yield mark, bool(raw)
        if raw:
            below = list(_below(form, mark, raw))
            waiting += [found for found in below if found.kind]
            blocks += [found for found in below if not found.kind]
    for mark in blocks[:: len(blocks) // _CHECKED + 1]:
        yield mark, bool(read(mark))
    maps = range(_MAPS, length, _EVERY) if head[form.valid] else range(0)
    for at in maps[:: len(maps) // _CHECKED + 1]:
        mark = Mark(MAP, at, at, form.summed)
        yield mark, bool(held := read(mark))
        if not held:
            break


def _named(form: Shape, kind: int, raw: bytes, at: int, size: int) -> Mark:
    number, place = struct.unpack_from(f"<2{form.word}", raw, at)
    return Mark(kind, number, place, size)


def _below(form: Shape, mark: Mark, raw: bytes) -> Iterator[Mark]:
    """The pages that a page of a tree names, or the blocks."""
    count, _, step, level = raw[form.counts : form.counts + 4]
    width = struct.calcsize(form.word)
    for at in range(0, min(count * step, form.counts - 3 * width + 1), max(step, 3 * width)):
        if level:
            yield _named(form, mark.kind, raw, at + width, form.summed)
        elif mark.kind == BLOCKS:
            yield _named(form, 0, raw, at, int.from_bytes(raw[at + 2 * width : at + 2 * width + 2], "little"))
