"""RIFF (WAV, AVI, WebP), ASF and Matroska: nested sizes that must add up."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.carve.ground import Span
from moisson.identify.containers import asf_kind, riff_kind

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_FIRST = {
    b"WAVE": (b"fmt ", b"JUNK", b"bext", b"LIST", b"fact", b"PEAK", b"ds64", b"iXML", b"id3 ", b"FLLR", b"data"),
    b"AVI ": (b"LIST", b"JUNK"),
    b"WEBP": (b"VP8 ", b"VP8L", b"VP8X"),
    b"ACON": (b"anih", b"LIST"),
    b"RMID": (b"data",),
}
_CHUNKS = 100_000
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_OTHERS = frozenset(
    bytes.fromhex(guid)
    for guid in (
        "3626b2758e66cf11a6d900aa0062ce6c",
        "90080033b1e5cf1189f400a0c90349cb",
        "d329e2d6da35d111903400a0c90349be",
        "f803b1fead12644c840f2a1d2f7ad48c",
        "d03fb73c4a0c0348953dedf7b6228f0c",
    )
)


def carve_riff(data: Reader, offset: int, limit: int) -> Carved | None:
    """A RIFF file whose chunks fill the size it declares (Multimedia Programming Interface 1.0)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 16)
    form = head[8:12]
    if head[:4] not in (b"RIFF", b"RF64") or head[12:16] not in _FIRST.get(form, ()):
        return None
    kind = riff_kind(head) or "application/octet-stream"
    size = 8 + int.from_bytes(head[4:8], "little")
    if head[:4] == b"RF64" or size > span.size or size < 20:
        end = _walk(span, 12, span.size)
        return span.carved(kind, min(end, span.size), 0.4, "truncated") if end > 64 else None
    end = _walk(span, 12, size)
    if end < size - 1:
        return span.carved(kind, size, 0.45, "damaged") if end > 64 else None
    if form == b"AVI ":
        size = _continued(span, size)
    return span.carved(kind, min(size + (size & 1 and form != b"WAVE"), span.size), 0.95)


def _walk(span: Span, at: int, end: int) -> int:
    """Where the chunks that have a name and fit in end."""
    for _ in range(_CHUNKS):
        head = span.pread(at, 8)
        if at >= end or len(head) < 8 or not all(0x20 <= b < 0x7F for b in head[:4]):
            return at
        after = at + 8 + int.from_bytes(head[4:8], "little")
        if after > end:
            return at
        at = after + (after & 1)
    return at


def _continued(span: Span, size: int) -> int:
    """Films above a gigabyte go on in further RIFF chunks (OpenDML 1.02)."""
    for _ in range(256):
        at = size + (size & 1)
        head = span.pread(at, 12)
        if head[:4] != b"RIFF" or head[8:] != b"AVIX":
            return size
        size = at + 8 + int.from_bytes(head[4:8], "little")
        if size > span.size:
            return at
    return size


def carve_asf(data: Reader, offset: int, limit: int) -> Carved | None:
    """Windows Media: header, data and index objects one after the other (ASF specification 2)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 30)
    if len(head) < 30 or head[:16] != _ASF or head[28:30] != b"\1\2":
        return None
    at = int.from_bytes(head[16:24], "little")
    seen = 0
    if not 30 < at < 1 << 26:
        return None
    kind = asf_kind(span.pread(0, min(at, 1 << 16)))
    for _ in range(1000):
        mark = span.pread(at, 24)
        if len(mark) < 24 or mark[:16] not in _ASF_OTHERS:
            break
        size = int.from_bytes(mark[16:], "little")
        if size < 24:
            break
        seen, at = seen + 1, at + size
        if at > span.size:
            return span.carved(kind, span.size, 0.3, "truncated")
    return span.carved(kind, at, 0.9) if seen else None


def carve_matroska(data: Reader, offset: int, limit: int) -> Carved | None:
    """Matroska or WebM: the header, then a segment whose clusters are walked where its size is unknown (RFC 9559)."""
    span = Span(data, offset, limit)
    header, at = _size(span, 4)
    head = span.pread(at, min(max(header, 0), 256))
    if not 0 < header < 256 or (b"matroska" not in head and b"webm" not in head):
        return None
    kind = "video/webm" if b"webm" in head else "video/x-matroska"
    at += header
    if span.pread(at, 4) != b"\x18\x53\x80\x67":
        return None
    size, body = _size(span, at + 4)
    if size >= 0:
        end = body + size
        if end <= span.size:
            good = _elements(span, body, end) == end
            return span.carved(kind, end, 0.95 if good else 0.45, *(() if good else ("damaged",)))
        end = _elements(span, body, span.size)
        return span.carved(kind, end, 0.4, "truncated") if end > body else None
    end = _elements(span, body, span.size)
    return span.carved(kind, end, 0.85) if end > body + 64 else None


_TOP = frozenset((0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367))


def _elements(span: Span, at: int, end: int) -> int:
    """Where the elements of a segment that are known end."""
    for _ in range(_CHUNKS):
        mark = span.pread(at, 4)
        if len(mark) < 4 or at >= end:
            return at
        if mark[0] in (0xEC, 0xBF):
            size, body = _size(span, at + 1)
        elif struct.unpack(">I", mark)[0] in _TOP:
            size, body = _size(span, at + 4)
        else:
            return at
        if size < 0 or body + size > end:
            return at
        at = body + size
    return at


def _size(span: Span, at: int) -> tuple[int, int]:
    """A size and where it ends; -1 when it is unknown or none."""
    raw = span.pread(at, 8)
    if not raw or not raw[0]:
        return -1, at
    width = 9 - raw[0].bit_length()
    if len(raw) < width:
        return -1, at
    value = int.from_bytes(raw[:width], "big") & (1 << 7 * width) - 1
    return (-1 if value == (1 << 7 * width) - 1 else value), at + width
