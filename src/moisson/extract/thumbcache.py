"""The pictures in a cache of thumbnails of Windows Vista and later (libwtcdb documentation, Metz)."""

from __future__ import annotations

import struct
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from moisson.address import bytes_at
from moisson.errors import DamagedError
from moisson.reader import Child, Reader, Window
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

MAGIC = b"CMMM"
_POLYNOMIAL, _ONES = 0x92C64265D32139A4, (1 << 64) - 1
_VERSIONS = range(20, 33)
# Where the sizes of an entry stand, and how long its head is: Windows Vista, Windows 7, Windows 8 and later.
_LAYOUTS = ((24, 56), (16, 48), (16, 56))
_MOST = 1 << 28


class Entry(NamedTuple):
    """An entry: where it begins and ends, its name, where its picture begins; a picture of no bytes is none."""

    at: int
    end: int
    name: str
    picture: int
    size: int


@step(
    "extract.thumbcache",
    version=1,
    kinds=("application/x-ms-thumbcache",),
    names=("thumbcache_*.db",),
    limits=Limits(seconds=30, per_mb=2, memory_mb=512),
    reference="libwtcdb documentation",
)
def read_thumbcache(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child]:
    """Every picture that the cache holds, by the number of the file it is of."""
    at = first(data)
    if at < 0:
        raise DamagedError("no entry of a cache of thumbnails")
    while found := entry(data, at):
        if found.size:
            window = Window(data.medium, found.picture, found.size)
            opener = partial(Reader, window)
            yield Child(
                found.name or f"{found.at}", bytes_at(found.picture, found.size), opener, found.size, "thumbnail"
            )
        at = found.end


def first(data: Medium | Reader) -> int:
    """Where the first entry begins: behind the header of the file, or at once where that is gone; -1 for nowhere."""
    head = data.pread(0, 32)
    if len(head) == 32 and head[:4] == MAGIC and int.from_bytes(head[4:8], "little") in _VERSIONS:
        for place in struct.unpack_from("<II", head, 12):
            if 24 <= place <= 64 and entry(data, place):
                return int(place)
    return 0 if entry(data, 0) else -1


def entry(data: Medium | Reader, at: int) -> Entry | None:
    """The entry at a place, its head proved by its sum; or the free rest of the file, which has but a length."""
    head = data.pread(at, 56)
    if len(head) < 48 or head[:4] != MAGIC:
        return None
    size = int.from_bytes(head[4:8], "little")
    if not 48 <= size <= _MOST:
        return None
    if not any(head[16:48]):
        return Entry(at, at + size, "", at + size, 0)
    choices = [(place, length) for place, length in _LAYOUTS if _summed(head[:length])]
    # Two layouts have the same sum: that is right whose lengths fill the entry.
    for place, length in sorted(choices, key=lambda choice: _filled(head, *choice) != size):
        named, padded, held = struct.unpack_from("<III", head, place)
        if _filled(head, place, length) <= size:
            name = data.pread(at + length, min(named, 512)).decode("utf-16-le", "replace")
            return Entry(at, at + size, name.rstrip("\0"), at + length + named + padded, held)
    return None


def _filled(head: bytes, place: int, length: int) -> int:
    named, padded, held = struct.unpack_from("<III", head, place)
    return int(length + named + padded + held)


def _summed(head: bytes) -> bool:
    return total(head[:-8]) == int.from_bytes(head[-8:], "little")


def total(raw: bytes) -> int:
    """The sum of thumbcache.dll: the CRC-64 whose reflected polynomial its table has, begun with ones."""
    value, table = _ONES, _table()
    for byte in raw:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value


@cache
def _table() -> tuple[int, ...]:
    rows = list(range(256))
    for _ in range(8):
        rows = [row >> 1 ^ (_POLYNOMIAL if row & 1 else 0) for row in rows]
    return tuple(rows)
