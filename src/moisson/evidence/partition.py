"""Partition tables: GPT with its second copy, MBR with extended partitions, Apple's map.

Numbers are those Linux gives: the slot in an MBR (1 to 4), then the logical partitions in the order of their chain
(5, 6 …); the index in a GPT or an Apple map, from 1. Format references: UEFI specification, chapter 5; Inside
Macintosh: Devices, chapter 3.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from moisson.errors import DamagedError
from moisson.evidence.probe import probe
from moisson.reader import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

MAX_PARTITIONS = 256
MAX_ENTRIES = 4096
_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_GPT = 0xEE


class Partition(Struct, frozen=True):
    """A row of a partition table, in bytes."""

    number: int
    offset: int
    size: int
    name: str = ""


class Table(Struct, frozen=True):
    """A partition table; `own` are the ranges the table itself takes, `flags` what is wrong with it."""

    scheme: str
    partitions: tuple[Partition, ...]
    own: tuple[tuple[int, int], ...] = ()
    flags: tuple[str, ...] = ()


class _Row(NamedTuple):
    number: int
    status: int
    type: int
    start: int
    length: int


def read_table(medium: Medium) -> Table | None:
    """The table of a medium; None when there is none, `DamagedError` for a GPT of which neither copy holds."""
    rows = _rows(medium.pread(0, 512))
    protective = any(row.type == _GPT for row in rows)
    for sector in (512, 4096):
        if (protective or medium.pread(sector, 8) == b"EFI PART") and (table := _gpt(medium, sector)):
            return table
    if protective:
        raise DamagedError("neither copy of the GPT holds")
    return _apple(medium) or _mbr(medium, rows)


def _gpt(medium: Medium, sector: int) -> Table | None:
    last = medium.size // sector * sector - sector
    worst: Table | None = None
    for at in (sector, last):
        header = medium.pread(at, 512)
        if len(header) < 512 or header[:8] != b"EFI PART":
            continue
        table, sound = _copy(medium, at, header, sector)
        if table and sound:
            return table if at == sector else _flagged(table, "backup-gpt")
        worst = worst or table
    return worst and _flagged(worst, "gpt-checksum")


def _flagged(table: Table, flag: str) -> Table:
    return Table(table.scheme, table.partitions, table.own, (flag,))


def _copy(medium: Medium, at: int, header: bytes, sector: int) -> tuple[Table | None, bool]:
    size, crc = struct.unpack_from("<II", header, 12)
    first, count, width, entries_crc = struct.unpack_from("<QIII", header, 72)
    if not 92 <= size <= 512 or not 128 <= width <= 4096 or width % 8 or count > MAX_ENTRIES:
        return None, False
    sound = zlib.crc32(header[:16] + b"\0\0\0\0" + header[20:size]) == crc
    raw = medium.pread(first * sector, count * width) if first * sector < medium.size else b""
    sound = sound and len(raw) == count * width and zlib.crc32(raw) == entries_crc
    found: list[Partition] = []
    for n in range(len(raw) // width):
        row = raw[n * width : (n + 1) * width]
        start, end = struct.unpack_from("<QQ", row, 32)
        if any(row[:16]) and start <= end < 1 << 50 and len(found) < MAX_PARTITIONS:
            name = row[56:128].decode("utf-16-le", "replace").partition("\0")[0]
            found.append(Partition(n + 1, start * sector, (end - start + 1) * sector, name))
    copies = (at, medium.size // sector * sector - sector)
    own = [(0, sector), *((place, sector) for place in copies), (first * sector, count * width)]
    own.append((max(0, copies[1] - count * width), count * width))
    return Table("gpt", tuple(found), tuple(own)), sound


def _rows(sector: bytes) -> list[_Row]:
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa":
        return []
    rows = []
    for n in range(4):
        status, sort, start, count = struct.unpack_from("<B3xB3xII", sector, 446 + 16 * n)
        rows.append(_Row(n + 1, status, sort, start, count))
    return rows


def _mbr(medium: Medium, rows: list[_Row]) -> Table | None:
    used = [row for row in rows if row.type and row.length and row.start]
    if not used or any(row.status not in (0, 0x80) for row in rows):
        return None
    sector = 512
    if _witnesses(medium, used, 4096) > _witnesses(medium, used, 512):
        sector = 4096
    found = [Partition(r.number, r.start * sector, r.length * sector) for r in used if r.type not in _EXTENDED]
    own = [(0, sector)]
    number, seen = 5, set[int]()
    for row in used:
        if row.type in _EXTENDED:
            for partition in _logical(medium, row.start * sector, sector, number, own, seen):
                found.append(partition)
                number += 1
    return Table("mbr", tuple(found), tuple(own))


def _witnesses(medium: Medium, rows: list[_Row], sector: int) -> int:
    """How many rows lead to something known if sectors are of this size."""
    known = 0
    for row in rows:
        at = row.start * sector
        if at + 512 > medium.size:
            continue
        if row.type in _EXTENDED:
            known += medium.pread(at + 510, 2) == b"\x55\xaa"
        else:
            known += probe(Window(medium, at, row.length * sector)) is not None
    return known


def _logical(
    medium: Medium, base: int, sector: int, number: int, own: list[tuple[int, int]], seen: set[int]
) -> Iterator[Partition]:
    """The chain of an extended partition: a row that is extended counts from `base`, another from its own table."""
    at = base
    while at not in seen and len(seen) < MAX_PARTITIONS:
        seen.add(at)
        rows = _rows(medium.pread(at, 512)) if at < medium.size else []
        if rows:
            own.append((at, sector))
        following = 0
        for row in rows:
            if row.type in _EXTENDED and row.length:
                following = following or base + row.start * sector
            elif row.type and row.length and row.start and number < MAX_PARTITIONS:
                yield Partition(number, at + row.start * sector, row.length * sector)
                number += 1
        if not following:
            return
        at = following


def _apple(medium: Medium) -> Table | None:
    for sector in (512, 2048, 4096):
        head = medium.pread(sector, 512)
        if head[:2] != b"PM" or len(head) < 512:
            continue
        found, count = [], min(int.from_bytes(head[4:8], "big"), MAX_PARTITIONS)
        for n in range(count):
            row = medium.pread(sector * (n + 1), 512)
            if len(row) < 512 or row[:2] != b"PM":
                break
            start, size = struct.unpack_from(">II", row, 8)
            name, sort = (row[a : a + 32].split(b"\0", 1)[0].decode("mac-roman") for a in (16, 48))
            if sort not in ("Apple_partition_map", "Apple_Free") and start and size:
                found.append(Partition(n + 1, start * sector, size * sector, name))
        return Table("apm", tuple(found), ((0, sector * (count + 1)),))
    return None
