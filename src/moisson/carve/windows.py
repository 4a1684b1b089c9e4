"""Windows' own structures: event logs and their chunks, registry hives and their bins, shortcuts, notes."""

from __future__ import annotations

import struct
import zlib

from moisson.carve import chunkjoin, hivelog, room
from moisson.carve.ground import SECTOR, Carved, Part, Span, joined
from moisson.reader import Reader

_CHUNK = 65536
_MANY = 65536
_GROWTH = 1 << 18
_REACH, _HOLE = 8 << 20, 1 << 20
_COST = 1 << 12


def carve_evtx(data: Reader, offset: int, limit: int) -> Carved | None:
    """An event log: its header and the chunks that follow ([MS-EVEN6], libevtx documentation)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 128)
    size = int.from_bytes(head[40:42], "little")
    summed = zlib.crc32(head[:120]) == int.from_bytes(head[124:128], "little")
    if len(head) < 128 or size != 4096 or not (summed or span.pread(4096, 8) == b"ElfChnk\0"):
        return None
    open_still = head[120] & 1
    count, at, last = int.from_bytes(head[42:44], "little"), 4096, 4096
    while at + _CHUNK <= span.size and at >> 16 < _MANY:
        if span.pread(at, 8) != b"ElfChnk\0" and not _goes_on(span, at, 4096 + count * _CHUNK):
            break
        last = at + _CHUNK if _chunk_holds(span, at) or (open_still and _begins(span, at)) else last
        at += _CHUNK
    kind, good = "application/x-ms-evtx", (last - 4096) // _CHUNK
    if good < count and summed and (found := _chunks_joined(span, last)):
        return found
    if not good:
        return None
    if good < count:
        whole = 4096 + count * _CHUNK
        if whole <= span.size and span.blank(last, whole):
            return span.carved(kind, whole, 0.6, "damaged")
        return span.carved(kind, last, 0.45, "truncated")
    full = 4096 + (1 + -(-(good - 1) // 16) * 16) * _CHUNK
    unused = last - _CHUNK + span.number(last - _CHUNK + 48, 4)
    if summed and last - _CHUNK < unused < full and (found := room.given(span, kind, unused, full)):
        return found
    return span.carved(kind, room.filled(span, last, full), 1.0 if summed else 0.9)


def _chunks_joined(span: Span, last: int) -> Carved | None:
    """A log whose chunks all hold around one gap."""
    if not (joint := chunkjoin.joint(span, last, _chunk_holds)):
        return None
    cut, gap = joint
    part = Part(span, 0, cut, cut + gap, span.size - cut - gap)
    whole = carve_evtx(Reader(part), 0, part.size)
    if whole is None or len(whole.extents) > 1 or whole.confidence < 0.9:
        return None
    extents = joined(((span.offset, cut), (span.offset + cut + gap, whole.size - cut)))
    return Carved(whole.kind, extents, "", whole.confidence, ("rejoined",))


def _goes_on(span: Span, at: int, stop: int) -> bool:
    """Whether a chunk that is none is followed by a sound one, as many as the header has counted."""
    return any(_chunk_holds(span, place) for place in range(at + _CHUNK, min(stop, at + _HOLE), _CHUNK))


def carve_chunk(data: Reader, offset: int, limit: int) -> Carved | None:
    """A chunk of an event log that has lost its file; those that follow at once belong to it."""
    span = Span(data, offset, limit)
    at = 0
    while at < span.size and _chunk_holds(span, at):
        at += _CHUNK
    return span.carved("application/x-ms-evtx-chunk", at, 0.9, "fragment") if at else None


def _begins(span: Span, at: int) -> bool:
    """Whether a chunk, whose sums a log that was never closed leaves behind, begins with a record."""
    return span.pread(at + 512, 4) == b"**\0\0"


def _chunk_holds(span: Span, at: int) -> bool:
    head = span.pread(at, 512)
    if len(head) < 512 or head[:8] != b"ElfChnk\0" or at + _CHUNK > span.size:
        return False
    free, total = struct.unpack_from("<II", head, 48)
    if not 512 <= free <= _CHUNK:
        return False
    headed = zlib.crc32(head[:120] + head[128:512]) == int.from_bytes(head[124:128], "little")
    filled = zlib.crc32(span.pread(at + 512, free - 512)) == total
    return filled if any(head[124:128]) and total else headed or not total


def carve_hive(data: Reader, offset: int, limit: int) -> Carved | None:
    """A registry hive: the sum of its header, and bins that fill what it declares ([MS-DTYP] siblings, regf format)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 512)
    if len(head) < 512:
        return None
    total = 0
    for (word,) in struct.iter_unpack("<I", head[:508]):
        total ^= word
    total = {0: 1, 0xFFFFFFFF: 0xFFFFFFFE}.get(total, total)
    size = 4096 + int.from_bytes(head[40:44], "little")
    if total != int.from_bytes(head[508:512], "little") or head[20:24] != b"\1\0\0\0" or size % 4096:
        return None
    if head[28] == hivelog.NEW:
        return hivelog.changes(span)
    if head[28] in hivelog.OLD and span.pread(SECTOR, 4) == b"DIRT":
        return hivelog.dirty(span, size - 4096)
    end, _ = _bins(span, 4096, 0)
    kind = "application/x-ms-regf"
    if end < size and (found := _bridge(span, end, size)):
        return found
    if end >= size:
        full = -(-end // _GROWTH) * _GROWTH
        stale = span.pread(size, 4) == b"hbin" and full <= span.size
        return span.carved(kind, full) if stale else room.given(span, kind, end, full) or span.carved(kind, size)
    return span.carved(kind, min(end, span.size), 0.45, "truncated") if end > 4096 else None


def _bridge(span: Span, end: int, size: int) -> Carved | None:
    """A hive with one gap: the next bin says its own place, the cells of the bin before say where to cut."""
    at, tries = end, 0
    while tries < 4096 and (at := span.find(b"hbin", at + 1, end + _REACH)) >= 0:
        tries += 1
        place, gap = span.number(at + 4, 4), at - end
        if not span.ground.afford(_COST):
            return None
        if (span.offset + at) % SECTOR == 0 and place == end - 4096 and not _anothers(span, at - place, end):
            break
    if at < 0 or tries >= 4096 or gap % SECTOR:
        return None
    after, _ = _bins(span, at, place)
    if after - gap < size:
        return None
    begin = _last_bin(span, end)
    for cut in range(end, begin, -SECTOR):
        part = Part(span, begin, cut - begin, cut + gap, end - cut)
        if _cells_hold(part.pread(0, part.size)):
            full = -(-(after - gap) // _GROWTH) * _GROWTH + gap
            stop = full if full <= span.size and span.blank(after, full) else size + gap
            extents = joined(((span.offset, cut), (span.offset + cut + gap, stop - cut - gap)))
            return Carved("application/x-ms-regf", extents, "", 0.95, ("rejoined",))
    return None


def _anothers(span: Span, first: int, end: int) -> bool:
    """Whether the first bin or the header of another hive stands where bins further on would have it."""
    own = first >= end and span.pread(first, 8) == b"hbin\0\0\0\0"
    return own or (first - 4096 >= end and span.pread(first - 4096, 4) == b"regf")


def _last_bin(span: Span, end: int) -> int:
    """Where the last bin before `end` begins."""
    at = 4096
    while at + (size := max(span.number(at + 8, 4), 4096)) < end:
        at += size
    return at


def _cells_hold(raw: bytes) -> bool:
    """Whether the cells of a bin fill it one after the other, those in use beginning as cells do."""
    at = 32
    while at + 4 <= len(raw):
        size = int.from_bytes(raw[at : at + 4], "little", signed=True)
        if not size or abs(size) % 8:
            return False
        at += abs(size)
    return at == len(raw)


def carve_bins(data: Reader, offset: int, limit: int) -> Carved | None:
    """Bins of a hive that have lost their header, as far as each follows the one before."""
    span = Span(data, offset, limit)
    first = span.number(4, 4)
    end, bins = _bins(span, 0, first)
    return span.carved("application/x-ms-regf-bins", end, 0.8, "fragment") if bins else None


def _bins(span: Span, at: int, place: int) -> tuple[int, int]:
    """Where bins that follow each other end, and how many there are."""
    count = 0
    while count < 1 << 20:
        head = span.pread(at, 36)
        if len(head) < 36 or head[:4] != b"hbin":
            break
        own, size = struct.unpack_from("<II", head, 4)
        cell = abs(int.from_bytes(head[32:36], "little", signed=True))
        if (
            own != place
            or not size
            or size % 4096
            or size > 1 << 26
            or at + size > span.size
            or not 0 < cell <= size - 32
        ):
            break
        at, place, count = at + size, place + size, count + 1
    return at, count


def carve_lnk(data: Reader, offset: int, limit: int) -> Carved | None:
    """A shortcut by the lengths of its parts to the closing block ([MS-SHLLINK])."""
    span = Span(data, offset, limit)
    head = span.pread(0, 76)
    if len(head) < 76 or any(head[66:76]):
        return None
    flags = int.from_bytes(head[20:24], "little")
    at = 76
    if flags & 1:
        at += 2 + span.number(at, 2)
    if flags & 2:
        size = span.number(at, 4)
        if not 28 <= size < 1 << 16:
            return None
        at += size
    for bit in (4, 8, 16, 32, 64):
        if flags & bit:
            count = span.number(at, 2)
            if not 0 <= count < 1 << 15:
                return None
            at += 2 + count * (2 if flags & 0x80 else 1)
    for _ in range(64):
        size = span.number(at, 4)
        if 0 <= size < 4:
            return span.carved("application/x-ms-shortcut", at + 4, 0.95)
        mark = span.number(at + 4, 4)
        if size < 8 or size > 1 << 16 or not 0xA0000001 <= mark <= 0xA000000C:
            break
        at += size
    return None


def carve_onenote(data: Reader, offset: int, limit: int) -> Carved | None:
    """A section of notes by the length in its header ([MS-ONESTORE] 2.3.1)."""
    span = Span(data, offset, limit)
    size = span.number(196, 8)
    if not 1024 <= size <= min(span.size, 1 << 32):
        return None
    return span.carved("application/vnd.ms-onenote", size, 0.9)
