"""Pages of SQLite that have lost their database (SQLite file format)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.carve.database import SIZES, page_holds
from moisson.carve.ground import Span
from moisson.extract.btree import pointers, varint, width

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Medium, Reader

_PAGES = "application/x-sqlite-pages"


def carve_pages(data: Reader, offset: int, limit: int) -> Carved | None:
    """Leaf pages of tables without their database: every cell must be a record, the last ending with the page."""
    span = Span(data, offset, limit)
    size = leaf_size(span.pread(0, 65536))
    if not size:
        return None
    step = at = frame_step(span, size)
    while at + size <= span.size and at < 1 << 28:
        raw = span.pread(at, size)
        if not page_holds(raw) or (raw[0] == 0x0D and raw[3:5] != b"\0\0" and leaf_size(raw) != size):
            break
        at += step
    end = at - (step - size)
    return span.carved(_PAGES, end, 0.8, "fragment")


def leaf_size(raw: bytes) -> int:
    """The size of the leaf page at the beginning of these bytes, told by where its cells end; 0 when it is none."""
    if len(raw) < 512 or raw[0] != 0x0D:
        return 0
    free, cells, content, loose = struct.unpack_from(">HHHB", raw, 1)
    if not 1 <= cells <= 4000 or loose > 60 or not 8 + 2 * cells <= content < len(raw):
        return 0
    places = pointers(raw, 0, 8)
    if len(places) != cells or min(places) < content or (free and free < content):
        return 0
    ends = [_cell_end(raw, at) for at in sorted(places)[-8:]]
    if not all(ends) or max(ends) not in SIZES:
        return 0
    return max(ends) if all(_cell_end(raw, at) for at in places[:64]) else 0


def _cell_end(raw: bytes, at: int) -> int:
    """Where a cell of a table's leaf ends that makes sense and has no overflow, or 0."""
    payload, at = varint(raw, at)
    rowid, at = varint(raw, at)
    length, body = varint(raw, at)
    if not 2 <= length <= payload < 65536 or rowid < 0 or at + payload > len(raw):
        return 0
    total, stop = 0, at + length
    while body < stop:
        serial, body = varint(raw, body)
        if width(serial) < 0:
            return 0
        total += width(serial)
    return at + payload if body == stop and length + total == payload else 0


def frame_step(data: Medium | Reader, size: int) -> int:
    """How far loose pages lie apart: a page, or a page and the header of a frame of the log."""
    follows = data.pread(size + 24, 65536)
    return size + 24 if leaf_size(follows) == size and not leaf_size(data.pread(size, 65536)) else size
