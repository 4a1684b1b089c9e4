"""TIFF and the raw pictures of cameras: the farthest byte that any directory points at (TIFF 6.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.carve.ground import Span

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_PAIRS = ((273, 279), (324, 325), (513, 514))
_DIRECTORIES = 64
_VALUES = 200_000


def carve_tiff(data: Reader, offset: int, limit: int) -> Carved | None:
    """A TIFF picture by all its directories, their values, strips and tiles."""
    span = Span(data, offset, limit)
    head = span.pread(0, 8)
    order = {b"II": False, b"MM": True}.get(head[:2])
    if order is None or len(head) < 8 or span.number(2, 2, big=order) != 42:
        return None
    waiting, seen = [span.number(4, 4, big=order)], set[int]()
    end, pictures, first = 8, 0, True
    while waiting and len(seen) < _DIRECTORIES:
        at = waiting.pop()
        if at in seen or not 8 <= at < span.size:
            if first:
                return None
            continue
        seen.add(at)
        found = _directory(span, at, order)
        if found is None:
            if first:
                return None
            continue
        entries, after = found
        if first and (256 not in entries or 257 not in entries):
            return None
        first = False
        reach, more, drawn = _reach(span, entries, order)
        end, pictures = max(end, reach, after), pictures + drawn
        waiting += more
        if (chained := span.number(after - 4, 4, big=order)) > 0:
            waiting.append(chained)
    if not pictures:
        return None
    if end > span.size:
        return span.carved("image/tiff", span.size, 0.3, "truncated")
    return span.carved("image/tiff", end, 0.9)


def _directory(span: Span, at: int, order: bool) -> tuple[dict[int, tuple[int, int, int]], int] | None:
    """The entries of a directory: tag to (type, count, place of the value); and where the directory ends."""
    count = span.number(at, 2, big=order)
    if not 0 < count <= 512 or at + 6 + 12 * count > span.size:
        return None
    raw, entries, last = span.pread(at + 2, 12 * count), dict[int, tuple[int, int, int]](), 0
    name = "big" if order else "little"
    for i in range(count):
        row = raw[12 * i : 12 * i + 12]
        tag, kind, many = (int.from_bytes(row[a:b], name) for a, b in ((0, 2), (2, 4), (4, 8)))  # type: ignore[arg-type]
        if kind not in _WIDTHS or many > 1 << 28 or tag < last - 40_000:
            return None
        size = _WIDTHS[kind] * many
        place = at + 2 + 12 * i + 8 if size <= 4 else int.from_bytes(row[8:], name)  # type: ignore[arg-type]
        entries[tag], last = (kind, many, place), tag
    return entries, at + 6 + 12 * count


def _reach(span: Span, entries: dict[int, tuple[int, int, int]], order: bool) -> tuple[int, list[int], int]:
    """The farthest byte of the values and the pictures, further directories, whether there is a picture."""
    far, more, drawn = 0, list[int](), 0
    for tag, (kind, many, place) in entries.items():
        far = max(far, place + _WIDTHS[kind] * many)
        if tag in (330, 34665, 34853, 40965):
            more += _values(span, entries[tag], order)[:16]
    for starts, sizes in _PAIRS:
        if starts in entries and sizes in entries:
            places = _values(span, entries[starts], order)
            lengths = _values(span, entries[sizes], order)
            for at, size in zip(places, lengths, strict=False):
                far, drawn = max(far, at + size), 1
    return far, more, drawn


def _values(span: Span, entry: tuple[int, int, int], order: bool) -> list[int]:
    kind, many, place = entry
    width = _WIDTHS[kind]
    if kind not in (3, 4, 13) or many > _VALUES:
        return []
    raw = span.pread(place, width * many)
    name = "big" if order else "little"
    return [int.from_bytes(raw[i : i + width], name) for i in range(0, len(raw), width)]  # type: ignore[arg-type]
