"""MP4, MOV, 3GP, HEIC: boxes one after the other, and the places of the samples that they name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.carve import moviejoin
from moisson.carve.ground import SECTOR, Span
from moisson.carve.samples import SAMPLES, UNITS, chunks
from moisson.extract.boxes import Box, inside
from moisson.identify.containers import media_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_TOP = frozenset(
    b"ftyp moov mdat free skip wide meta uuid moof mfra sidx styp pnot udta PICT pdin emsg ssix prft mfro junk".split()
)
_BOXES = 100_000
_METADATA = re.compile(rb"Exif|II\*\0|MM\0\*|<x:xmp|<\?xpacket")


def carve_movie(data: Reader, offset: int, limit: int) -> Carved | None:
    """An ISO base media file by its boxes; where it tells of samples, they must look like samples."""
    span = Span(data, offset, limit)
    kind = media_kind(span.pread(0, 512))
    if not kind:
        return None
    found, end, cut = _boxes(span)
    names = {box.kind for box in found}
    if names >= {b"ftyp", b"mdat"} and not cut and not names & {b"moov", b"moof", b"meta"}:
        return moviejoin.with_tables_behind(span, kind, found, end)
    if not names & {b"moov", b"meta", b"moof"} or not names & {b"mdat", b"moof", b"meta"}:
        return span.carved(kind, span.size, 0.2, "truncated") if cut and b"mdat" in names and b"ftyp" in names else None
    if cut:
        stop = _break(span, found, span.size)
        if stop < span.size and (joint := moviejoin.with_tables_before(span, kind, found, end, stop)):
            return joint
        end = _break(span, found, span.size)
        return span.carved(kind, end, 0.4, "truncated") if end > 64 else None
    if kind.startswith("image/") and not _pictures_hold(span, found):
        return span.carved(kind, end, 0.45, "damaged")
    last = max((box.end for box in found if box.kind == b"mdat"), default=end)
    stop = _break(span, found, last)
    if stop < last:
        if joint := moviejoin.with_tables_before(span, kind, found, end, stop):
            return joint
        return span.carved(kind, end, 0.45, "damaged")
    return span.carved(kind, end, 0.95)


def _boxes(span: Span) -> tuple[list[Box], int, bool]:
    """The boxes at the top, where they end, and whether the last one runs over the end."""
    found: list[Box] = []
    at = 0
    seen: set[bytes] = set()
    for _ in range(_BOXES):
        head = span.pread(at, 16)
        size, kind, body = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if kind not in _TOP or (kind in (b"ftyp", b"moov") and kind in seen):
            break
        if size == 1 and len(head) == 16:
            size, body = int.from_bytes(head[8:], "big"), at + 16
        if size == 0:
            size = _samples_end(span, found) - at
        if size < body - at:
            break
        seen.add(kind)
        found.append(Box(kind, body, min(at + size, span.size)))
        if at + size > span.size:
            return found, span.size, True
        at += size
    return found, at, False


def _samples_end(span: Span, found: list[Box]) -> int:
    """Where the last chunk ends that the samples' tables name, for a box that says «to the end of the file»."""
    return max((at + size for at, size, _ in chunks(span, found)), default=0)


def _pictures_hold(span: Span, found: list[Box]) -> bool:
    """Whether the larger items of a HEIC are chains of units (ISO/IEC 14496-15), all but those of metadata."""
    meta = next((span.pread(box.at, min(box.size, 1 << 18)) for box in found if box.kind == b"meta"), b"")
    items = (item for item in _items(span, found) if item[1] >= 4096)
    return b"hvc1" not in meta or all(
        _is_chain(span, *item) or _METADATA.search(span.pread(item[0], 32)) for item in items
    )


def _is_chain(span: Span, at: int, size: int) -> bool:
    end, units = at + size, 0
    while at < end and units < 1000:
        length = span.number(at, 4, big=True)
        if length <= 0 or at + 4 + length > end or span.number(at + 4, 1) & 0x80:
            return False
        at, units = at + 4 + length, units + 1
    return at == end


def _items(span: Span, found: list[Box]) -> Iterator[tuple[int, int]]:
    """Where the items lie that a picture file names (ISO/IEC 14496-12, iloc)."""
    data = span.reader(span.size)
    meta = next((box for box in found if box.kind == b"meta"), None)
    iloc = inside(data, meta, b"iloc") if meta else None
    raw = data.pread(iloc.at, min(iloc.size, 1 << 20)) if iloc else b""
    if len(raw) < 8 or raw[0] > 2:
        return
    version, wide = raw[0], 4 if raw[0] == 2 else 2
    sizes = (raw[4] >> 4, raw[4] & 15, raw[5] >> 4, raw[5] & 15 if version else 0)
    at = 6 + wide

    def take(width: int) -> int:
        nonlocal at
        at += width
        return int.from_bytes(raw[at - width : at], "big")

    for _ in range(min(int.from_bytes(raw[6:at], "big"), 5000)):
        take(wide)
        method = take(2) & 15 if version else 0
        take(2)
        base, count = take(sizes[2]), take(2)
        for _ in range(min(count, 100)):
            take(sizes[3])
            place, size = base + take(sizes[0]), take(sizes[1])
            if method == 0 and count == 1 and at <= len(raw):
                yield place, size


def _break(span: Span, found: list[Box], last: int) -> int:
    """The first chunk of samples in units that does not look like one, at its sector; `last` when all do."""
    placed = sorted(c for c in chunks(span, found) if c[2] in UNITS and c[1] > 8)
    step = max(1, len(placed) // SAMPLES)
    for good, (at, size, codec) in enumerate(placed[::step]):
        raw = span.pread(at, 5)
        unit = int.from_bytes(raw[:4], "big")
        plain = len(raw) == 5 and 0 < unit <= size - 4 and not raw[4] & 0x80 and (raw[4] or codec[:1] == b"h")
        if not plain:
            return max(at // SECTOR * SECTOR, min(64, last)) if good else last
    return last
