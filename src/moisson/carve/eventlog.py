"""Event logs of Windows NT to 2003: records that say their length twice, in a ring (libevt documentation, Metz)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.carve import room
from moisson.carve.ground import SECTOR, Carved, Ground, Part, Span

if TYPE_CHECKING:
    from moisson.reader import Reader

_KIND, _PARTS = "application/x-ms-evt", "application/x-ms-evt-records"
_MAGIC, _HEAD, _RECORD = b"LfLe", 48, 56
_CLOSING = struct.pack("<5I", 40, 0x11111111, 0x22222222, 0x33333333, 0x44444444)
_CLOSED = 40
_GROWTH, _LONGEST, _LARGEST = 1 << 16, 1 << 18, 1 << 30
_MANY, _FEWEST = 1 << 22, 2
_REACH, _COST, _ROUNDS, _CLUSTER = 8 << 20, 1 << 20, 8, 4096


def carve_evt(data: Reader, offset: int, limit: int) -> Carved | None:
    """A log by its records, from the oldest round to the record that closes the newest; joined where these say so."""
    span = Span(data, offset, limit)
    size, stop = _whole(span)
    if size:
        return span.carved(_KIND, size)
    if found := _joint(span):
        return found
    return span.carved(_KIND, min(stop, span.size), 0.45, "truncated") if stop > _HEAD else None


def _whole(span: Span) -> tuple[int, int]:
    """The length of a log whose records all hold, or 0; and where those that do end."""
    head = span.pread(0, _HEAD)
    if len(head) < _HEAD or head[8:16] != struct.pack("<II", 1, 1) or head[44:] != head[:4]:
        return 0, 0
    end, most = struct.unpack_from("<I8xI", head, 20)
    closing = _closing(span, end, min(most, _LARGEST))
    first = span.number(closing + 20, 4) if closing >= 0 else _HEAD
    stop = _records(span, first)[0]
    if first <= closing:
        return (_full(span, closing + _CLOSED) if stop == closing else 0), stop
    size = -(-(stop + 1) // _GROWTH) * _GROWTH
    if closing < 0 or size > span.size:
        return 0, stop if stop > first else 0
    again = _records(span, _resumed(span, stop, size))[0]
    return (size, size) if again == closing else (0, again)


def _joint(span: Span) -> Carved | None:
    """A log in two pieces: the record that follows a broken one says how far it has moved."""
    at = _HEAD
    for _ in range(_ROUNDS):
        if (at := span.find(_MAGIC, at, at + _LONGEST) - 4) < 0 or not span.ground.afford(_COST):
            return None
        stop, number = _records(span, at)
        if number >= 0 and (found := _moved(span, stop, number)):
            return found
        at = max(stop, at + 8)
    return None


def _moved(span: Span, stop: int, number: int) -> Carved | None:
    """The log around a gap in the record at `stop`, behind which the next is found, or the one that closes it."""
    head = span.pread(stop, 8)
    size = int.from_bytes(head[:4], "little")
    if head[4:] != _MAGIC or not _RECORD <= size <= _LONGEST:
        return None
    needle = _MAGIC + struct.pack("<I", number + 2 & 0xFFFFFFFF)
    for mark, before in ((needle, 4), (_CLOSING, 0)):
        gap = span.find(mark, stop + size + before, stop + size + _REACH) - before - stop - size
        if gap > 0 and not gap % SECTOR and (found := _cut(span, stop, size, gap)):
            return found
    return None


def _cut(span: Span, stop: int, size: int, gap: int) -> Carved | None:
    """The log around a gap that begins somewhere in the record at `stop`, when all its records hold."""
    cuts = list(range(stop // SECTOR * SECTOR + SECTOR, stop + size + 1, SECTOR))
    whole = [cut for cut in cuts if not cut % _CLUSTER]
    cut, sure = (whole or cuts or [0])[0], len(cuts) == 1
    part = Part(span, 0, cut, cut + gap, span.size - cut - gap)
    length = _whole(Span(Ground(part), 0, part.size))[0] if span.ground.afford(_COST) else 0
    if not cuts or length <= cut:
        return None
    extents = ((span.offset, cut), (span.offset + cut + gap, length - cut))
    flags = ("rejoined",) if sure else ("rejoined", "uncertain")
    return Carved(_KIND, extents, "", 0.95 if sure else 0.75 if len(whole) == 1 else 0.6, flags)


def carve_evt_records(data: Reader, offset: int, limit: int) -> Carved | None:
    """Records that have lost their log, numbered one after the other."""
    span = Span(data, offset, limit)
    stop, count = _records(span, 0)
    count -= span.number(8, 4) - 1
    if span.pread(stop, len(_CLOSING)) == _CLOSING:
        stop += _CLOSED
    return span.carved(_PARTS, stop, 0.8, "fragment") if count >= _FEWEST else None


def _closing(span: Span, end: int, most: int) -> int:
    """Where the record that closes a log lies, which a log in use has not told its header; or -1."""
    if span.pread(end, len(_CLOSING)) == _CLOSING:
        return end
    return span.find(_CLOSING, _HEAD, most)


def _records(span: Span, at: int) -> tuple[int, int]:
    """Where records that follow one another end, and the number of the last."""
    number = -1
    for _ in range(_MANY):
        head = span.pread(at, 12)
        if len(head) < 12 or head[4:8] != _MAGIC:
            break
        size, own = struct.unpack("<I4xI", head)
        if not _RECORD <= size <= _LONGEST or size % 4 or (number >= 0 and own != number + 1):
            break
        if span.number(at + size - 4, 4) != size:
            break
        at, number = at + size, own
    return at, number


def _resumed(span: Span, stop: int, size: int) -> int:
    """Where the records go on: behind the rest of the one that did not fit."""
    head = span.pread(stop, min(8, size - stop))
    return _HEAD + (stop + int.from_bytes(head[:4], "little") - size if head[4:] == _MAGIC else 0)


def _full(span: Span, end: int) -> int:
    return room.filled(span, end, -(-end // _GROWTH) * _GROWTH)
