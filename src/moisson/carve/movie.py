"""MP4, MOV, 3GP, HEIC: boxes one after the other, and the places of the samples that they name."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Span
from moisson.extract.boxes import Box, boxes, inside
from moisson.identify.containers import media_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_TOP = frozenset(
    b"ftyp moov mdat free skip wide meta uuid moof mfra sidx styp pnot udta PICT pdin emsg ssix prft mfro junk".split()
)
_BOXES = 100_000
_SAMPLES = 4000
_METADATA = re.compile(rb"Exif|II\*\0|MM\0\*|<x:xmp|<\?xpacket")
_NALS = frozenset((b"avc1", b"avc3", b"hvc1", b"hev1"))


def carve_movie(data: Reader, offset: int, limit: int) -> Carved | None:
    """An ISO base media file by its boxes; where it tells of samples, they must look like samples."""
    span = Span(data, offset, limit)
    kind = media_kind(span.pread(0, 512))
    if not kind:
        return None
    found, end, cut = _boxes(span)
    names = {box.kind for box in found}
    if not names & {b"moov", b"meta", b"moof"} or not names & {b"mdat", b"moof", b"meta"}:
        return span.carved(kind, span.size, 0.2, "truncated") if cut and b"mdat" in names and b"ftyp" in names else None
    if cut:
        end = _break(span, found, span.size)
        return span.carved(kind, end, 0.4, "truncated") if end > 64 else None
    if kind.startswith("image/") and not _pictures_hold(span, found):
        return span.carved(kind, end, 0.45, "damaged")
    last = max((box.end for box in found if box.kind == b"mdat"), default=end)
    stop = _break(span, found, last)
    if stop < last:
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
    return max((at + size for at, size, _ in _chunks(span, found)), default=0)


def _tracks(span: Span, found: list[Box]) -> Iterator[tuple[Reader, Box, bytes]]:
    data = span.reader(span.size)
    moov = next((box for box in found if box.kind == b"moov"), None)
    if moov is None:
        return
    for track in boxes(data, moov.at, moov.end):
        table = inside(data, track, b"mdia", b"minf", b"stbl") if track.kind == b"trak" else None
        if table is None:
            continue
        described = inside(data, table, b"stsd")
        codec = data.pread(described.at + 12, 4) if described else b""
        yield data, table, codec


def _chunks(span: Span, found: list[Box]) -> Iterator[tuple[int, int, bytes]]:
    """Where chunks begin, how long they are at most (their first sample for a codec of units), and their codec."""
    for data, table, codec in _tracks(span, found):
        places = _numbers(data, table)
        sizes, counts = _sizes(data, table), _runs(data, table)
        sample = 0
        for number, at in enumerate(places, 1):
            per = next((n for first, n in reversed(counts) if first <= number), 1)
            own = sizes[sample : sample + per] if len(sizes) > 1 else (sizes or [0]) * min(per, 1000)
            yield at, own[0] if codec in _NALS and own else sum(own), codec
            sample += per


def _numbers(data: Reader, table: Box) -> list[int]:
    """The places of the chunks (stco, co64)."""
    for kind, width, code in ((b"stco", 4, "I"), (b"co64", 8, "Q")):
        if box := inside(data, table, kind):
            count = min(int.from_bytes(data.pread(box.at + 4, 4), "big"), box.size // width, _SAMPLES * 50)
            raw = data.pread(box.at + 8, count * width)
            return list(struct.unpack(f">{len(raw) // width}{code}", raw[: len(raw) // width * width]))
    return []


def _sizes(data: Reader, table: Box) -> list[int]:
    box = inside(data, table, b"stsz")
    if not box:
        return []
    same, count = struct.unpack(">II", data.pread(box.at + 4, 8).ljust(8, b"\0"))
    if same:
        return [same]
    raw = data.pread(box.at + 12, min(count, box.size // 4, 1 << 20) * 4)
    return list(struct.unpack(f">{len(raw) // 4}I", raw[: len(raw) // 4 * 4]))


def _runs(data: Reader, table: Box) -> list[tuple[int, int]]:
    box = inside(data, table, b"stsc")
    raw = data.pread(box.at + 8, min(box.size, 1 << 16)) if box else b""
    return [struct.unpack_from(">II", raw, i) for i in range(0, len(raw) - 11, 12)]  # type: ignore[misc]


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
    chunks = sorted(c for c in _chunks(span, found) if c[2] in _NALS and c[1] > 8)
    step = max(1, len(chunks) // _SAMPLES)
    for good, (at, size, codec) in enumerate(chunks[::step]):
        raw = span.pread(at, 5)
        unit = int.from_bytes(raw[:4], "big")
        plain = len(raw) == 5 and 0 < unit <= size - 4 and not raw[4] & 0x80 and (raw[4] or codec[:1] == b"h")
        if not plain:
            return max(at // SECTOR * SECTOR, min(64, last)) if good else last
    return last
