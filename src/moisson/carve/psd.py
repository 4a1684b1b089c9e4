"""Photoshop pictures: four sections with their lengths, and rows with theirs (Adobe Photoshop File Formats)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from moisson.carve.ground import Span

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_KIND = "image/vnd.adobe.photoshop"
_MODES = frozenset((0, 1, 2, 3, 4, 7, 8, 9))
_BLOCKS = 20_000
_UNPACKED = 4 << 30


def carve_psd(data: Reader, offset: int, limit: int) -> Carved | None:
    """A Photoshop picture to the last row of its merged image."""
    span = Span(data, offset, limit)
    head = span.pread(0, 30)
    if len(head) < 30 or head[4:6] not in (b"\0\1", b"\0\2") or any(head[6:12]):
        return None
    version, channels, height, width, depth, mode, colors = struct.unpack_from(">H6xHIIHHI", head, 4)
    if not 1 <= channels <= 56 or depth not in (1, 8, 16, 32) or mode not in _MODES or (mode == 2 and colors != 768):
        return None
    most = 30_000 if version == 1 else 300_000
    if not 1 <= height <= most or not 1 <= width <= most or colors > 1 << 24:
        return None
    resources = 30 + colors
    layers = resources + 4 + max(0, span.number(resources, 4, big=True))
    if not _resources(span, resources + 4, min(layers, span.size)):
        return None
    wide = 8 if version == 2 else 4
    length = span.number(layers, wide, big=True)
    at = layers + wide + length
    if length < 0 or at + 2 > span.size:
        return span.carved(_KIND, span.size, 0.3, "truncated")
    end = _image(span, at, channels * height, -(-width * depth // 8), 2 * version)
    if end < 0:
        return span.carved(_KIND, at, 0.4, "damaged")
    if end > span.size:
        return span.carved(_KIND, span.size, 0.4, "truncated")
    return span.carved(_KIND, end, 0.95)


def _resources(span: Span, at: int, end: int) -> bool:
    """Whether the blocks of resources, as far as they are there, fill their section."""
    for _ in range(_BLOCKS):
        if at + 12 > end:
            return at <= end
        head = span.pread(at, 8)
        if head[:4] not in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
            return False
        name = 6 + (head[6] + 2) // 2 * 2
        size = span.number(at + name, 4, big=True)
        at += name + 4 + size + (size & 1)
        if size < 0:
            return True
    return False


def _image(span: Span, at: int, rows: int, row: int, wide: int) -> int:
    """Where the merged image ends: its rows raw, packed one by one, or in one stream; -1 when it does not hold."""
    packing = span.number(at, 2, big=True)
    if packing == 0:
        return at + 2 + rows * row
    if packing == 1:
        table = span.pread(at + 2, rows * wide)
        if len(table) < rows * wide:
            return span.size + 1
        sizes = np.frombuffer(table, f">u{wide}")
        if int(sizes.max()) > 2 * row + 64 or int(sizes.min()) < 2:
            return -1
        return at + 2 + rows * wide + int(sizes.sum(dtype=np.int64))
    return _stream(span, at + 2, rows * row) if packing in (2, 3) else -1


def _stream(span: Span, at: int, wanted: int) -> int:
    unpacker, made = zlib.decompressobj(), 0
    while at < span.size and made < min(wanted + 1, _UNPACKED):
        piece = span.pread(at, 1 << 16)
        try:
            size = len(unpacker.decompress(piece))
        except zlib.error:
            return -1
        made += size
        span.ground.unpacked(size)
        at += len(piece)
        if unpacker.eof:
            return at - len(unpacker.unused_data) if made == wanted else -1
    return span.size + 1 if made < wanted else -1
