"""JPEG: its segments, its scans to the closing marker, decoded before it is believed (ITU-T T.81)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.carve import mend, segments
from moisson.carve.ground import SECTOR, Span

if TYPE_CHECKING:
    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_KIND = "image/jpeg"


def carve_jpeg(data: Reader, offset: int, limit: int) -> Carved | None:
    """A JPEG that decodes; one that lies in pieces is joined where its own decoding proves the joint."""
    span = Span(data, offset, limit)
    layout = segments.survey(span)
    if layout.frame is None or not layout.scans:
        return None
    if layout.closed:
        end = _more_pictures(span, layout.end)
        fine = segments.decodes(span, layout.end, layout.frame)
        if fine and not mend.doubtful(span, layout):
            return span.carved(_KIND, end)
        if found := mend.join(span, layout):
            return found
        return span.carved(_KIND, end, 0.7, "uncertain") if fine else span.carved(_KIND, end, 0.45, "damaged")
    if found := mend.join(span, layout):
        return found
    end = min(-(-(offset + layout.end) // SECTOR) * SECTOR - offset, span.size)
    return span.carved(_KIND, end, 0.4, "truncated") if layout.end > layout.scans[0] + 64 else None


def _more_pictures(span: Span, end: int) -> int:
    """Where further pictures end that the first one's index counts as its own (CIPA DC-007, MPF)."""
    head = span.pread(0, 1 << 16)
    mark = head.find(b"MPF\0")
    if mark < 0 or head[mark + 4 : mark + 8] not in (b"II*\0", b"MM\0*"):
        return end
    order = "little" if head[mark + 4 : mark + 5] == b"I" else "big"
    base = mark + 4
    entries = head.find(b"\x02\xb0\x07\0" if order == "little" else b"\xb0\x02\0\x07", base, base + 512)
    if entries < 0:
        return end
    size, place = (int.from_bytes(head[entries + i : entries + i + 4], order) for i in (4, 8))  # type: ignore[arg-type]
    for i in range(1, min(size // 16, 16)):
        row = head[base + place + 16 * i : base + place + 16 * i + 16]
        length, start = (int.from_bytes(row[j : j + 4], order) for j in (4, 8))  # type: ignore[arg-type]
        start += base
        if start >= end and start + length <= span.size and span.pread(start, 2) == b"\xff\xd8":
            if span.pread(start + length - 2, 2) != b"\xff\xd9":
                break
            end = start + length
    return end
