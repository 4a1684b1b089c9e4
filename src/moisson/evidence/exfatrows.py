"""exFAT by its rows of 32 bytes: the boot sector, chains of clusters, and the sets of rows that describe a file.

Format reference: Microsoft's exFAT file system specification. A set is a file row, a stream row and the rows of its
name; what was deleted has bit 7 of each type cleared, and its checksum holds once the bits are back.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moisson.errors import DamagedError
from moisson.evidence.extents import Extent, Pieces, length
from moisson.evidence.filesystem import printable
from moisson.times import Instant, Precision, from_datetime

if TYPE_CHECKING:
    from moisson.reader import Medium

ROW = 32
FILE, STREAM, NAME, LABEL, BITMAP, UPCASE = 0x85, 0xC0, 0xC1, 0x83, 0x81, 0x82
IN_USE = 0x80
MOST = 33
_FIRST = 3
_LONGEST = 256
_STREAM_ROW = struct.Struct("<BBxB4xQ4xIQ")
_FILE_ROW = struct.Struct("<BBHH2xIIIBBBBB")
_PAGE, _PAGES = 1 << 16, 64
_MOST_CLUSTERS, _PATIENCE = 1 << 22, 8


class Boot(NamedTuple):
    """What the boot sector says, in bytes; `clusters` from `heap` on, `root` is one of them."""

    sector: int
    tables: tuple[int, int]
    table: int
    heap: int
    cluster: int
    clusters: int
    root: int
    serial: str


class Set(NamedTuple):
    """A file as its rows describe it; `joined` is the promise that its clusters follow each other."""

    name: str
    directory: bool
    size: int
    valid: int
    cluster: int
    joined: bool
    times: tuple[Instant | None, Instant | None, Instant | None]
    rows: int


def read_boot(medium: Medium) -> Boot:
    """The boot sector, or its copy in the twelfth sector after it; raises `DamagedError`."""
    for at in (0, 12 * 512, 12 * 4096):
        if boot := _boot(medium.pread(at, 512), medium.size):
            return boot
    raise DamagedError("exfat: neither boot sector holds")


def _boot(raw: bytes, size: int) -> Boot | None:
    if len(raw) < 512 or raw[3:11] != b"EXFAT   " or not 9 <= raw[108] <= 12 or raw[108] + raw[109] > 25:
        return None
    table, length, heap, count, root = struct.unpack_from("<IIIII", raw, 80)
    sector = 1 << raw[108]
    cluster = sector << raw[109]
    tables = table * sector, length * sector * (2 if raw[110] > 1 else 1)
    table += length if raw[106] & 1 and raw[110] > 1 else 0
    count = min(count, max(0, size - heap * sector) // cluster, 0xFFFFFFF5)
    if not table or not 2 <= root < count + 2:
        return None
    return Boot(sector, tables, table * sector, heap * sector, cluster, count, root, raw[100:104][::-1].hex().upper())


class Clusters:
    """The clusters of a volume: which follows which; `renew` gives new patience for files that share their chains."""

    def __init__(self, medium: Medium, boot: Boot) -> None:
        self.medium, self.boot = medium, boot
        self.renew()
        self._pages: dict[int, bytes] = {}

    def renew(self) -> None:
        """Begin another listing, or another file: chains that no two files share are never more than this."""
        self.left = _PATIENCE * (self.boot.clusters + _PAGE)

    def _page(self, at: int) -> bytes:
        start = at & ~(_PAGE - 1)
        if (page := self._pages.get(start)) is None:
            if len(self._pages) >= _PAGES:
                self._pages.clear()
            page = self._pages[start] = self.medium.pread(start, _PAGE)
        return page

    def following(self, cluster: int) -> int:
        """What the table says of a cluster."""
        at = self.boot.table + cluster * 4
        inside = at & (_PAGE - 1)
        return int.from_bytes(self._page(at)[inside : inside + 4], "little")

    def is_one(self, cluster: int) -> bool:
        """Whether a number is that of a cluster."""
        return 2 <= cluster < self.boot.clusters + 2

    def offset(self, cluster: int) -> int:
        """Where a cluster lies on the medium."""
        return self.boot.heap + (cluster - 2) * self.boot.cluster

    def run(self, cluster: int, many: int) -> list[Extent]:
        """Clusters that follow each other, as far as there are any."""
        many = min(many, self.boot.clusters + 2 - cluster) if self.is_one(cluster) else 0
        return [(self.offset(cluster), many * self.boot.cluster)] if many > 0 else []

    def chain(self, cluster: int, many: int) -> tuple[list[Extent], bool]:
        """A chain of the table up to so many clusters, none twice, and whether it ends there as it should."""
        found: list[tuple[int, int]] = []
        seen: set[int] = set()
        many = min(many, _MOST_CLUSTERS, self.left)
        while self.is_one(cluster) and cluster not in seen and len(seen) < many:
            seen.add(cluster)
            at = self.offset(cluster)
            if found and sum(found[-1]) == at:
                found[-1] = (found[-1][0], found[-1][1] + self.boot.cluster)
            else:
                found.append((at, self.boot.cluster))
            cluster = self.following(cluster)
        self.left -= len(seen)
        return list[Extent](found), len(seen) == many and cluster == 0xFFFFFFFF

    def number(self, at: int) -> int:
        """The number of the row at an offset of the medium."""
        return (at - self.boot.heap) // ROW + _FIRST

    def rows(self, number: int) -> bytes:
        """A row and as many after it as a set can have: those beside it if they are right, else those of the chain."""
        at = self.boot.heap + (number - _FIRST) * ROW
        cluster = (at - self.boot.heap) // self.boot.cluster + 2
        if number < _FIRST or not self.is_one(cluster):
            return b""
        near = self.medium.pread(at, MOST * ROW)
        left = self.boot.cluster - (at - self.boot.heap) % self.boot.cluster
        if left >= len(near) or (read_set(near, 0) and is_sound(near, 0)):
            return near
        chain, _ = self.chain(cluster, MOST * ROW // self.boot.cluster + 2)
        far = Pieces(self.medium, chain, length(chain)).pread(self.boot.cluster - left, MOST * ROW)
        return far if len(far) > left else near


def read_set(data: bytes, at: int) -> Set | None:
    """The set that begins with a row, or None where no stream follows a file."""
    head = data[at : at + ROW]
    stream = data[at + ROW : at + 2 * ROW]
    if len(stream) < ROW or head[0] | IN_USE != FILE or stream[0] | IN_USE != STREAM or not 2 <= head[1] < MOST:
        return None
    _, count, _, attributes, made, changed, used, made_cs, changed_cs, *zones = _FILE_ROW.unpack_from(head)
    _, flags, letters, valid, cluster, size = _STREAM_ROW.unpack_from(stream)
    letters = letters or _LONGEST  # a name of 256 letters, which Linux writes, is counted as one of none
    raw = b"".join(_letters(data, at + n * ROW) for n in range(2, min(count, 1 + -(-letters // 15)) + 1))
    name = printable(raw[: 2 * letters].decode("utf-16-le", "surrogatepass").rstrip("\0"))
    return Set(
        name,
        bool(attributes & 0x10),
        size if flags & 1 else 0,
        min(valid, size),
        cluster if flags & 1 else 0,
        bool(flags & 2),
        (
            _instant(changed, changed_cs, zones[1], "10ms"),
            _instant(used, 0, zones[2], "2s"),
            _instant(made, made_cs, zones[0], "10ms"),
        ),
        count + 1,
    )


def is_sound(data: bytes, at: int) -> bool:
    """Whether the checksum of a set holds."""
    rows = data[at : at + (data[at + 1] + 1) * ROW]
    return len(rows) == (rows[1] + 1) * ROW and _checksum(rows) == int.from_bytes(rows[2:4], "little")


def _letters(data: bytes, at: int) -> bytes:
    return data[at + 2 : at + ROW] if data[at : at + 1] in (b"\xc1", b"\x41") else b""


def _checksum(rows: bytes) -> int:
    total = 0
    for place, byte in enumerate(rows):
        if place not in (2, 3):
            byte = byte if place % ROW else byte | IN_USE
            total = ((total & 1) << 15 | total >> 1) + byte & 0xFFFF
    return total


def candidates(data: bytes) -> list[int]:
    """Where in a stretch of rows a set may begin."""
    rows = np.frombuffer(data[: len(data) // ROW * ROW], np.uint8).reshape(-1, ROW)
    kinds, counts = rows[:, 0], rows[:, 1]
    found = np.flatnonzero(kinds[:-1] & 0x7F == FILE & 0x7F) if len(rows) > 1 else np.zeros(0, np.int64)
    found = found[(kinds[found + 1] & 0x7F == STREAM & 0x7F) & (counts[found] >= 2) & (counts[found] < MOST)]
    return [int(n) * ROW for n in found]


@lru_cache(1 << 12)
def _instant(stamp: int, hundredths: int, zone: int, exact: Precision) -> Instant | None:
    """A time stamp; with a valid zone it is universal time, else the wall clock of an unknown place."""
    try:
        moment = datetime(
            1980 + (stamp >> 25),
            stamp >> 21 & 15,
            stamp >> 16 & 31,
            stamp >> 11 & 31,
            stamp >> 5 & 63,
            (stamp & 31) * 2,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    moment += timedelta(milliseconds=10 * hundredths) if hundredths < 200 else timedelta()
    if not zone & IN_USE:
        return Instant(from_datetime(moment).ns, exact, "local")
    quarters = (zone & 0x7F) - (0x80 if zone & 0x40 else 0)
    return from_datetime(moment - timedelta(minutes=15 * quarters), exact)
