"""The plain driver: every candidate of a stretch in order, each carved once, none inside another."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right, insort
from typing import TYPE_CHECKING

import numpy as np

from moisson.carve.anchors import anchors, text_carver
from moisson.carve.ground import SECTOR, Ground
from moisson.carve.intruder import before_intruder
from moisson.carve.layout import beyond_pointers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.carve.anchors import Anchor, Carver
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_BLOCK = 8 << 20
_MARGIN = 512
_CREDIT = 24
_WEAK = 0.3
_BROKEN = (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, RecursionError, AttributeError)
Candidate = tuple[int, int]


class Claims:
    """The ranges that carved files have taken, so that nothing is carved twice or out of another."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, carved: Carved) -> None:
        """Take the ranges of a file."""
        for at, length in carved.extents:
            insort(self._ranges, (at, at + length))

    def holds(self, offset: int) -> bool:
        """Whether a byte belongs to a carved file."""
        index = bisect_right(self._ranges, (offset, 1 << 63))
        return any(start <= offset < end for start, end in self._ranges[max(0, index - 8) : index])

    def ahead(self, offset: int) -> int:
        """Where the next claimed range begins."""
        index = bisect_right(self._ranges, (offset, 1 << 63))
        return self._ranges[index][0] if index < len(self._ranges) else 1 << 62

    def forget(self, offset: int) -> None:
        """Drop what lies wholly before."""
        self._ranges = [r for r in self._ranges if r[1] > offset]


def find(data: Reader, start: int = 0, stop: int | None = None) -> Iterator[Carved]:
    """Carve what begins between two offsets; `start` counts as the beginning of a sector."""
    ground = data if isinstance(data, Ground) else Ground(data.medium)
    stop = ground.size if stop is None else min(stop, ground.size)
    claims = Claims()
    for at in range(start, stop, _BLOCK):
        end = min(at + _BLOCK, stop)
        ground.credit += _CREDIT * (end - at)
        block = ground.medium.pread(at, end - at + _MARGIN)
        claims.forget(at)
        yield from settle(ground, _candidates(block, at, end - at), claims)


def settle(ground: Ground, candidates: Iterable[Candidate], claims: Claims) -> Iterator[Carved]:
    """Carve at candidates in order: (offset, number of the anchor), the number beyond the last being that of text."""
    rows = anchors()
    for offset, number in candidates:
        if claims.holds(offset):
            continue
        call = rows[number].call if number < len(rows) else text_carver()
        found = carve_at(ground, call, offset, min(ground.size, claims.ahead(offset)))
        if found is None:
            continue
        found = before_intruder(ground, found)
        if found.confidence >= _WEAK:
            claims.add(found)
        yield found


def carve_at(ground: Ground, call: Carver, offset: int, limit: int) -> Carved | None:
    """Call one carver at one place, around the blocks of pointers that ext2 and ext3 lay into files."""
    try:
        if around := beyond_pointers(ground, offset, limit):
            reader, through = around
            found = call(reader, 0, reader.size)
            if found and found.confidence >= 0.9:
                return through(found)
        return call(ground, offset, limit)
    except _BROKEN:
        return None


def _candidates(block: bytes, base: int, size: int) -> list[Candidate]:
    """Where a block's files may begin, in order."""
    found: list[Candidate] = []
    rows = anchors()
    for number, anchor in enumerate(rows):
        if anchor.align == 1:
            found += ((base + at, number) for at in _anywhere(block, anchor) if 0 <= at < size)
    used = _used(block[:size])
    aligned = [(n, a, re.compile(a.pattern, re.DOTALL)) for n, a in enumerate(rows) if a.align > 1]
    heads = re.compile(b"|".join(b"(?:%b)" % (b"." * a.at + a.pattern) for _, a, _ in aligned), re.DOTALL)
    for at in used:
        if heads.match(block, at):
            found += ((base + at, n) for n, a, pattern in aligned if pattern.match(block, at + a.at))
    found += ((base + at, len(rows)) for at in text_starts(block, used))
    return sorted(set(found))


def _anywhere(block: bytes, anchor: Anchor) -> Iterator[int]:
    pattern = re.compile(anchor.pattern, re.DOTALL)
    for literal in anchor.literals:
        at = block.find(literal)
        while at >= 0:
            if pattern.match(block, at):
                yield at - anchor.at
            at = block.find(literal, at + 1)


def _used(block: bytes) -> list[int]:
    """The sectors that do not begin with zeros alone."""
    words = np.frombuffer(block[: len(block) // SECTOR * SECTOR], "<u8").reshape(-1, SECTOR // 8)
    used = np.flatnonzero(words[:, 0] | words[:, 1] | words[:, 32] | words[:, 33])
    rest = [len(words) * SECTOR] if len(block) % SECTOR else []
    return [*(used * SECTOR).tolist(), *rest]


_TEXT = np.ones(256, bool)
_TEXT[[*range(9), *range(14, 27), *range(28, 32), 127]] = False


def text_starts(block: bytes, used: list[int]) -> list[int]:
    """The sectors whose first bytes may be text, UTF-16 included."""
    if not used:
        return []
    raw = np.frombuffer(block.ljust(used[-1] + 24, b"\0"), np.uint8)
    heads = raw[np.asarray(used)[:, None] + np.arange(16)]
    plain = _TEXT[heads].all(axis=1)
    even, odd = heads[:, 0::2], heads[:, 1::2]
    wide = ((odd == 0).sum(axis=1) >= 7) & _TEXT[even].all(axis=1) & (even < 128).all(axis=1)
    big = ((even == 0).sum(axis=1) >= 7) & _TEXT[odd].all(axis=1)
    marked = (heads[:, 0] >= 254) & (heads[:, 1] >= 254)
    return [used[i] for i in np.flatnonzero(plain | wide | big | marked)]
