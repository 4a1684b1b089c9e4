"""The plain driver: every candidate of a stretch in order, each carved once, none inside another."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right, insort
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from moisson.carve.anchors import anchors, carver, text_carver
from moisson.carve.ground import SECTOR, Ground
from moisson.carve.intruder import before_intruder
from moisson.carve.layout import beyond_pointers
from moisson.identify import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.carve.anchors import Carver
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_BLOCK = 8 << 20
_MARGIN = 512
_CREDIT, _PATIENCE = 8, 16
_WEAK, _SURE = 0.3, 0.5
BROKEN = (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, RecursionError, AttributeError)
Candidate = tuple[int, int]


class Claims:
    """The ranges that carved files have taken, so that nothing is carved twice or out of another."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, carved: Carved) -> None:
        """Take the ranges of a file; of one that is doubtful only the first, and none of what is mere guessing."""
        sure = carved.confidence >= _SURE
        for at, length in carved.extents if sure else carved.extents[: carved.confidence >= _WEAK]:
            insort(self._ranges, (at, at + length))

    def until(self, offset: int) -> int:
        """Where the carved file ends to which a byte belongs, or 0."""
        index = bisect_right(self._ranges, (offset, 1 << 63))
        return max((end for _, end in self._ranges[max(0, index - 8) : index] if offset < end), default=0)

    def ahead(self, offset: int) -> int:
        """Where the next claimed range begins."""
        index = bisect_right(self._ranges, (offset, 1 << 63))
        return self._ranges[index][0] if index < len(self._ranges) else 1 << 62

    def forget(self, offset: int) -> None:
        """Drop what lies wholly before."""
        self._ranges = [r for r in self._ranges if r[1] > offset]


def prepare() -> None:
    """Load every carver and every table, before the process is confined."""
    _plans(), _starts(), text_carver()
    for anchor in anchors():
        carver(anchor.carver)
    texts.decode_text(b"a line of text\n", cut=False)
    Image.preinit()


def find(data: Reader, start: int = 0, stop: int | None = None, claims: Claims | None = None) -> Iterator[Carved]:
    """Carve what begins between two offsets; `start` counts as the beginning of a sector.

    Who goes on where he ended hands over the same `Ground` and the same `claims`.
    """
    ground = data if isinstance(data, Ground) else Ground(data.medium)
    stop = ground.size if stop is None else min(stop, ground.size)
    claims = Claims() if claims is None else claims
    for at in range(start, stop, _BLOCK):
        end = min(at + _BLOCK, stop)
        ground.credit += _CREDIT * (end - at)
        ground.patience += _PATIENCE * (end - at)
        block = ground.medium.pread(at, end - at + _MARGIN)
        claims.forget(at)
        yield from settle(ground, _candidates(block, at, end - at), claims)


def settle(ground: Ground, candidates: Iterable[Candidate], claims: Claims) -> Iterator[Carved]:
    """Carve at candidates in order: (offset, number of the anchor), the number beyond the last being that of text."""
    rows, taken = anchors(), 0
    for offset, number in candidates:
        if offset < taken or offset < (taken := claims.until(offset)):
            continue
        call = rows[number].call if number < len(rows) else text_carver()
        before = ground.served
        found = carve_at(ground, call, offset, min(ground.reach(offset), claims.ahead(offset)))
        if found is None or found.confidence < _WEAK:
            ground.blame(before)
        if found is None:
            continue
        if found.confidence >= _WEAK and (shorter := before_intruder(ground, found)) is not found:
            ground.blame(before)
            found = shorter
        claims.add(found)
        yield found


def carve_at(ground: Ground, call: Carver, offset: int, limit: int) -> Carved | None:
    """Call one carver at one place, around the blocks of pointers that ext2 and ext3 lay into files."""
    try:
        if around := beyond_pointers(ground, offset, limit):
            reader, through = around
            found = call(reader, 0, reader.size)
            if found and found.confidence >= 0.75:
                return through(found)
        return call(ground, offset, limit)
    except BROKEN:
        return None


def _candidates(block: bytes, base: int, size: int) -> list[Candidate]:
    """Where a block's files may begin, in order."""
    found: list[Candidate] = []
    anywhere, aligned, heads = _plans()
    rows = anchors()
    for place in _begun(block):
        for number, at, pattern in anywhere[block[place : place + 3]]:
            if 0 <= place - at < size and pattern.match(block, place):
                found.append((base + place - at, number))
    used = _used(block[:size])
    for start in used:
        if heads.match(block, start):
            found += ((base + start, n) for n, at, pattern in aligned if pattern.match(block, start + at))
    found += ((base + start, len(rows)) for start in text_starts(block, used))
    return sorted(set(found))


Plan = tuple[int, int, re.Pattern[bytes]]


@cache
def _plans() -> tuple[dict[bytes, list[Plan]], list[Plan], re.Pattern[bytes]]:
    """The anchors that may lie anywhere by their first three bytes, those of sectors, and any of the latter at once."""
    anywhere: dict[bytes, list[Plan]] = {}
    aligned: list[Plan] = []
    for number, anchor in enumerate(anchors()):
        plan = (number, anchor.at, re.compile(anchor.pattern, re.DOTALL))
        if anchor.align > 1:
            aligned.append(plan)
            continue
        for start in {literal[:3] for literal in anchor.literals}:
            anywhere.setdefault(start, []).append(plan)
    rows = [a for a in anchors() if a.align > 1]
    heads = re.compile(b"|".join(b"(?:%b)" % (b"." * a.at + a.pattern) for a in rows), re.DOTALL)
    return anywhere, aligned, heads


@cache
def _starts() -> tuple[np.ndarray, np.ndarray]:
    """Which pairs of bytes begin an anchor, and which triples."""
    pairs = np.zeros(65536, bool)
    triples = np.array(sorted(int.from_bytes(start, "little") for start in _plans()[0]), np.uint32)
    pairs[triples & 0xFFFF] = True
    return pairs, triples


def _begun(block: bytes) -> list[int]:
    """Where the first three bytes of an anchor stand, in two looks at each pair of bytes."""
    pairs, triples = _starts()
    even = np.flatnonzero(pairs[np.frombuffer(block, "<u2", len(block) // 2)]) * 2
    odd = np.flatnonzero(pairs[np.frombuffer(block, "<u2", (len(block) - 1) // 2, 1)]) * 2 + 1
    places = np.concatenate((even, odd))
    raw = np.frombuffer(block, np.uint8)
    places = places[places < len(raw) - 2]
    values = raw[places] | raw[places + 1].astype(np.uint32) << 8 | raw[places + 2].astype(np.uint32) << 16
    found: list[int] = np.sort(places[triples[np.searchsorted(triples, values) % len(triples)] == values]).tolist()
    return found


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
