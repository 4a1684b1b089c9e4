"""The directory of a ZIP archive (APPNOTE.TXT 6.3), read with suspicion: prefixes, overlaps, damage, strange names."""

from __future__ import annotations

import struct
import zlib
from array import array
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from moisson.errors import DamagedError
from moisson.extract.letters import guess_names
from moisson.extract.ziprow import Entry, extended, finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

    Numbers = np.ndarray[Any, np.dtype[np.uint64]]

MAX_ENTRIES = 200_000
MOST = 2_000_000
_MAX_DIRECTORY = 64 << 20
_LOCAL, _CENTRAL, _END, _END64, _LOCATOR = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
_BLOCK = 1 << 20
_ROW = struct.Struct("<4sHHHHIIIIHHHHHII")
_LONGEST = 46 + 3 * 0xFFFF
LOCAL = 1 << 62
_FAR = 1 << 60


class Directory:
    """Where the directory of an archive stands, or that it is lost; its rows are read anew each time, none is kept.

    The place of a row is its offset in the file; `LOCAL` is added where the row is a member's own header, for an
    archive without a usable directory (`wrong` says in words what was amiss). `bad` are the places of members that lie
    in others.
    """

    def __init__(self, data: Reader, most: int = MAX_ENTRIES, largest: int = _MAX_DIRECTORY) -> None:
        self.data, self.most, self.wrong = data, most, ""
        self._span = (0, 0, 0, 0)
        try:
            at, size, shift, count, disk = _find(data)
            if size > largest:
                raise DamagedError(f"directory above {largest >> 20} MiB")
            if disk:
                self._span = (at, size, 0, shift // disk)
            else:
                self._span = (at, size, _settle_shift(data, data.pread(at, 46), shift), 0)
            self._survey(count)
        except (DamagedError, struct.error) as why:
            self.wrong = str(why)
            self._survey(0)
            if not self.count:
                raise DamagedError(f"no ZIP directory: {why}") from why

    def _survey(self, count: int) -> None:
        places, starts, ends = array("Q"), array("Q"), array("Q")
        odd, left = list[bytes](), 1 << 16
        for place, entry in self._raw():
            places.append(place)
            starts.append(min(entry.offset, _FAR))
            ends.append(min(entry.offset + 30 + len(entry.raw_name) + entry.packed, 2 * _FAR))
            if left > 0 and not entry.raw_name.isascii() and not entry.flags & 0x800:
                odd.append(entry.raw_name)
                left -= len(entry.raw_name)
        self.count = len(places)
        if not self.count and count:
            raise DamagedError("no entry where the directory should be")
        if self.count < min(count & 0xFFFF if count < 0xFFFF else count, self.most):
            raise DamagedError(f"{self.count} of {count} entries in the directory")
        self.first, self.guess = min(starts, default=0), guess_names(odd)
        self.bad = _overlapping(np.array(places), np.array(starts), np.array(ends)) if self.count else frozenset()

    def _raw(self) -> Iterator[tuple[int, Entry]]:
        found = ((LOCAL | e.offset, e) for e in _scan(self.data)) if self.wrong else _rows(self.data, *self._span)
        return islice(found, self.most)

    def rows(self) -> Iterator[tuple[int, Entry]]:
        """Each member, and the place to find it again."""
        for place, entry in self._raw():
            yield place, self._finish(place, entry)

    def entry(self, place: int) -> Entry:
        """The member whose row stands at a place; raises `DamagedError`."""
        return entry_at(self.data, place, self.shift, self.guess, step=self.step, bad=place in self.bad)

    def _finish(self, place: int, entry: Entry) -> Entry:
        entry.overlaps = place in self.bad
        return finish(entry, self.guess)

    @property
    def shift(self) -> int:
        """What offsets in the directory are short of."""
        return self._span[2]

    @property
    def step(self) -> int:
        """The size of the parts of an archive that was cut; offsets in its directory begin anew with each."""
        return self._span[3]


def entry_at(data: Reader, place: int, shift: int, guess: str, *, step: int = 0, bad: bool = False) -> Entry:
    """The member whose row stands at a place, without reading the rest of the directory."""
    found: Entry | None
    if place & LOCAL:
        found, _ = _local(data, place & ~LOCAL)
    else:
        lengths = struct.unpack("<HHH", data.pread(place + 28, 6).ljust(6, b"\0"))
        found = next((entry for _, entry in _rows(data, place, 46 + sum(lengths), shift, step)), None)
    if found is None:
        raise DamagedError("no member where it was")
    found.overlaps = bad
    return finish(found, guess)


def read_directory(data: Reader) -> tuple[list[Entry], str]:
    """The entries in order, and in words what was wrong with the directory (empty if nothing)."""
    directory = Directory(data)
    return [entry for _, entry in directory.rows()], directory.wrong


def _overlapping(places: Numbers, starts: Numbers, ends: Numbers) -> frozenset[int]:
    order = np.argsort(starts, kind="stable")
    reached = np.maximum.accumulate(ends[order])
    bad = order[1:][starts[order][1:] < reached[:-1]]
    return frozenset(int(place) for place in places[bad])


def _find(data: Reader) -> tuple[int, int, int, int, int]:
    """Offset, size, shift and number of entries of the directory, and the number of the part that it begins in."""
    tail_at = max(0, data.size - 66_000)
    tail = data.pread(tail_at, data.size - tail_at)
    found = tail.rfind(_END)
    while found >= 0:
        end_at = tail_at + found
        record = tail[found : found + 22]
        if len(record) == 22:
            _, _, disk, _, count, size, offset, _ = struct.unpack("<4sHHHHIIH", record)
            count, size, offset, end_at = _zip64(data, end_at, count, size, offset)
            if size <= end_at:
                return end_at - size, size, end_at - size - offset, count, disk if disk < 0xFFFF else 0
        found = tail.rfind(_END, 0, found)
    raise DamagedError("no end record")


def comment(data: Reader) -> bytes:
    """What was written about the archive as a whole; it ends with the file (4.3.16)."""
    tail = data.pread(max(0, data.size - 66_000), 66_000)
    found = tail.rfind(_END)
    size = int.from_bytes(tail[found + 20 : found + 22], "little") if found >= 0 else 0
    return tail[found + 22 :] if size and len(tail) == found + 22 + size else b""


def _zip64(data: Reader, end_at: int, count: int, size: int, offset: int) -> tuple[int, int, int, int]:
    locator = data.pread(end_at - 20, 20) if end_at >= 20 else b""
    if not locator.startswith(_LOCATOR):
        return count, size, offset, end_at
    where = int.from_bytes(locator[8:16], "little")
    for at in (where, end_at - 76):
        record = data.pread(at, 56) if 0 <= at < data.size else b""
        if record.startswith(_END64) and len(record) == 56:
            *_, many, length, start = struct.unpack("<4sQHHIIQQQQ", record)
            return many, length, start, at
    return count, size, offset, end_at


def _rows(data: Reader, at: int, size: int, shift: int, step: int) -> Iterator[tuple[int, Entry]]:
    """The rows of a stretch of the directory, read a block at a time."""
    end, block, base = min(at + size, data.size), b"", at
    while at + 46 <= end:
        if at + _LONGEST > base + len(block) and base + len(block) < end:
            block, base = data.pread(at, min(max(_BLOCK, _LONGEST), end - at)), at
        pos = at - base
        if block[pos : pos + 4] != _CENTRAL or len(block) < pos + 46:
            return
        _, _, _, flags, method, when, crc, packed, unpacked, n, m, k, disk, _, _, offset = _ROW.unpack_from(block, pos)
        name, extra = block[pos + 46 : pos + 46 + n], block[pos + 46 + n : pos + 46 + n + m]
        unpacked, packed, offset = extended(extra, unpacked, packed, offset)
        yield at, Entry(name, flags, method, crc, packed, unpacked, max(0, offset + shift + disk * step), when, extra)
        at += 46 + n + m + k


def _settle_shift(data: Reader, raw: bytes, shift: int) -> int:
    """Offsets count from the archive's start, or from the file's when a prefix was taken into account."""
    if not shift or raw[:4] != _CENTRAL or len(raw) < 46:
        return shift
    first = int.from_bytes(raw[42:46], "little")
    return 0 if data.pread(first, 4) == _LOCAL and data.pread(first + shift, 4) != _LOCAL else shift


def _scan(data: Reader) -> Iterator[Entry]:
    """Members by their local headers alone, for archives without a usable directory."""
    at, count = 0, 0
    while at < data.size and count < MOST:
        block = data.pread(at, _BLOCK + 4)
        hit = block.find(_LOCAL)
        if hit < 0:
            at += _BLOCK
            continue
        at += hit
        entry, after = _local(data, at)
        if entry:
            count += 1
            yield entry
        at = max(at + 4, after)


def _local(data: Reader, at: int) -> tuple[Entry | None, int]:
    head = data.pread(at, 30)
    if len(head) < 30:
        return None, at
    _, _, flags, method, when, crc, packed, size, n, m = struct.unpack("<4sHHHIIIIHH", head)
    rest = data.pread(at + 30, n + m)
    name, extra = rest[:n], rest[n:]
    if not name or method > 99 or n > 4096 or b"\0" in name:
        return None, at
    start = at + 30 + n + m
    if flags & 8 and not packed:
        packed, size, crc = _described(data, start, method)
    else:
        size, packed, _ = extended(extra, size, packed, 0)
    return Entry(name, flags, method, crc, packed, size, at, when, extra), start + packed


def _described(data: Reader, start: int, method: int) -> tuple[int, int, int]:
    """Sizes of a member that states them only behind its data: by decoding it, or by its mark."""
    if method == 8:
        decoder, at, size = zlib.decompressobj(-15), start, 0
        crc = 0
        try:
            while not decoder.eof and at < data.size and size < 1 << 30:
                chunk = data.pread(at, 1 << 16)
                out = decoder.decompress(chunk)
                crc, size, at = zlib.crc32(out, crc), size + len(out), at + len(chunk)
        except zlib.error:
            return 0, 0, 0
        return at - len(decoder.unused_data) - start, size, crc
    at = start
    while at < data.size:
        block = data.pread(at, _BLOCK + 4)
        if (hit := block.find(b"PK\7\x08")) >= 0:
            crc, packed, size = struct.unpack("<III", data.pread(at + hit + 4, 12).ljust(12, b"\0"))
            if packed == at + hit - start:
                return packed, size, crc
            at += hit + 4
        else:
            at += _BLOCK
    return 0, 0, 0
