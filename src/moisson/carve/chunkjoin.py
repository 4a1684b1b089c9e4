"""Event logs in two pieces: the next record, or the next chunk, says how far it has moved (libevtx documentation)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Ground, Part, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 65536
_HEAD, _RECORD = b"ElfChnk\0", b"**\0\0"
_REACH, _TRIES, _COST = 8 << 20, 64, 1 << 17


def joint(span: Span, at: int, holds: Callable[[Span, int], bool]) -> tuple[int, int] | None:
    """Where the gap begins behind which the chunk at `at` is whole, and how long it is."""
    for first, last, gap in _moved(span, at):
        for cut in range(last // SECTOR * SECTOR, first, -SECTOR):
            if not span.ground.afford(_COST):
                return None
            if holds(Span(Ground(Part(span, 0, cut, cut + gap, span.size - cut - gap)), 0, span.size - gap), at):
                return cut, gap
    return None


def _moved(span: Span, at: int) -> Iterator[tuple[int, int, int]]:
    """Between which places the gap may begin, and how long it may be."""
    if span.pread(at, 8) != _HEAD:
        number = struct.unpack("<Q", span.pread(at - CHUNK + 16, 8))[0] + 1 if at > CHUNK else 0
        for place in _found(span, _HEAD, at):
            told = span.number(place + 8, 8)
            if told == number or not number:
                yield at - 1, at, place - at
        return
    place, number = at + 512, 0
    while True:
        mark, size, own = struct.unpack("<4sIQ", span.pread(place, 16).ljust(16, b"\0"))
        if mark != _RECORD or not 24 <= size <= CHUNK or (number and own != number + 1):
            return
        after = place + size
        if span.number(after - 4, 4) != size:
            break
        place, number = after, own
    for needle in (_RECORD, _HEAD):
        due = after if needle == _RECORD else at + CHUNK
        for found in _found(span, needle, due):
            if needle == _HEAD or span.number(found + 8, 8) == own + 1:
                yield place, after, found - due


def _found(span: Span, needle: bytes, due: int) -> Iterator[int]:
    """Whole sectors behind where it is due: the next places of some bytes."""
    place = due
    for _ in range(_TRIES):
        if (place := span.find(needle, place + 1, due + _REACH)) < 0 or not span.ground.afford(_COST >> 5):
            return
        if not (place - due) % SECTOR:
            yield place
