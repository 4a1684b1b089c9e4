"""Where the samples of a film lie, as its tables say (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.extract.boxes import Box, boxes, inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.carve.ground import Span
    from moisson.reader import Reader

UNITS = frozenset((b"avc1", b"avc3", b"hvc1", b"hev1"))
SAMPLES = 4000
_MANY = 200_000


def tracks(span: Span, found: Sequence[Box]) -> Iterator[tuple[Reader, Box, bytes]]:
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


def chunks(span: Span, found: Sequence[Box]) -> Iterator[tuple[int, int, bytes]]:
    """Where chunks begin, how long they are at most (their first sample for a codec of units), and their codec."""
    for data, table, codec in tracks(span, found):
        places = _numbers(data, table)
        sizes, counts = _sizes(data, table), _runs(data, table)
        sample = 0
        for number, at in enumerate(places, 1):
            per = next((n for first, n in reversed(counts) if first <= number), 1)
            own = sizes[sample : sample + per] if len(sizes) > 1 else (sizes or [0]) * min(per, 1000)
            yield at, own[0] if codec in UNITS and own else sum(own), codec
            sample += per


def _numbers(data: Reader, table: Box) -> list[int]:
    """The places of the chunks (stco, co64)."""
    for kind, width, code in ((b"stco", 4, "I"), (b"co64", 8, "Q")):
        if box := inside(data, table, kind):
            count = min(int.from_bytes(data.pread(box.at + 4, 4), "big"), box.size // width, SAMPLES * 50)
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


def units(span: Span, found: Sequence[Box]) -> list[tuple[int, int]]:
    """Where the samples lie that are chains of units with their lengths in front, in order."""
    places: list[tuple[int, int]] = []
    for data, table, codec in tracks(span, found):
        if codec not in UNITS:
            continue
        sizes, counts, sample = _sizes(data, table), _runs(data, table), 0
        for number, place in enumerate(_numbers(data, table), 1):
            per, at = next((n for first, n in reversed(counts) if first <= number), 1), place
            for size in sizes[sample : sample + per]:
                places.append((at, size))
                at += size
            sample += per
            if len(places) > _MANY:
                break
    return sorted(places)


def chained(span: Span, at: int, size: int) -> bool:
    """Whether units fill a sample."""
    end = at + size
    while at + 5 <= end:
        raw = span.pread(at, 5)
        length = int.from_bytes(raw[:4], "big")
        if len(raw) < 5 or raw[4] & 0x80 or not length or at + 4 + length > end:
            return False
        at += 4 + length
    return at == end
