"""Windows' own structures: event logs and their chunks, registry hives and their bins, shortcuts, mail stores."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from moisson.carve.ground import Span

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_CHUNK = 65536
_MANY = 65536


def carve_evtx(data: Reader, offset: int, limit: int) -> Carved | None:
    """An event log: its header and the chunks that follow ([MS-EVEN6], libevtx documentation)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 128)
    size = int.from_bytes(head[40:42], "little")
    if len(head) < 128 or size != 4096 or zlib.crc32(head[:120]) != int.from_bytes(head[124:128], "little"):
        return None
    count, at = int.from_bytes(head[42:44], "little"), 4096
    good = 0
    while at + _CHUNK <= span.size and good < _MANY and span.pread(at, 8) == b"ElfChnk\0":
        at, good = at + _CHUNK, good + 1
    while (
        good >= count and at + _CHUNK <= span.size and at < 1 << 30 and at % (1 << 20) and span.blank(at, at + _CHUNK)
    ):
        at += _CHUNK
    kind = "application/x-ms-evtx"
    if good < count:
        return span.carved(kind, min(at, span.size), 0.45, "truncated") if good else None
    return span.carved(kind, _allotted(span, count, good, at))


def _allotted(span: Span, count: int, good: int, at: int) -> int:
    """An event log grows by pieces of a megabyte that are filled with zeros at first: they are its end."""
    return at if at % (1 << 20) in (0, 4096) or good > count else 4096 + good * _CHUNK


def carve_chunk(data: Reader, offset: int, limit: int) -> Carved | None:
    """A chunk of an event log that has lost its file; those that follow at once belong to it."""
    span = Span(data, offset, limit)
    at = 0
    while at < span.size and _chunk_holds(span, at):
        at += _CHUNK
    return span.carved("application/x-ms-evtx-chunk", at, 0.9, "fragment") if at else None


def _chunk_holds(span: Span, at: int) -> bool:
    head = span.pread(at, 512)
    if len(head) < 512 or head[:8] != b"ElfChnk\0" or at + _CHUNK > span.size:
        return False
    free, total = struct.unpack_from("<II", head, 48)
    if not 512 <= free <= _CHUNK:
        return False
    strict = zlib.crc32(head[:120] + head[128:512]) == int.from_bytes(head[124:128], "little")
    return strict or zlib.crc32(span.pread(at + 512, free - 512)) == total


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
    end, _ = _bins(span, 4096, 0)
    kind = "application/x-ms-regf"
    if end >= size:
        return span.carved(kind, size)
    return span.carved(kind, min(end, span.size), 0.45, "truncated") if end > 4096 else None


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


def carve_pst(data: Reader, offset: int, limit: int) -> Carved | None:
    """A mail store by the length in its header, whose sum must hold ([MS-PST] 2.2.2.6)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 564)
    if len(head) < 564 or head[8:10] != b"SM" or _crc(head[8:479]) != int.from_bytes(head[4:8], "little"):
        return None
    version = int.from_bytes(head[10:12], "little")
    size = struct.unpack_from("<I", head, 168)[0] if version < 23 else struct.unpack_from("<Q", head, 184)[0]
    if size < 564:
        return None
    if size <= span.size:
        return span.carved("application/vnd.ms-outlook-pst", size, 0.9)
    return span.carved("application/vnd.ms-outlook-pst", span.size, 0.2, "truncated")


def _crc(raw: bytes) -> int:
    """The sum of [MS-PST] 5.3: that of zlib without its complements."""
    return zlib.crc32(raw, 0xFFFFFFFF) ^ 0xFFFFFFFF
