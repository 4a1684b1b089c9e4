"""Packed files with sums: gzip, bzip2, xz, zstd by unpacking; 7z and RAR by their headers; tar by its headers."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any

import zstandard
from isal import isal_zlib

from moisson.carve.ground import SECTOR, Carved, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.reader import Reader

_PIECE, _OUT, _GRAIN = 1 << 16, 4 << 20, 1 << 10
_HASTE = 1 << 20
_CLUSTER, _STATES, _REACH, _LARGEST, _ATTEMPTS = 4096, 12, 2 << 20, 64 << 20, 12 << 20
_DISTINCT = 64
_SWELLS, _UNPACKED = 4, 4 << 30
_SLOWLY = 256 << 20
_HEADERS = 1_000_000
_FIRST, _LONG = 1 << 12, 1 << 21
_Zstd = type(zstandard.ZstdDecompressor().decompressobj())
_BROKEN: Any = (zlib.error, isal_zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, EOFError, ValueError)


def carve_gzip(data: Reader, offset: int, limit: int) -> Carved | None:
    """A gzip file by unpacking it to its sum (RFC 1952); members that follow at once belong to it."""
    span = Span(data, offset, limit)
    end, good, most = 0, 0, _UNPACKED
    while span.pread(end, 3) == b"\x1f\x8b\x08" and good < 10_000:
        after, state, size = _unpack(span, end, lambda: isal_zlib.decompressobj(31), most)
        most -= size
        if not state:
            if good:
                break
            if joint := _join(span):
                return joint
            return _cut(span, "application/gzip", after, size)
        end, good = after, good + 1
    return span.carved("application/gzip", end) if good and end > 20 else None


def _join(span: Span) -> Carved | None:
    """A gzip file over one gap between clusters: unpacking goes on behind it, and the sum at the end proves it."""
    kept: deque[tuple[int, Any]] = deque(maxlen=_STATES)
    unpacker, at = zlib.decompressobj(31), 0
    step = _CLUSTER - span.offset % _CLUSTER
    while at < span.size and span.ground.afford(2 * _CLUSTER):
        try:
            made = len(unpacker.decompress(span.pread(at, step), _LARGEST))
        except zlib.error:
            break
        if not span.ground.afford(made // _SWELLS):
            return None
        at, step = at + step, _CLUSTER
        if unpacker.eof or unpacker.unconsumed_tail:
            return None
        kept.append((at, unpacker.copy()))
    before = span.ground.credit
    for gap in range(_CLUSTER, _REACH, _CLUSTER):
        for cut, state in reversed(kept):
            start = cut + gap
            if start >= span.size or len(set(span.pread(start, SECTOR))) < _DISTINCT:
                continue
            if before - span.ground.credit > _ATTEMPTS or not span.ground.afford(_CLUSTER):
                return None
            if end := _goes_on(span, state.copy(), start):
                extents = ((span.offset, cut), (span.offset + start, end - start))
                return Carved("application/gzip", extents, "", 1.0, ("rejoined",))
    return None


def _goes_on(span: Span, unpacker: Any, at: int) -> int:
    """Where a packed stream ends well that goes on here, or 0."""
    while at < span.size:
        piece = span.pread(at, _CLUSTER)
        try:
            made = len(unpacker.decompress(piece, _LARGEST))
        except zlib.error:
            return 0
        if not span.ground.afford(max(2 * _CLUSTER, made // _SWELLS)):
            return 0
        at += len(piece)
        if unpacker.eof:
            return at - len(unpacker.unused_data)
        if unpacker.unconsumed_tail:
            return 0
    return 0


def _cut(span: Span, kind: str, after: int, size: int) -> Carved | None:
    """What is left of a packed file that breaks off, when it is enough to be none by chance.

    Unpacking goes on for a while in bytes of others, so nothing is claimed by it.
    """
    return span.carved(kind, after, 0.2, "truncated") if after > 0 and size >= 4096 else None


def carve_bzip2(data: Reader, offset: int, limit: int) -> Carved | None:
    """A bzip2 file by unpacking it to its sum."""
    return _whole(Span(data, offset, limit), "application/x-bzip2", bz2.BZ2Decompressor)


def carve_xz(data: Reader, offset: int, limit: int) -> Carved | None:
    """An xz file by unpacking it to its sums (The .xz File Format 1.2)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 12)
    if len(head) < 12 or zlib.crc32(head[6:8]) != int.from_bytes(head[8:12], "little"):
        return None
    return _whole(span, "application/x-xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=128 << 20))


def carve_zstd(data: Reader, offset: int, limit: int) -> Carved | None:
    """A Zstandard frame by unpacking it (RFC 8878)."""
    span = Span(data, offset, limit)
    return _whole(span, "application/zstd", lambda: zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj())


def _whole(span: Span, kind: str, maker: Callable[[], Any]) -> Carved | None:
    after, good, size = _unpack(span, 0, maker, _SLOWLY)
    if not good:
        return _cut(span, kind, after, size)
    return span.carved(kind, after)


def _unpack(span: Span, start: int, maker: Callable[[], Any], most: int) -> tuple[int, bool, int]:
    """Where a packed stream ends, whether it did so well, and how many bytes came out."""
    try:
        unpacker = maker()
    except _BROKEN:
        return start, False, 0
    at = good = start
    size = 0
    limited = not isinstance(unpacker, bz2.BZ2Decompressor | lzma.LZMADecompressor)
    most = most if span.ground.patience > 0 else min(most, _HASTE)
    # Zstandard's unpacker takes no bound, so it is fed so little that what comes out is bounded all the same.
    step = _GRAIN if isinstance(unpacker, _Zstd) else _PIECE
    while at < span.size and size <= most:
        piece = span.pread(at, step)
        try:
            for made in _pieces(unpacker, piece):
                size += made
                span.ground.unpacked(made)
                if size > most and not unpacker.eof:
                    return good, False, size
        except (*_BROKEN, MemoryError):
            return good, False, size
        at += len(piece)
        if unpacker.eof:
            return at - len(unpacker.unused_data), True, size
        good = at
        if limited and size > 1 << 20 and size > 1100 * (at - start):
            break
    return good, False, size


def _pieces(unpacker: Any, raw: bytes) -> Iterator[int]:
    """Feed bytes to an unpacker: how much comes out, never so much at once that it fills the memory."""
    if isinstance(unpacker, _Zstd):
        yield len(unpacker.decompress(raw))
        return
    made = len(unpacker.decompress(raw, _OUT))
    yield made
    while not unpacker.eof and made == _OUT:
        made = len(unpacker.decompress(getattr(unpacker, "unconsumed_tail", b""), _OUT))
        yield made


def carve_7z(data: Reader, offset: int, limit: int) -> Carved | None:
    """A 7z archive by the sums of its two headers (7zFormat.txt)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 32)
    if len(head) < 32 or zlib.crc32(head[12:32]) != int.from_bytes(head[8:12], "little"):
        return None
    at, size, total = struct.unpack_from("<QQI", head, 12)
    if not size or size > 64 << 20 or 32 + at + size > span.size:
        return (
            span.carved("application/x-7z-compressed", span.size, 0.1, "truncated") if at < 1 << 40 and size else None
        )
    if zlib.crc32(span.pread(32 + at, size)) == total:
        return span.carved("application/x-7z-compressed", 32 + at + size)
    return span.carved("application/x-7z-compressed", 32 + at + size, 0.3, "damaged")


def carve_rar(data: Reader, offset: int, limit: int) -> Carved | None:
    """A RAR archive by its headers, each with a sum, to the closing one (RAR 5.0 archive format, technote 4.x)."""
    span = Span(data, offset, limit)
    mark = span.pread(0, 8)
    if mark == b"Rar!\x1a\x07\x01\x00":
        end, blocks, closed = _rar5(span)
    elif mark[:7] == b"Rar!\x1a\x07\x00":
        end, blocks, closed = _rar4(span)
    else:
        return None
    if not blocks:
        return None
    kind = "application/vnd.rar"
    if not closed and _locked(span):
        end = _to_blank(span, end)
        return span.carved(kind, end, 0.5, "uncertain")
    return span.carved(kind, end) if closed else span.carved(kind, min(end, span.size), 0.45, "truncated")


def _padded(span: Span, end: int) -> bool:
    """Whether nothing but zeros fills the sector, for archives that end without a closing header."""
    return span.blank(end, end + -(span.offset + end) % 512)


def _locked(span: Span) -> bool:
    """Whether even the headers are encrypted, so that nothing tells where the archive ends."""
    head = span.pread(0, 24)
    return bool(head[9] == 0x73 and head[10] & 0x80) if head[6] == 0 else head[13] == 4 if len(head) > 13 else False


def _to_blank(span: Span, at: int) -> int:
    """The last byte before a sector of zeros."""
    for _ in range(1 << 21):
        sector = span.pread(at, 512 - (span.offset + at) % 512)
        if not sector.strip(b"\0"):
            break
        at += len(sector)
    tail = span.pread(at - 512, 512) if at >= 512 else b""
    return at - (len(tail) - len(tail.rstrip(b"\0")))


def _rar4(span: Span) -> tuple[int, int, bool]:
    at, blocks = 7, 0
    for _ in range(_HEADERS):
        head = span.pread(at, 11)
        if len(head) < 7:
            return at, blocks, False
        total, kind, flags, size = struct.unpack_from("<HBHH", head)
        raw = span.pread(at, size)
        if not 0x72 <= kind <= 0x7B or size < 7 or len(raw) < size or (zlib.crc32(raw[2:]) & 0xFFFF) != total:
            return at, blocks, blocks > 1 and _padded(span, at)
        extra = int.from_bytes(head[7:11], "little") if flags & 0x8000 or kind == 0x74 else 0
        if kind in (0x74, 0x7A) and flags & 0x100 and len(raw) >= 40:
            extra += int.from_bytes(raw[32:36], "little") << 32
        if at + size + extra > span.size:
            return at, blocks, False
        at, blocks = at + size + extra, blocks + 1
        if kind == 0x7B:
            return at, blocks, True
    return at, blocks, False


def _vint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(10):
        if at + i >= len(raw):
            return 0, at
        value |= (raw[at + i] & 0x7F) << 7 * i
        if not raw[at + i] & 0x80:
            return value, at + i + 1
    return 0, at


def _rar5(span: Span) -> tuple[int, int, bool]:
    at, blocks = 8, 0
    for _ in range(_HEADERS):
        head = span.pread(at, 16)
        size, after = _vint(head, 4)
        if size > (_LONG if blocks else _FIRST):
            return at, blocks, False
        raw = span.pread(at + 4, after - 4 + size)
        if not size or zlib.crc32(raw) != int.from_bytes(head[:4], "little"):
            return at, blocks, blocks > 1 and not size and _padded(span, at)
        kind, inner = _vint(raw, after - 4)
        flags, inner = _vint(raw, inner)
        if flags & 1:
            _, inner = _vint(raw, inner)
        extra = _vint(raw, inner)[0] if flags & 2 else 0
        if at + after + size + extra > span.size:
            return at, blocks, False
        at, blocks = at + after + size + extra, blocks + 1
        if kind == 5:
            return at, blocks, True
        if kind == 4:
            return at, blocks, False
    return at, blocks, False


def carve_tar(data: Reader, offset: int, limit: int) -> Carved | None:
    """A tar archive by the sums of its headers, to its two blocks of zeros and the filling of its record (POSIX.1)."""
    span = Span(data, offset, limit)
    at, last, members = 0, 0, 0
    for _ in range(_HEADERS):
        head = span.pread(at, 512)
        if len(head) < 512 or not any(head):
            break
        try:
            total = int(head[148:156].strip(b" \0") or b"x", 8)
            field = head[124:136]
            size = int.from_bytes(field[4:], "big") if field[0] & 0x80 else int(field.strip(b" \0") or b"0", 8)
        except ValueError:
            break
        if total != sum(head[:148]) + 256 + sum(head[156:512]):
            break
        last, members = at, members + 1
        if at + 512 + size > span.size:
            break
        at += 512 + (-(-size // 512) * 512 if head[156:157] not in b"12345" or not head[156] else 0)
    if any(span.pread(at, 1024)) or at + 1024 > span.size:
        return span.carved("application/x-tar", last, 0.45, "truncated") if members > 1 else None
    if not members:
        return None
    end = at + 1024
    full = -(-end // 10240) * 10240
    return span.carved("application/x-tar", full if full <= span.size and span.blank(end, full) else end)
