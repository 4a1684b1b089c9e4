"""Caches of thumbnails by the lengths of their entries, the head of each with a sum (libwtcdb documentation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.carve.ground import Span
from moisson.extract import thumbcache

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.extract.thumbcache import Entry
    from moisson.reader import Reader

_KIND = "application/x-ms-thumbcache"
_ENTRIES = 1 << 20


def carve_thumbs(data: Reader, offset: int, limit: int) -> Carved | None:
    """A cache to the last of its entries, the free rest included; or entries that have lost their file."""
    span = Span(data, offset, limit)
    reader = span.reader(span.size)
    first = at = thumbcache.first(reader)
    count, last = 0, None
    while at >= 0 and count < _ENTRIES and (last := thumbcache.entry(reader, at)) and _there(span, last):
        at, count = last.end, count + 1
    if not count or (count == 1 and _free(span, first)):
        return None
    if last:
        return span.carved(_KIND, at, 0.45, "truncated")
    return span.carved(_KIND, at, 0.95) if first else span.carved(_KIND, at, 0.8, "fragment")


def _there(span: Span, entry: Entry) -> bool:
    """Whether an entry is there, and of the free rest nothing but zeros."""
    return entry.end <= span.size and (not _free(span, entry.at) or span.blank(entry.at + 48, entry.end))


def _free(span: Span, at: int) -> bool:
    return not any(span.pread(at + 16, 32))
