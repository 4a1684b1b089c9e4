"""SQLite: databases by their pages, logs by their frames (SQLite file format)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from moisson.carve import room
from moisson.carve.ground import SECTOR, Carved, Part, Span
from moisson.extract.btree import pointers, varint, width

if TYPE_CHECKING:
    from moisson.reader import Reader

_KIND, _WAL = "application/vnd.sqlite3", "application/x-sqlite-wal"
_TREES = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
_COUNT = 1 << 21
# Pages of Firefox, whose databases grow by half a mebibyte.
_BROWSER, _GROWTH = 1 << 15, 1 << 19
_REACH = 16 << 20
_LOOKED = 4096
_ANY = 1 << 64
SIZES = frozenset(1 << n for n in range(9, 17))


def carve_sqlite(data: Reader, offset: int, limit: int) -> Carved | None:
    """A database by the number of pages in its header and trees that hold together; joined where the trees prove it."""
    span = Span(data, offset, limit)
    head = span.pread(0, 108)
    size = _page_size(head)
    if not size or head[100] not in (0x0D, 0x05):
        return None
    count = int.from_bytes(head[28:32], "big")
    if not count or head[24:28] != head[92:96]:
        count = _highest(span, size)
    if count > _COUNT:
        return None
    after, framed = span.pread(size, size), span.pread(size + 24, size)
    if len(framed) == size and any(after) and page_holds(framed) and not page_holds(after):
        return None
    total = count * size
    if count > 1 and not _roots(span, size):
        return span.carved(_KIND, size, 0.35, "truncated") if span.size >= size else None
    broken = _broken(span, min(count, span.size // size), size)
    if broken < 0 and total <= span.size:
        grown = room.given(span, _KIND, total, -(-total // _GROWTH) * _GROWTH) if size == _BROWSER else None
        return grown or span.carved(_KIND, total)
    if broken > 0 and (found := _bridge(span, count, size, broken)):
        return found
    if total <= span.size:
        return span.carved(_KIND, total, 0.45, "damaged")
    end = max(1, broken if broken > 0 else span.size // size) * size
    return span.carved(_KIND, min(end, span.size), 0.4, "truncated")


def _page_size(head: bytes) -> int:
    """The page size of a header that makes sense, or 0."""
    if len(head) < 108 or head[21:24] != b"\x40\x20\x20" or head[18] not in (1, 2) or head[19] not in (1, 2):
        return 0
    size = int.from_bytes(head[16:18], "big")
    size = 65536 if size == 1 else size
    good = size in SIZES and int.from_bytes(head[44:48], "big") <= 4 and int.from_bytes(head[56:60], "big") <= 3
    return size if good else 0


def _highest(span: Span, size: int) -> int:
    """The highest page that any other names, for headers older than the count."""
    usable = size - span.number(20, 1)
    highest, waiting, seen = 1, [*_roots(span, size)], set[int]()
    while waiting and len(seen) < _LOOKED * 4:
        number = waiting.pop()
        raw = span.pread((number - 1) * size, size)
        if number in seen or number * size > span.size or not page_holds(raw):
            continue
        seen.add(number)
        below = _children(raw, 0)
        waiting += below
        highest = max(highest, number, *(n for n in (*below, *_overflows(span, raw, usable, size)) if n < _COUNT))
    trunk, lists = span.number(32, 4, big=True), 0
    while 0 < trunk < _COUNT and lists < _LOOKED and (raw := span.pread((trunk - 1) * size, size)):
        count = min(int.from_bytes(raw[4:8], "big"), size // 4 - 2)
        leaves = [int.from_bytes(raw[8 + 4 * i : 12 + 4 * i], "big") for i in range(count)]
        highest = max(highest, trunk, *(n for n in leaves if n < _COUNT), 0)
        trunk, lists = int.from_bytes(raw[:4], "big"), lists + 1
    return highest


def _overflows(span: Span, raw: bytes, usable: int, size: int) -> list[int]:
    """The pages over which the records of a page run."""
    if raw[0] not in (0x0D, 0x0A):
        return [0]
    found = [0]
    for at in pointers(raw, 0, 8):
        payload, at = varint(raw, at)
        if raw[0] == 0x0D:
            _, at = varint(raw, at)
        most = usable - 35 if raw[0] == 0x0D else (usable - 12) * 64 // 255 - 23
        if payload <= most:
            continue
        least = (usable - 12) * 32 // 255 - 23
        local = least + (payload - least) % (usable - 4)
        at += local if local <= most else least
        page, left = int.from_bytes(raw[at : at + 4], "big"), 1000
        while 0 < page < _COUNT and left:
            found.append(page)
            page, left = max(0, span.number((page - 1) * size, 4, big=True)), left - 1
    return found


def page_holds(raw: bytes, base: int = 0) -> bool:
    """Whether a page is a tree's page whose header and pointers make sense."""
    if len(raw) < base + 12:
        return False
    header = _TREES.get(raw[base], 0)
    free, cells, content = struct.unpack_from(">HHH", raw, base + 1)
    content = content or 65536
    start = base + header + 2 * cells
    if not header or start > content or content > len(raw) or (free and not start <= free < len(raw)):
        return False
    if not cells:
        return not free and content >= len(raw) - 64
    places = pointers(raw, base, header)
    return len(places) == cells and all(at >= content for at in places[:64])


def _broken(span: Span | Part, count: int, size: int) -> int:
    """The first page that a tree points at and that is no tree's page there, or -1 when all are.

    Below a page of a table or an index there are only such; rows of a table lie between the numbers that lead there.
    """
    waiting: list[Below] = [Below(number, 0, -_ANY, _ANY) for number in _roots(span, size)]
    seen, worst = set[int](), -1
    while waiting and len(seen) < _LOOKED:
        due = waiting.pop()
        number = due.number
        if number in seen or number < 2:
            continue
        seen.add(number)
        raw = span.pread((number - 1) * size, size) if number <= count else b""
        if len(raw) < size or not page_holds(raw) or not _belongs(raw, due):
            worst = number - 1 if worst < 0 else min(worst, number - 1)
        else:
            waiting += _below(raw, due)
    return worst


class Below(NamedTuple):
    """A page that another points at: what family it is of (the type of its parent), and the numbers it may hold."""

    number: int
    parent: int
    low: int
    high: int


def _belongs(raw: bytes, due: Below) -> bool:
    """Whether a page may stand where it is pointed at."""
    if due.parent and raw[0] & 0x07 != due.parent & 0x07:
        return False
    if raw[0] != 0x0D or due.parent != 0x05:
        return True
    places = pointers(raw, 0, 8)
    rows = [varint(raw, varint(raw, at)[1])[0] for at in (places[0], places[-1])] if places else []
    return all(due.low < (row - (1 << 64) if row >> 63 else row) <= due.high for row in rows)


def _below(raw: bytes, due: Below) -> list[Below]:
    """The pages below an interior page."""
    found, low = list[Below](), due.low
    if raw[0] not in (0x05, 0x02):
        return found
    for at in pointers(raw, 0, 12):
        key = varint(raw, at + 4)[0] if raw[0] == 0x05 else _ANY
        key = key - (1 << 64) if key >> 63 == 1 else key
        found.append(Below(int.from_bytes(raw[at : at + 4], "big"), raw[0], low, key))
        low = key if raw[0] == 0x05 else low
    found.append(Below(int.from_bytes(raw[8:12], "big"), raw[0], low, due.high))
    return found


def _children(raw: bytes, base: int) -> list[int]:
    """The pages below an interior page, in their order."""
    if raw[base] not in (0x05, 0x02):
        return []
    below = [int.from_bytes(raw[at : at + 4], "big") for at in pointers(raw, base, 12)]
    return [*below, int.from_bytes(raw[base + 8 : base + 12], "big")]


def _roots(span: Span | Part, size: int) -> list[int]:
    """The first pages of the schema's own tree and of the tables and indexes that it names."""
    waiting, found, schema = [1], list[int](), list[int]()
    while waiting and len(schema) < _LOOKED:
        number = waiting.pop()
        base = 100 if number == 1 else 0
        raw = span.pread((number - 1) * size, size)
        if number in schema or len(raw) < size or not page_holds(raw, base):
            continue
        schema.append(number)
        waiting += _children(raw, base)
        if raw[base] == 0x0D:
            found += [n for at in pointers(raw, base, 8) if (n := _root(raw, at)) > 1]
    return [*schema[1:], *found]


def _root(raw: bytes, at: int) -> int:
    """The first page of a table, as its row in the schema says (the fourth of five columns), or 0."""
    _, at = varint(raw, at)
    _, at = varint(raw, at)
    start, (length, at) = at, varint(raw, at)
    serials: list[int] = []
    while at < start + length and len(serials) < 6:
        serial, at = varint(raw, at)
        serials.append(serial)
    if len(serials) < 5 or any(width(s) < 0 for s in serials) or not 1 <= serials[3] <= 6:
        return 0
    place = start + length + sum(width(s) for s in serials[:3])
    return int.from_bytes(raw[place : place + width(serials[3])], "big")


def _bridge(span: Span, count: int, size: int, broken: int) -> Carved | None:
    """One gap before the first page that does not hold: trees must hold with it, wherever it begins and ends."""
    if broken >= count or not span.ground.afford(_REACH):
        return None
    for gap in range(SECTOR, _REACH, SECTOR):
        at = broken * size + gap
        raw = span.pread(at, size)
        if len(raw) < size:
            return None
        if raw.startswith(b"SQLite format 3"):
            return None
        if raw[0] not in _TREES or not page_holds(raw):
            continue
        for cut in range(broken, max(0, broken - 64), -1):
            if not span.ground.afford(size * 64):
                return None
            part = Part(span, 0, cut * size, cut * size + gap, (count - cut) * size)
            if cut * size + gap + (count - cut) * size <= span.size and _broken(part, count, size) < 0:
                extents = tuple((span.offset + a, n) for a, n in part.ranges)
                sure = cut == broken and page_holds(span.pread((cut - 1) * size, size), 100 if cut == 1 else 0)
                return Carved(_KIND, extents, "", 0.9, ("rejoined",) if sure else ("rejoined", "uncertain"))
    return None


def carve_wal(data: Reader, offset: int, limit: int) -> Carved | None:
    """A write-ahead log: its header's sum, then frames of its salts or of the rounds before."""
    span = Span(data, offset, limit)
    head = span.pread(0, 32)
    if len(head) < 32 or head[4:8] != b"\x00\x2d\xe2\x18" or int.from_bytes(head[8:12], "big") not in SIZES:
        return None
    order = ">" if head[3] & 1 else "<"
    one = two = 0
    for a, b in struct.iter_unpack(f"{order}II", head[:24]):
        one = one + a + two & 0xFFFFFFFF
        two = two + b + one & 0xFFFFFFFF
    if (one, two) != struct.unpack(">II", head[24:]):
        return None
    size, salt, at = int.from_bytes(head[8:12], "big"), int.from_bytes(head[16:20], "big"), 32
    while at + 24 + size <= span.size:
        frame = span.pread(at, 24)
        older = salt - int.from_bytes(frame[8:12], "big") & 0xFFFFFFFF
        if not 0 < int.from_bytes(frame[:4], "big") < _COUNT or older > 10_000:
            break
        at += 24 + size
    return span.carved(_WAL, at, 0.95) if at > 32 else None
