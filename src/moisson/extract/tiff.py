"""Image file directories: the shape of TIFF, and of EXIF inside every other format (TIFF 6.0, BigTIFF)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_ENTRIES = 2000
_VALUE = 1 << 20
_NUMBERS = 4096

Number = int | float


class Entry(NamedTuple):
    """One field: where its value lies and of what type it is."""

    tag: int
    type: int
    n: int
    at: int


class Tiff:
    """A TIFF structure over a reader; positions count from its first byte."""

    def __init__(self, data: Reader) -> None:
        head = data.head(16)
        if head[:2] not in (b"II", b"MM") or len(head) < 8:
            raise DamagedError("no TIFF header")
        self.data = data
        self.order = "<" if head[:2] == b"II" else ">"
        self.big = self._number(head[2:4]) == 43
        self.first = self._number(head[8:16] if self.big else head[4:8])

    @classmethod
    def bare(cls, data: Reader, order: str) -> Tiff:
        """Directories without a header before them, as makers write them; `order` is `<` or `>`."""
        tiff = cls.__new__(cls)
        tiff.data, tiff.order, tiff.big, tiff.first = data, order, False, 0
        return tiff

    def _number(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self.order == "<" else "big")

    def directory(self, at: int) -> tuple[dict[int, Entry], int]:
        """The fields of the directory at a position, and where the next one is (0 for none)."""
        width, wide = (20, 8) if self.big else (12, 4)
        head = 8 if self.big else 2
        raw_count = self.data.pread(at, head) if 0 < at < self.data.size else b""
        count = self._number(raw_count)
        if len(raw_count) < head or count > 0xFFFF:
            raise DamagedError(f"no directory at {at}")
        count = min(count, _ENTRIES)
        raw = self.data.pread(at + head, count * width + wide)
        fields: dict[int, Entry] = {}
        for i in range(min(count, len(raw) // width)):
            entry = self._entry(raw[i * width : (i + 1) * width], at + head + i * width)
            if entry and entry.tag not in fields:
                fields[entry.tag] = entry
        following = raw[count * width : count * width + wide]
        return fields, self._number(following) if len(following) == wide else 0

    def _entry(self, raw: bytes, place: int) -> Entry | None:
        tag, kind = self._number(raw[:2]), self._number(raw[2:4])
        inline = 8 if self.big else 4
        count = self._number(raw[4 : 4 + inline])
        size = _SIZES.get(kind, 0) * count
        if not size or size > self.data.size:
            return None
        value_at = place + 4 + inline if size <= inline else self._number(raw[4 + inline :])
        return Entry(tag, kind, count, value_at)

    def raw(self, entry: Entry, limit: int = _VALUE) -> bytes:
        """The bytes of a value, at most `limit`."""
        return self.data.pread(entry.at, min(_SIZES[entry.type] * entry.n, limit))

    def numbers(self, entry: Entry) -> list[Number]:
        """The numbers of a value; fractions with a zero denominator are left out."""
        size = _SIZES[entry.type]
        raw = self.raw(entry, size * _NUMBERS)
        count = len(raw) // size
        if entry.type in (5, 10):
            pairs = struct.unpack(f"{self.order}{count * 2}{'I' if entry.type == 5 else 'i'}", raw[: count * 8])
            return [a / b for a, b in zip(pairs[::2], pairs[1::2], strict=True) if b]
        if entry.type not in _CODES:
            return list(raw)
        return list(struct.unpack(f"{self.order}{count}{_CODES[entry.type]}", raw[: count * size]))

    def number(self, fields: dict[int, Entry], tag: int) -> int:
        """The first number of a field as an integer, 0 where it is missing."""
        numbers = self.numbers(fields[tag]) if tag in fields else []
        finite = [n for n in numbers[:1] if n == n and abs(n) < 1e15]
        return int(finite[0]) if finite else 0

    def chain(self) -> Iterator[dict[int, Entry]]:
        """The directories that follow one another from the first; at most 64, never one twice."""
        at, seen = self.first, set[int]()
        while at and at not in seen and len(seen) < 64:
            seen.add(at)
            fields, at = self.directory(at)
            yield fields
