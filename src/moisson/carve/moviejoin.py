"""Films in two pieces: the tables of samples tell how long the gap is, the samples where it begins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Carved, Part, Span, joined
from moisson.carve.samples import chained, units
from moisson.extract.boxes import Box
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

_REACH, _COST = 16 << 20, 4 << 20
_TABLES = 64
_CLUSTER = 4096
_SEEN, _LARGEST = 8, 1 << 26
_NEVER_IN_UNITS = re.compile(rb"\0\0[\0-\2]")


def with_tables_behind(span: Span, kind: str, found: Sequence[Box], end: int) -> Carved | None:
    """The tables lie behind the samples, but farther than these say: by the gap."""
    at = end
    for _ in range(_TABLES):
        at = span.find(b"moov", at, end + _REACH)
        if at < 0 or not span.ground.afford(1 << 16):
            return None
        size, gap = span.number(at - 4, 4, big=True), at - 4 - end
        if gap > 0 and gap % SECTOR == 0 and span.pread(at + 8, 4) == b"mvhd" and 16 < size <= span.size - at + 4:
            tables = Box(b"moov", at + 4, at - 4 + size)
            return _cut(span, kind, units(span, [*found, tables]), gap, at - 4 + size)
        at += 4
    return None


def with_tables_before(span: Span, kind: str, found: Sequence[Box], end: int, stop: int) -> Carved | None:
    """The tables lie before the samples: the gap is what brings those behind the first bad one to their places."""
    places = units(span, found)
    rest = [sample for sample in places if sample[0] >= stop and sample[1] > 8]
    rest = [sample for sample in rest if not chained(span, *sample)][1 : 1 + _SEEN]
    if len(rest) < 2 or not span.ground.afford(_COST):
        return None
    declared = max((box.end for box in found), default=end)
    for gap in range(SECTOR, min(_REACH, span.size - rest[0][0]), SECTOR):
        if all(chained(span, at + gap, size) for at, size in rest):
            last = max(declared if declared < span.size else 0, *(at + size for at, size in places))
            return _cut(span, kind, places, gap, last + gap)
    return None


def _cut(span: Span, kind: str, places: Sequence[tuple[int, int]], gap: int, end: int) -> Carved | None:
    """The film with a gap where its samples stop to lie in place; uncertain where several sectors would do."""
    if len(places) < 2 or end > span.size:
        return None
    broken = next((n for n, sample in enumerate(places) if not chained(span, *sample)), len(places))
    before = places[broken - 1] if broken else (places[0][0], 0)
    after = next((at for at, size in places[broken:] if chained(span, at + gap, size)), end - gap)
    if sum(chained(span, at + gap, size) for at, size in places[broken + 1 :]) < 0.9 * (len(places) - broken - 1):
        return None
    first = -(-(span.offset + before[0] + 1) // SECTOR) * SECTOR - span.offset
    near = [sample for sample in places[max(0, broken - 1) : broken + 2] if sample[1] < _LARGEST]
    cuts = [cut for cut in range(first, min(after, first + _LARGEST) + 1, SECTOR) if _holds(span, near, cut, gap)]
    if not cuts:
        return None
    whole = [cut for cut in cuts if cut % _CLUSTER == 0]
    cut, sure = (whole or cuts)[0], len(cuts) == 1
    extents = joined(((span.offset, cut), (span.offset + cut + gap, end - cut - gap)))
    flags = ("rejoined",) if sure else ("rejoined", "uncertain")
    return Carved(kind, extents, "", 0.95 if sure else 0.75 if len(whole) == 1 else 0.6, flags)


def _holds(span: Span, near: Sequence[tuple[int, int]], cut: int, gap: int) -> bool:
    """Whether the samples around a cut are chains of units in which nothing stands that never does."""
    if not span.ground.afford(1 << 12):
        return False
    part = Part(span, 0, cut, cut + gap, span.size - cut - gap)
    view = Span(Reader(part), 0, part.size)
    return all(
        chained(view, at, size) and not _NEVER_IN_UNITS.search(view.pread(at + 4, size - 4))
        for at, size in near
        if size > 8
    )
