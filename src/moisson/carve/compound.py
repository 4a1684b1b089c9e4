"""Compound files: their allocation table says how many sectors they have ([MS-CFB])."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from moisson.carve import compoundjoin
from moisson.carve.ground import SECTOR, Carved, Part, Span
from moisson.identify.containers import compound_kind
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

_FREE, _TABLE, _MOST = 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFA
_SECTORS = 1 << 16
_REACH = 16 << 20
_CLUSTER, _NOISE = 4096, 190


def carve_compound(data: Reader, offset: int, limit: int) -> Carved | None:
    """A compound file to its last sector in use; a gap is measured by how far its directory has moved."""
    span = Span(data, offset, limit)
    head = span.pread(0, 512)
    if len(head) < 512 or head[28:30] != b"\xfe\xff" or head[30:32] not in (b"\x09\0", b"\x0c\0"):
        return None
    shift = head[30]
    count, first = struct.unpack_from("<II", head, 44)
    if not 0 < count < _SECTORS or first >= _MOST or (shift == 9) != (head[26:28] == b"\3\0"):
        return None
    size = _measure(span, head, shift)
    if size and _is_root(span, (first + 1) << shift):
        size = min(size, span.size)
        kind = compound_kind(span.reader(size), head)
        if (doubt := compoundjoin.doubtful(span.reader(size), table(span, head, shift), first, shift)) is None:
            return span.carved(kind, size, 0.95)
        found = compoundjoin.rejoin(span, doubt, size, kind, table(span, head, shift), first, shift)
        return found or span.carved(kind, size, 0.6, "uncertain")
    if found := _bridge(span, head, shift, first):
        return found
    if _is_root(span, (first + 1) << shift):
        end = min(max((first + 2) << shift, SECTOR), span.size)
        return span.carved(compound_kind(span.reader(end), head), end, 0.35, "truncated")
    return None


def _is_root(span: Span, at: int) -> bool:
    raw = span.pread(at, 128)
    return len(raw) == 128 and raw[66] == 5 and 2 <= int.from_bytes(raw[64:66], "little") <= 64


def _table_sectors(span: Span, head: bytes, shift: int, moved: int = 0, cut: int = 1 << 62) -> Iterator[int]:
    """The sectors of the allocation table in order, those beyond the header's list included."""
    count = int.from_bytes(head[44:48], "little")
    listed = struct.unpack_from("<109I", head, 76)
    yield from (s for s in listed[: min(count, 109)])
    left, at = count - 109, int.from_bytes(head[68:72], "little")
    seen: set[int] = set()
    while left > 0 and at < _MOST and at not in seen:
        seen.add(at)
        place = (at + 1) << shift
        raw = span.pread(place + (moved if place >= cut else 0), 1 << shift)
        if len(raw) < 1 << shift:
            return
        numbers = struct.unpack(f"<{len(raw) // 4}I", raw)
        yield from numbers[: min(left, len(numbers) - 1)]
        left, at = left - (len(numbers) - 1), numbers[-1]


def table(span: Span, head: bytes, shift: int, moved: int = 0, cut: int = 1 << 62) -> np.ndarray:
    """The allocation table."""
    parts = []
    for sector in _table_sectors(span, head, shift, moved, cut):
        place = (sector + 1) << shift
        parts.append(span.pread(place + (moved if place >= cut else 0), 1 << shift).ljust(1 << shift, b"\xff"))
    return np.frombuffer(b"".join(parts), "<u4")


def _measure(span: Span, head: bytes, shift: int, moved: int = 0, cut: int = 1 << 62) -> int:
    """The size of the file by its last sector in use, 0 when its table does not hold together."""
    per, last = (1 << shift) // 4, -1
    for index, sector in enumerate(_table_sectors(span, head, shift, moved, cut)):
        place = (sector + 1) << shift
        raw = span.pread(place + (moved if place >= cut else 0), 1 << shift)
        if sector >= _MOST or len(raw) < 1 << shift:
            return 0
        used = np.frombuffer(raw, "<u4")
        if np.any((used < _TABLE - 1) & (used >= 1 << 24)):
            return 0
        if (inside := sector - index * per) in range(per) and used[inside] != _TABLE:
            return 0
        filled = np.flatnonzero(used != _FREE)
        if len(filled):
            last = index * per + int(filled[-1])
    size = (last + 2) << shift
    return size if last >= 0 and size <= span.size + (1 << shift) - 1 - moved else 0


def _bridge(span: Span, head: bytes, shift: int, first: int) -> Carved | None:
    """One gap between the header and the directory or table: its length from where they are found instead."""
    place = (first + 1) << shift
    fat = (int.from_bytes(head[76:80], "little") + 1) << shift
    if fat > 1 << 31 or place > 1 << 31 or not span.ground.afford(_REACH):
        return None
    wanted = max(place, fat)
    root = "Root Entry".encode("utf-16-le")
    at = 0
    for _ in range(16):
        at = span.find(root, at, wanted + _REACH)
        if at < 0:
            return None
        gap = at - place
        if gap > 0 and gap % SECTOR == 0 and _is_root(span, at):
            moved = table(span, head, shift, gap, min(place, fat))
            if found := compoundjoin.place(span, head, moved, first, shift, gap, min(place, fat)):
                return found
            for cut in _cuts(span, min(place, fat), place, gap):
                size = min(_measure(span, head, shift, gap, cut), span.size - gap)
                if size > cut:
                    part = Reader(Part(span, 0, cut, cut + gap, size - cut))
                    extents = ((span.offset, cut), (span.offset + cut + gap, size - cut))
                    kind = compound_kind(part, head)
                    return Carved(kind, extents, "", 0.45, ("rejoined", "uncertain"))
        at += 20
    return None


_MARKS = (b"\xff\xd8\xff", b"PK\3\4", b"%PDF", b"\x89PNG", b"GIF8", b"\xd0\xcf\x11\xe0", b"RIFF")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\r\n"


def _cuts(span: Span, low: int, high: int, gap: int) -> list[int]:
    """Where the gap may begin: where what would be in it is of one sort, clusters first; then any guess."""
    near = range(SECTOR, min(high, _SECTORS * SECTOR) + 1, SECTOR)
    foreign = [at for at in near if span.ground.afford(SECTOR) and _foreign(span, at, gap)]
    cuts = [at for at in foreign if not at % _CLUSTER] + [at for at in foreign if at % _CLUSTER]
    return [*cuts[:8], high, low] if low != high else [*cuts[:8], high]


def _foreign(span: Span, at: int, gap: int) -> bool:
    """Whether a range begins a file, or is all zeros, all letters or all noise."""
    head = span.pread(at, SECTOR)
    if head.startswith(_MARKS):
        return True
    raw = span.pread(at, min(gap, 1 << 16)) if len(set(head)) in range(2) or not head.strip(_PLAIN) else b""
    if raw and not (raw.strip(b"\0") and raw.translate(None, _PLAIN)):
        return True
    return all(len(set(span.pread(at + i, SECTOR))) > _NOISE for i in range(0, min(gap, 1 << 15), SECTOR))
