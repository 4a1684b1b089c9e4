"""The NTFS master file table as a whole: where it lies, and its records by number."""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import DamagedError
from moisson.evidence import mft
from moisson.evidence.extents import Extent, Pieces, length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

_BLOCK = 1 << 20
_PIECES = 4096
_LONGEST_LIST = 16 << 20


class Boot(NamedTuple):
    """What the boot sector says, in bytes; `table` and `mirror` are offsets."""

    cluster: int
    record: int
    table: int
    mirror: int
    serial: str


def read_boot(medium: Medium) -> Boot:
    """The boot sector, or its copy at the end of the volume; raises `DamagedError`."""
    for at in (0, medium.size - 512, (medium.size - 1) // 4096 * 4096):
        if at >= 0 and (boot := _boot(medium.pread(at, 512))):
            return boot
    raise DamagedError("ntfs: neither boot sector holds")


def _boot(raw: bytes) -> Boot | None:
    if len(raw) < 512 or raw[3:11] != b"NTFS    ":
        return None
    sector, per_cluster = struct.unpack_from("<HB", raw, 11)
    table, mirror, size, serial = struct.unpack_from("<QQbxxx4xQ", raw, 48)
    cluster = sector * (per_cluster if per_cluster <= 128 else 1 << min(256 - per_cluster, 24))
    record = 1 << -size if size < 0 and size > -17 else size * cluster
    if not sector or sector % 256 or not 512 <= cluster <= 1 << 26 or not 512 <= record <= 1 << 16 or record % 512:
        return None
    return Boot(cluster, record, table * cluster, mirror * cluster, f"{serial:016X}")


class Table:
    """The records of a volume; `count` of them can be there at most."""

    def __init__(self, medium: Medium) -> None:
        self.medium, self.boot = medium, read_boot(medium)
        data = self._start()
        self.extents: list[Extent] = self.place(data)
        size = min(data.real, length(self.extents), medium.size)
        self.bytes = Pieces(medium, self.extents, size)
        self.count = size // self.boot.record
        self._starts = [0, *accumulate(n for _, n in self.extents[:-1])]

    def _start(self) -> mft.Attribute:
        why = ""
        for at in (self.boot.table, self.boot.mirror):
            try:
                record = mft.decode(self.medium.pread(at, self.boot.record).ljust(self.boot.record, b"\0"), 0)
            except DamagedError as error:
                why = str(error)
                continue
            if record and record.number == 0 and (pieces := _unnamed(record)) and pieces[0].runs:
                return self._rest(record, pieces)
        raise DamagedError(f"ntfs: no file table where the boot sector says{': ' + why if why else ''}")

    def _rest(self, record: mft.Record, pieces: list[mft.Attribute]) -> mft.Attribute:
        """The data of the table itself, whose own pieces are found through those before them."""
        for number in sorted(self._listed(record))[:_PIECES]:
            extents = self.place(mft.join(list(pieces)))
            if number and (number + 1) * self.boot.record <= length(extents):
                raw = Pieces(self.medium, extents, length(extents)).pread(number * self.boot.record, self.boot.record)
                try:
                    other = mft.decode(raw, number)
                except DamagedError:
                    continue
                if other is not None and other.base == 0:
                    pieces += _unnamed(other)
        return mft.join(pieces)

    def _listed(self, record: mft.Record) -> set[int]:
        if (found := record.first(mft.LIST)) is None:
            return set()
        if found.data is not None:
            return mft.listed(found.data)
        size = min(found.real, _LONGEST_LIST)
        return mft.listed(Pieces(self.medium, self.place(found), size).pread(0, size))

    def place(self, attribute: mft.Attribute) -> list[Extent]:
        """Where an attribute lies on the medium."""
        cluster = self.boot.cluster
        return [(None if at is None else at * cluster, count * cluster) for at, count in attribute.runs]

    def offset(self, number: int) -> int:
        """Where a record lies on the medium, or -1."""
        at = number * self.boot.record
        n = bisect_right(self._starts, at) - 1
        place, count = self.extents[n]
        inside = at - self._starts[n]
        return place + inside if place is not None and inside < count else -1

    def blocks(self) -> Iterator[tuple[int, memoryview]]:
        """The raw records, many at a time, each lot with the number of its first."""
        size = self.boot.record
        many = _BLOCK // size
        for number in range(0, self.count, many):
            lot = min(many, self.count - number)
            yield number, memoryview(self.bytes.pread(number * size, lot * size))

    def raw(self, number: int) -> bytes:
        """The bytes of a record."""
        return self.bytes.pread(number * self.boot.record, self.boot.record)

    def record(
        self, number: int, raw: bytes | memoryview | None = None, header: mft.Head | None = None
    ) -> mft.Record | None:
        """A record with all its attributes, those in other records included; raises `DamagedError`."""
        record = mft.decode(raw or self.raw(number), number, header) if 0 <= number < self.count else None
        if record is None or record.base or not (others := self._listed(record)):
            return record
        attributes = list(record.attributes)
        for other in sorted(others)[:_PIECES]:
            if other == number or other >= self.count:
                continue
            try:
                more = mft.decode(self.raw(other), other)
            except DamagedError:
                continue
            if more is not None and more.base == number:
                attributes += more.attributes
        return record._replace(attributes=mft.gather(attributes))


def _unnamed(record: mft.Record) -> list[mft.Attribute]:
    return [a for a in record.attributes if a.type == mft.DATA and not a.name and a.data is None]
