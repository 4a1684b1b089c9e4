"""PDF: the cross-reference that its end points at must lie where it says (ISO 32000-2)."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Carved, Span

if TYPE_CHECKING:
    from moisson.reader import Reader

_KIND = "application/pdf"
_LARGEST = 1 << 30
_ENDS = 400
_UNPACKED = 256 << 20
_START = re.compile(rb"startxref\s{1,4}(\d{1,11})\s{0,10}$")
_TABLE = re.compile(rb"\s{0,4}(xref\s|\d{1,9}\s+\d{1,5}\s+obj)")
_LINEAR = re.compile(rb"/Linearized\b[^>]{0,200}?/L\s+(\d{1,11})")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) n")
_UPDATE = re.compile(rb"\s{0,8}(\d{1,9}\s+\d{1,5}\s+obj|xref\s|%[^%])")


def carve_pdf(data: Reader, offset: int, limit: int) -> Carved | None:
    """A PDF to the last end whose cross-reference holds; a gap is measured by how far the cross-reference has moved."""
    span = Span(data, offset, min(limit, offset + _LARGEST))
    if not re.match(rb"%PDF-\d\.\d", span.pread(0, 8)):
        return None
    stop = _stop(span)
    good, seen, moved = _linear(span), 0, None
    for end, place in _ends(span, stop):
        seen = end
        if end < good - 16:
            continue
        if not place or _holds(span, place, end) or (good and _holds(span, place + _inner(span, good), end)):
            good = end if place or good else good
            if good and place and not _UPDATE.match(span.pread(good, 64)):
                break
        elif good:
            break
        elif moved is None:
            moved = _moved(span, place, end)
            if moved:
                break
    if good:
        return span.carved(_KIND, _last_line(span, good))
    if moved and (found := _bridge(span, *moved)):
        return found
    if seen:
        return span.carved(_KIND, _last_line(span, seen), 0.45, "damaged")
    return None


def _stop(span: Span) -> int:
    """Where the next PDF begins at a sector, which cannot be inside this one unless this one goes on over it."""
    at = 5
    for _ in range(_ENDS):
        at = span.find(b"%PDF-", at)
        if at < 0:
            return span.size
        if (span.offset + at) % SECTOR == 0 or span.offset % SECTOR:
            return at
        at += 5
    return span.size


def _linear(span: Span) -> int:
    """The length that a linearised file declares, if the end is there."""
    m = _LINEAR.search(span.pread(0, 2048))
    size = int(m[1]) if m else 0
    return size if 64 < size <= span.size and b"%%EOF" in span.pread(size - 16, 16) else 0


def _ends(span: Span, stop: int) -> list[tuple[int, int]]:
    """Every end before `stop`, and the place of the cross-reference it names."""
    found: list[tuple[int, int]] = []
    at = 8
    while len(found) < _ENDS and (at := span.find(b"%%EOF", at, stop)) >= 0:
        m = _START.search(span.pread(max(0, at - 48), min(48, at)))
        if m:
            found.append((at + 5, int(m[1])))
        at += 5
    return found


def _holds(span: Span, place: int, end: int) -> bool:
    return place < end and bool(_TABLE.match(span.pread(place, 24)))


def _inner(span: Span, good: int) -> int:
    """Where a document begins that was put right behind the first, with a cross-reference that counts from there."""
    after = span.pread(good, 64)
    at = after.find(b"%PDF-")
    return good + at if at >= 0 else 0


def _last_line(span: Span, end: int) -> int:
    """The end with the line break that closes it."""
    after = span.pread(end, 16)
    return end + len(after) - len(after.lstrip(b"\r\n "))


def _moved(span: Span, place: int, end: int) -> tuple[int, int, int] | None:
    """How far the cross-reference lies behind the place it should have: place, gap, end."""
    before = span.pread(max(0, end - (1 << 20)), min(end, 1 << 20))
    base = max(0, end - (1 << 20))
    at = before.rfind(b"\nxref")
    at = before.rfind(b"\rxref") if at < 0 else at
    if at < 0:
        return None
    gap = base + at + 1 - place
    return (place, gap, end) if gap > 0 and gap % SECTOR == 0 and place > 0 else None


def _bridge(span: Span, place: int, gap: int, end: int) -> Carved | None:
    """Find where the gap begins by the objects that the cross-reference names: before it in place, after it moved."""
    table = span.pread(place + gap, min(1 << 20, end - place - gap))
    objects = sorted(int(m[1]) for m in _ENTRY.finditer(table) if 0 < int(m[1]) < place)
    low, high = 0, place
    for at in objects:
        here, there = _is_object(span, at), _is_object(span, at + gap)
        if here and at > low and not there:
            low = at
        elif there and not here and at >= low:
            high = at
            break
    first = -(-(span.offset + low + 1) // SECTOR) * SECTOR - span.offset
    cuts = list(range(first, high + 1, SECTOR))
    if not cuts or high < low:
        return None
    cut, proved = _cut(span, low, high, gap, cuts)
    end = _last_line(span, end)
    extents = ((span.offset, cut), (span.offset + cut + gap, end - cut - gap))
    flags = ("rejoined",) if proved else ("rejoined", "uncertain")
    return Carved(_KIND, extents, "", 1.0 if proved else 0.5, flags)


def _is_object(span: Span, at: int) -> bool:
    return bool(re.match(rb"\s{0,4}\d{1,9}\s+\d{1,5}\s+obj", span.pread(at, 32)))


def _cut(span: Span, low: int, high: int, gap: int, cuts: list[int]) -> tuple[int, bool]:
    """The sector at which the object between unpacks, when it is packed; else the last one that leaves it closed."""
    if len(cuts) == 1:
        return cuts[0], True
    head = span.pread(low, 2048)
    m = re.search(rb"stream\r?\n", head)
    if m and b"/FlateDecode" in head[: m.start()] and high - low < 16 << 20:
        start = low + m.end()
        for cut in cuts:
            if cut > start and span.ground.afford((high - start) * 4):
                raw = span.pread(start, cut - start) + span.pread(cut + gap, high - cut)
                if _inflates(raw):
                    return cut, True
    for cut in reversed(cuts):
        if b"endobj" in (span.pread(max(low, cut - 64), min(64, cut - low)) + span.pread(cut + gap, high - cut))[-64:]:
            return cut, False
    return cuts[-1], False


def _inflates(raw: bytes) -> bool:
    try:
        unpacker, made = zlib.decompressobj(), 0
        while made < _UNPACKED and (piece := unpacker.decompress(raw, 1 << 20)):
            made, raw = made + len(piece), unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof
