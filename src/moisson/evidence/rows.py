"""What the directory rows of FAT say beyond what The Sleuth Kit gives of them.

Format reference: Microsoft's FAT specification (fatgen103). The number of an entry is The Sleuth Kit's: it counts the
rows of 32 bytes from the first sector of the data area on, the first of them as 3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moisson.evidence.filesystem import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.evidence.extents import Extent
    from moisson.reader import Medium

_FIRST = 3
_ROW = 32
_LONG, _LABEL, _DIRECTORY = 0x0F, 0x08, 0x10
_MOST_ROWS = 4 << 20
_MOST_PARTS = 21
_FORBIDDEN = frozenset(b'"*+,./:;<=>?[\\]|')


class Row(NamedTuple):
    """A row that names a file; `cluster` is its first."""

    number: int
    name: str
    size: int
    cluster: int


class Geometry:
    """Where the parts of a FAT volume lie, in bytes."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        head = medium.pread(0, 512).ljust(512, b"\0")
        sector, per, reserved, fats, roots, small, _, size = struct.unpack_from("<HBHBHHBH", head, 11)
        wide = not size
        size = size or int.from_bytes(head[36:40], "little")
        total = (small or int.from_bytes(head[32:36], "little")) * sector
        self.table, self.cluster = reserved * sector, max(1, per) * sector or 512
        self.rows = (reserved + fats * size) * sector
        self.heap = self.rows + -(-roots * _ROW // max(sector, 1)) * sector
        self.count = max(0, min(total, medium.size) - self.heap) // self.cluster
        self.bits, self.mask = (32, 0x0FFFFFFF) if wide else (12 if self.count < 4085 else 16, 0xFFFF)

    def place(self, number: int) -> int:
        """Where the row of an entry lies, or -1."""
        at = self.rows + (number - _FIRST) * _ROW
        return at if number >= _FIRST and at + _ROW <= self.medium.size else -1

    def following(self, cluster: int) -> int:
        """The cluster after another in its chain, or 0 at its end."""
        at = self.table + cluster * self.bits // 8
        value = int.from_bytes(self.medium.pread(at, 4 if self.bits == 32 else 2), "little")
        if self.bits == 12:
            value = value >> 4 if cluster & 1 else value & 0xFFF
        value &= self.mask
        return value if 2 <= value < self.count + 2 else 0

    def chain(self, cluster: int, most: int) -> list[Extent]:
        """The chain from a cluster on, as far as `most` bytes and no cluster twice."""
        found: list[Extent] = []
        seen: set[int] = set()
        while 2 <= cluster < self.count + 2 and cluster not in seen and len(seen) * self.cluster < most:
            seen.add(cluster)
            at = self.heap + (cluster - 2) * self.cluster
            last = found[-1] if found else (None, 0)
            if last[0] is not None and last[0] + last[1] == at:
                found[-1] = (last[0], last[1] + self.cluster)
            else:
                found.append((at, self.cluster))
            cluster = self.following(cluster)
        return found

    def oversized(self, extents: Sequence[Extent]) -> Iterator[Row]:
        """Live files of a FAT directory that claim more than the volume holds, which The Sleuth Kit leaves out."""
        for at, length in extents:
            if at is None:
                continue
            data = self.medium.pread(at, min(length, _MOST_ROWS * _ROW))
            rows = np.frombuffer(data[: len(data) // _ROW * _ROW], np.uint8).reshape(-1, _ROW)
            sizes = rows[:, 28:32].copy().view("<u4").ravel()
            named = (rows[:, 0] != 0xE5) & (rows[:, 0] != 0) & (rows[:, 11] & (_LABEL | _DIRECTORY | 0xC0) == 0)
            for n in np.flatnonzero(named & (sizes > self.medium.size)):
                if _is_sound(data[int(n) * _ROW :][:_ROW]):
                    row = self._row(data, int(n) * _ROW, (at - self.rows) // _ROW + int(n) + _FIRST)
                    if 2 <= row.cluster < self.count + 2:
                        yield row

    def _row(self, data: bytes, at: int, number: int) -> Row:
        raw = data[at : at + _ROW]
        high = int.from_bytes(raw[20:22], "little") << 16 if self.bits == 32 else 0
        cluster = high | int.from_bytes(raw[26:28], "little")
        return Row(number, _long_name(data, at) or short_name(raw), int.from_bytes(raw[28:32], "little"), cluster)

    def by_number(self, number: int) -> Row | None:
        """The live file that claims too much at a place, if there is one."""
        at = self.place(number)
        return next(self.oversized([(at, _ROW)]), None) if at >= 0 else None


def _is_sound(raw: bytes) -> bool:
    """Whether a row is one by its letters, its case bits, and the time and the date of its last change."""
    time, date = struct.unpack_from("<HH", raw, 22)
    letters = all(byte > 0x1F and byte not in _FORBIDDEN and not 0x61 <= byte <= 0x7A for byte in raw[:11])
    hour = time >> 11 < 24 and time >> 5 & 63 < 60 and time & 31 < 30
    return letters and not raw[12] & ~0x18 and hour and (not date or (0 < date >> 5 & 15 < 13 and date & 31 > 0))


def _long_name(data: bytes, at: int) -> str:
    """The name in the rows before one, if their sum is that of its short name."""
    short, total, text = data[at : at + 11], 0, b""
    for byte in short:
        total = ((total & 1) << 7 | total >> 1) + byte & 0xFF
    for order in range(1, _MOST_PARTS):
        part = data[at - order * _ROW : at - order * _ROW + _ROW] if at >= order * _ROW else b""
        if len(part) < _ROW or part[11] != _LONG or part[13] != total or part[0] & 0x3F != order:
            return ""
        text += part[1:11] + part[14:26] + part[28:32]
        if part[0] & 0x40:
            return printable(text.decode("utf-16-le", "surrogatepass").partition("\0")[0].rstrip("\uffff"))
    return ""


def short_name(raw: bytes) -> str:
    """The name of eight letters and three; Windows notes in a bit for each part that it is in small letters."""
    stem, suffix = (printable(part.rstrip(b" \0")) for part in (raw[:8], raw[8:11]))
    case = raw[12] if len(raw) > 12 else 0
    stem, suffix = stem.lower() if case & 8 else stem, suffix.lower() if case & 16 else suffix
    return f"{stem}.{suffix}" if suffix else stem
