"""SQLite's pages read without SQLite: cells, freed cells and free pages (SQLite database file format)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

Value = None | int | float | str | bytes

LEAF, INTERIOR = 0x0D, 0x05
_WIDTHS = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
_ENCODINGS = {2: "utf-16-le", 3: "utf-16-be"}
_PAYLOAD = 64 << 20
_COLUMNS = 2000
_PAGES = 1 << 20
_TRIES = 300


class Shape(NamedTuple):
    """How many columns a table has, and whether the first is the number of the row and so has no value of its own."""

    columns: int = 0
    keyed: bool = False


class Row(NamedTuple):
    """A record: its number and its values, in the order of the columns."""

    rowid: int
    values: tuple[Value, ...]


def varint(raw: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and where it ends; -1 when it runs over the end."""
    value = 0
    for i in range(9):
        if at + i >= len(raw):
            return -1, at
        byte = raw[at + i]
        if i == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at + i + 1
    return -1, at


def width(serial: int) -> int:
    """How many bytes a value of this serial type has; -1 for the two reserved types."""
    if serial >= 12:
        return (serial - 12) >> 1
    return _WIDTHS[serial] if 0 <= serial < 10 else -1


class Pages:
    """The pages of a database; numbers count from 1."""

    def __init__(self, data: Reader) -> None:
        head = data.head(100)
        size = int.from_bytes(head[16:18], "big") if len(head) == 100 else 0
        self.size = 65536 if size == 1 else size
        if self.size < 512 or self.size & (self.size - 1):
            raise DamagedError("no page size")
        self.data = data
        self.usable = max(480, self.size - head[20])
        self.count = min(-(-data.size // self.size), _PAGES)
        self.encoding = _ENCODINGS.get(int.from_bytes(head[56:60], "big"), "utf-8")
        self.trunk = int.from_bytes(head[32:36], "big")

    def page(self, number: int) -> bytes:
        """The bytes of a page, or nothing beyond the end."""
        return self.data.pread((number - 1) * self.size, self.size) if 0 < number <= self.count else b""

    def walk(self, root: int) -> Iterator[tuple[int, bytes]]:
        """The leaf pages of a table from its root, in order; pages that are no part of a tree are passed over."""
        waiting, seen = [root], set[int]()
        while waiting:
            number = waiting.pop()
            if number in seen or not (raw := self.page(number)):
                continue
            seen.add(number)
            base = 100 if number == 1 else 0
            if raw[base] == LEAF:
                yield number, raw
            elif raw[base] == INTERIOR:
                cells = pointers(raw, base, 12)
                below = [int.from_bytes(raw[at : at + 4], "big") for at in cells]
                waiting += [int.from_bytes(raw[base + 8 : base + 12], "big"), *reversed(below)]

    def rows(self, number: int, raw: bytes) -> Iterator[Row]:
        """The records of a leaf page that can be read."""
        for at in pointers(raw, 100 if number == 1 else 0, 8):
            payload, at = varint(raw, at)
            rowid, at = varint(raw, at)
            if 0 <= payload <= _PAYLOAD and rowid != -1:
                values = self.record(self._payload(raw, at, payload))
                if values:
                    yield Row(rowid - (1 << 64) if rowid >> 63 else rowid, values)

    def _payload(self, raw: bytes, at: int, size: int) -> bytes:
        """The bytes of a record with what overflows into other pages (file format 1.6)."""
        most = self.usable - 35
        if size <= most:
            return raw[at : at + size]
        least = (self.usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self.usable - 4)
        local = local if local <= most else least
        parts, left = [raw[at : at + local]], size - local
        following, seen = int.from_bytes(raw[at + local : at + local + 4], "big"), set[int]()
        while left > 0 and following not in seen and (page := self.page(following)):
            seen.add(following)
            parts.append(page[4 : 4 + min(left, self.usable - 4)])
            left -= self.usable - 4
            following = int.from_bytes(page[:4], "big")
        return b"".join(parts)

    def record(self, raw: bytes) -> tuple[Value, ...]:
        """The values of a record; those that the bytes no longer hold are missing at the end."""
        length, at = varint(raw, 0)
        if not 0 < length <= len(raw):
            return ()
        serials: list[int] = []
        while at < length and len(serials) < _COLUMNS:
            serial, at = varint(raw, at)
            if width(serial) < 0:
                return ()
            serials.append(serial)
        return self.values(raw, length, serials)

    def values(self, raw: bytes, at: int, serials: list[int]) -> tuple[Value, ...]:
        """The values of these serial types that lie one after the other."""
        found: list[Value] = []
        for serial in serials:
            size = width(serial)
            if at + size > len(raw) and at >= len(raw):
                break
            found.append(self._value(raw[at : at + size], serial))
            at += size
        return tuple(found)

    def _value(self, raw: bytes, serial: int) -> Value:
        if serial == 0:
            return None
        if serial in (8, 9):
            return serial - 8
        if serial == 7:
            return float(struct.unpack(">d", raw)[0]) if len(raw) == 8 else None
        if serial < 7:
            return int.from_bytes(raw, "big", signed=True)
        return raw if serial % 2 == 0 else raw.decode(self.encoding, "replace")

    def free_pages(self) -> Iterator[tuple[bytes, int]]:
        """The pages of the free list, with how many of their first bytes the list itself has overwritten."""
        trunk, seen = self.trunk, set[int]()
        while trunk and trunk not in seen and (raw := self.page(trunk)):
            seen.add(trunk)
            count = min(int.from_bytes(raw[4:8], "big"), (self.size - 8) // 4)
            yield raw, 8 + 4 * count
            for i in range(count):
                leaf = int.from_bytes(raw[8 + 4 * i : 12 + 4 * i], "big")
                if leaf not in seen and (page := self.page(leaf)):
                    seen.add(leaf)
                    yield page, 0
            trunk = int.from_bytes(raw[:4], "big")


def pointers(raw: bytes, base: int, header: int) -> list[int]:
    """Where the cells of a page begin, as far as they lie inside it."""
    count = int.from_bytes(raw[base + 3 : base + 5], "big")
    start = base + header
    found = (int.from_bytes(raw[at : at + 2], "big") for at in range(start, min(start + 2 * count, len(raw) - 1), 2))
    return [at for at in found if start <= at < len(raw)]


def gaps(raw: bytes, base: int) -> Iterator[tuple[int, int, bool]]:
    """The unused ranges of a page: before its cells, and the freed blocks (True) whose first four bytes are lost."""
    header = 12 if raw[base] in (INTERIOR, 0x02) else 8
    first = base + header + 2 * int.from_bytes(raw[base + 3 : base + 5], "big")
    content = int.from_bytes(raw[base + 5 : base + 7], "big") or 65536
    if first < content <= len(raw):
        yield first, content, False
    at, last = int.from_bytes(raw[base + 1 : base + 3], "big"), 0
    while last < at <= len(raw) - 4:
        following, size = struct.unpack_from(">HH", raw, at)
        if size < 4 or at + size > len(raw):
            return
        yield at, at + size, True
        last, at = at, following


_PRINTED = re.compile(rb"[\x20-\x7e\x80-\xff]{4}|(?:[\x20-\x7e]\0){4}")


def carve(pages: Pages, block: bytes, shape: Shape, *, freed: bool) -> Iterator[tuple[Value, ...]]:
    """The records that a stretch of unused bytes still holds; what is none of them comes as bytes between."""
    at = start = 0
    while at < len(block) - 3:
        values, end = _whole(pages, block, at, shape.columns) if block[at] else ((), at)
        if not values:
            at += 1
            continue
        yield from _between(pages, block[start:at], shape, freed=freed and not start)
        yield values
        at = start = end
    yield from _between(pages, block[start:], shape, freed=freed and not start)


def _between(pages: Pages, block: bytes, shape: Shape, *, freed: bool) -> Iterator[tuple[Value, ...]]:
    """What is no complete cell: cells that lost their first bytes, or mere bytes."""
    if not _PRINTED.search(block):
        return
    at = start = 0 if freed else max(0, len(block) - len(block.lstrip(b"\0")) - 3)
    tries = _TRIES if shape.columns > 1 else 0
    while tries and at < len(block) - 8:
        tries -= 1
        values, end = _beheaded(pages, block[at:], shape)
        if values:
            if _PRINTED.search(block, start, at):
                yield (block[start:at],)
            yield values
            at = start = at + end
        else:
            at += 1
    if _PRINTED.search(block, start):
        yield (block[start + (4 if freed and not start else 0) :],)


def _whole(pages: Pages, block: bytes, at: int, columns: int) -> tuple[tuple[Value, ...], int]:
    """A complete cell: the length it declares must be that of its header and its values."""
    payload, after = varint(block, at)
    if payload < 4:
        return (), at
    rowid, after = varint(block, after)
    length, body = varint(block, after)
    if rowid < 0 or not 2 <= length <= min(payload, 3 + 9 * _COLUMNS) or after + length > len(block):
        return (), at
    serials: list[int] = []
    end = after + length
    while body < end:
        serial, body = varint(block, body)
        if width(serial) < 0 or len(serials) > 300:
            return (), at
        serials.append(serial)
    total = length + sum(map(width, serials))
    text = any(serial >= 13 for serial in serials)
    if body != end or total != payload or not text or (columns and len(serials) > columns):
        return (), at
    values = pages.values(block, end, serials)
    return (values, min(end - length + payload, len(block))) if all(map(_sensible, values)) else ((), at)


def _beheaded(pages: Pages, block: bytes, shape: Shape) -> tuple[tuple[Value, ...], int]:
    """A freed cell whose first four bytes became the link to the next one: lengths, number, perhaps one type.

    A cell that fills its block exactly is taken first; where several became one block, the texts must make sense.
    """
    loose: tuple[tuple[Value, ...], int] = ((), 0)
    for start, lost in ((4, 1), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0)):
        serials, at = _types(block, start, shape.columns - lost)
        if not any(serial >= 13 and serial % 2 for serial in serials) or (shape.keyed and not lost and serials[0]):
            continue
        size = at + sum(map(width, serials))
        values = (*(None,) * lost, *pages.values(block, at, serials))
        if size > len(block) or not all(map(_sensible, values)):
            continue
        if size == len(block):
            return values, size
        if not loose[0] and shape.columns > 2:
            loose = values, size
    return loose


def _types(block: bytes, at: int, count: int) -> tuple[list[int], int]:
    """So many serial types from a place on, or none."""
    serials: list[int] = []
    while len(serials) < count:
        serial, at = varint(block, at)
        if width(serial) < 0 or width(serial) > len(block):
            return [], at
        serials.append(serial)
    return serials, at


def _sensible(value: Value) -> bool:
    return not isinstance(value, str) or ("\ufffd" not in value and not re.search(r"[\x00-\x08\x0e-\x1f]", value))
