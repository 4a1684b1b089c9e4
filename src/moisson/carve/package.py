"""ZIP and all that is built on it: members in their chain, the directory that names them, their sums (APPNOTE 6.3)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from isal import isal_zlib

from moisson.carve.ground import SECTOR, Carved, Part, Span
from moisson.identify.containers import zip_kind
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHODS = frozenset((0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 14, 16, 18, 19, 93, 94, 95, 96, 97, 98, 99))
_MEMBERS = 200_000
_REACH = 256 << 20
_ENDS = 64
_SWELLS = 4
_CHECKED = 48 << 20
_UNPACKED, _PIECE = 1 << 30, 1 << 20
_BROKEN: Any = (zlib.error, isal_zlib.error)


class Member(NamedTuple):
    """A member as its local header or the directory declares it; `at` is its local header."""

    at: int
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int


def carve_zip(data: Reader, offset: int, limit: int) -> Carved | None:
    """A ZIP by its members and its directory; a gap is measured by the directory and found by the members' sums."""
    span = Span(data, offset, limit)
    if _local(span, 0) is None:
        return None
    at, members = _walk(span)
    end, first = _directory(span, at)
    if end:
        rows = list(_central(span, at, end))
        fine = not first and _sound(Reader(Part(span, 0, end)), rows)
        kind = zip_kind(span.reader(end), span.pread(0, 4096))
        return span.carved(kind, end) if fine else span.carved(kind, end, 0.45, "damaged")
    if found := _farther(span):
        return found
    if members and at > 64:
        return span.carved(zip_kind(span.reader(at), span.pread(0, 4096)), min(at, span.size), 0.4, "truncated")
    return None


def _local(span: Span, at: int) -> tuple[Member, int] | None:
    """A local header and where its data begins."""
    head = span.pread(at, 30)
    if len(head) < 30 or head[:4] != b"PK\3\4":
        return None
    version, flags, method, _, _, crc, packed, _, name, extra = struct.unpack_from("<HHHHHIIIHH", head, 4)
    raw = span.pread(at + 30, name + extra)
    if (version & 0xFF) > 100 or method not in _METHODS or not 0 < name <= 2048 or len(raw) < name + extra:
        return None
    title = raw[:name]
    if b"\0" in title or any(b < 32 for b in title):
        return None
    if packed == 0xFFFFFFFF:
        packed = _long(raw[name:], 8)
    return Member(at, title, flags, method, crc, packed), at + 30 + name + extra


def _long(extra: bytes, skip: int) -> int:
    """The packed size out of the extra field for long files."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1 and size >= skip + 8:
            return int.from_bytes(extra[at + 4 + skip : at + 12 + skip], "little")
        at += 4 + size
    return 0xFFFFFFFF


def _walk(span: Span) -> tuple[int, int]:
    """Where the chain of members ends, and how many of them are whole."""
    at, count = 0, 0
    while count < _MEMBERS and (found := _local(span, at)):
        member, body = found
        end = _described(span, member, body) if member.flags & 8 and not member.packed else body + member.packed
        if member.flags & 8 and member.packed and span.pread(end, 4) == b"PK\7\x08":
            end += 16
        if end < 0 or end > span.size or span.pread(end, 2) != b"PK":
            end = _signed(span, end)
            if end < 0:
                return at, count
        at, count = end, count + 1
    return at, count


def _signed(span: Span, at: int) -> int:
    """Behind the signature of an Android package, or -1 when there is none."""
    size = span.number(at, 8) if at >= 0 else -1
    if 32 <= size < 1 << 26 and span.pread(at + 8 + size - 16, 16) == b"APK Sig Block 42":
        return at + 8 + size
    return -1


def _described(span: Span, member: Member, body: int) -> int:
    """Where a member ends whose sizes stand behind it, its descriptor included; -1 when it does not."""
    if member.method == 8 and not member.flags & 1:
        end = _inflated(span, body)
    else:
        end = body
        for _ in range(_ENDS):
            end = span.find(b"PK\7\x08", end, body + _REACH)
            if end < 0 or span.number(end + 8, 4) == end - body:
                break
            end += 4
    if end < 0:
        return -1
    for size in (16, 12, 24, 20):
        if span.pread(end + size, 2) == b"PK" and span.pread(end + size + 2, 2) in (
            b"\3\4",
            b"\1\2",
            b"\6\6",
            b"\6\x08",
        ):
            return end + size
    return _signed(span, end + 16) if span.pread(end, 4) == b"PK\7\x08" else -1


def _inflated(span: Span, body: int) -> int:
    """Where deflated data ends, or -1."""
    unpacker, at, size = isal_zlib.decompressobj(-15), body, 0
    while at < span.size and size < _UNPACKED and at - body < _REACH:
        piece = span.pread(at, 1 << 16)
        at += len(piece)
        try:
            made = len(unpacker.decompress(piece))
        except _BROKEN:
            return -1
        size += made
        span.ground.unpacked(made)
        if unpacker.eof:
            return at - len(unpacker.unused_data)
        if size > 1 << 20 and size > 1100 * (at - body):
            return -1
    return -1


def _directory(span: Span, at: int) -> tuple[int, int]:
    """Where the directory at `at` and its end record end (0 when there is none), and by how much its offset is off."""
    here = at
    for _ in range(_MEMBERS):
        head = span.pread(here, 46)
        if head[:4] == b"PK\1\2" and len(head) == 46:
            here += 46 + sum(struct.unpack_from("<HHH", head, 28))
        elif head[:4] == b"PK\6\6" and len(head) >= 12:
            here += 12 + int.from_bytes(head[4:12], "little")
        elif head[:4] == b"PK\6\7":
            here += 20
        elif head[:4] == b"PK\5\6" and len(head) >= 22:
            place, comment = struct.unpack_from("<IH", head, 16)
            end = here + 22 + comment
            return (end if end <= span.size else 0), (0 if place in (at, 0xFFFFFFFF) else at - place)
        else:
            break
    return 0, 0


def _central(span: Span, at: int, end: int) -> Iterator[Member]:
    """The rows of a directory."""
    while at < end:
        head = span.pread(at, 46)
        if head[:4] != b"PK\1\2" or len(head) < 46:
            return
        flags, method, _, _, crc, packed, size, name, extra, comment = struct.unpack_from("<HHHHIIIHHH", head, 8)
        raw = span.pread(at + 46, name + extra)
        place = int.from_bytes(head[42:46], "little")
        if packed == 0xFFFFFFFF:
            packed = _long(raw[name:], 8 if size == 0xFFFFFFFF else 0)
        if place != 0xFFFFFFFF and packed != 0xFFFFFFFF:
            yield Member(place, raw[:name], flags, method, crc, packed)
        at += 46 + name + extra + comment


def _sound(data: Reader, rows: list[Member]) -> bool:
    """Whether the members have their sums, as far as that is cheap; locked ones are not looked at."""
    if sum(row.packed for row in rows) > _CHECKED:
        return True
    left = _UNPACKED
    for row in rows:
        if row.flags & 1 or row.method not in (0, 8):
            continue
        head = data.pread(row.at, 30)
        if head[:4] != b"PK\3\4" or len(head) < 30:
            return False
        body = row.at + 30 + sum(struct.unpack_from("<HH", head, 26))
        raw = data.pread(body, row.packed)
        try:
            total, size = _summed(raw, left) if row.method else (zlib.crc32(raw), len(raw))
        except _BROKEN:
            return False
        left -= size
        if left <= 0:
            return True
        if total != row.crc:
            return False
    return True


def _summed(raw: bytes, most: int) -> tuple[int, int]:
    """The sum of what deflated bytes hold, and how much that is, a piece at a time."""
    unpacker, total, size = isal_zlib.decompressobj(-15), 0, 0
    while size < most and (piece := unpacker.decompress(raw, _PIECE)):
        total, size, raw = zlib.crc32(piece, total), size + len(piece), unpacker.unconsumed_tail
    return total, size


def _farther(span: Span) -> Carved | None:
    """A directory further on whose rows begin with this archive's first member: how far it moved is the gap."""
    first = _local(span, 0)
    at = 0
    for _ in range(_ENDS):
        at = span.find(b"PK\5\6", at, _REACH)
        if at < 0 or first is None or not span.ground.afford(1 << 20):
            return None
        size, place = struct.unpack_from("<II", span.pread(at + 12, 8).ljust(8, b"\xff"))
        begin, comment = at - size, max(0, span.number(at + 20, 2))
        rows = list(_central(span, begin, at)) if begin > 0 and span.pread(begin, 4) == b"PK\1\2" else []
        if rows and rows[0].name == first[0].name and not rows[0].at:
            gap, end = begin - place, at + 22 + comment
            if gap == 0 and end <= span.size:
                return span.carved(zip_kind(span.reader(end), span.pread(0, 4096)), end, 0.45, "damaged")
            if gap > 0 and gap % SECTOR == 0 and end <= span.size and (found := _bridge(span, rows, place, gap, end)):
                return found
        at += 4
    return None


def _bridge(span: Span, rows: list[Member], place: int, gap: int, end: int) -> Carved | None:
    """Where the gap begins: in the last member whose header stands in its place, at the sector that gives its sum."""
    low, high = None, place
    for row in sorted(rows):
        found = _local(span, row.at)
        if found and found[0].name == row.name and (found[0].flags & 8 or found[0].crc == row.crc):
            low = row
        elif (moved := _local(span, row.at + gap)) and moved[0].name == row.name:
            high = row.at
            break
        else:
            return None
    if low is None or (found := _local(span, low.at)) is None:
        return None
    body = found[1]
    cut = _cut(span, low, body, high, gap)
    sure = cut > 0
    if not sure and not low.flags & 1 and low.method in (0, 8):
        return None
    cut = cut or -(-(span.offset + body + 1) // SECTOR) * SECTOR - span.offset
    part = Reader(Part(span, 0, cut, cut + gap, end - cut - gap))
    extents = ((span.offset, cut), (span.offset + cut + gap, end - cut - gap))
    kind = zip_kind(part, part.head())
    flags = ("rejoined",) if sure else ("rejoined", "uncertain")
    return Carved(kind, extents, "", 1.0 if sure and _sound(part, rows) else 0.45, flags)


def _cut(span: Span, row: Member, body: int, high: int, gap: int) -> int:
    """The sector boundary at which a member must be cut to have its sum, or 0; behind its end when it is whole."""
    first = -(-(span.offset + body) // SECTOR) * SECTOR - span.offset
    last = body + row.packed
    if row.flags & 1 or row.method not in (0, 8) or row.packed > _CHECKED:
        return 0
    unpacker = zlib.decompressobj(-15) if row.method else None
    total, done = 0, body
    for cut in range(first, max(high, last) + 1, SECTOR):
        head = span.pread(done, min(cut, last) - done)
        try:
            head = unpacker.decompress(head) if unpacker else head
        except zlib.error:
            return 0
        total, done = zlib.crc32(head, total), max(done, min(cut, last))
        if _completes(span, unpacker, total, cut + gap if cut < last else 0, last - min(cut, last), row.crc):
            return cut
        if not span.ground.afford(4096):
            return 0
    return 0


def _completes(span: Span, unpacker: object, total: int, at: int, left: int, wanted: int) -> bool:
    """Whether the rest of a member at `at` completes its sum; most wrong rests fail within a few bytes."""
    copy = unpacker.copy() if unpacker else None  # type: ignore[attr-defined]
    while left > 0:
        piece = span.pread(at, min(left, 1 << 14))
        if not piece or (copy is None and not span.ground.afford(len(piece))):
            return False
        try:
            made = copy.decompress(piece, _PIECE) if copy else piece
        except zlib.error:
            return False
        taken = len(piece) - len(copy.unconsumed_tail) if copy else len(piece)
        if copy and not span.ground.afford(len(made) // _SWELLS):
            span.ground.credit = 0
            return False
        if not taken and not made:
            return False
        at, left = at + taken, left - taken
        total = zlib.crc32(made, total)
    return total == wanted and (copy is None or copy.eof)
