"""The inodes of ext2, ext3 and ext4: what each says, and where its blocks lie.

Layout after the kernel's "ext4 Data Structures and Algorithms".
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moisson.errors import DamagedError, UnsupportedError
from moisson.times import Instant, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.extents import Extent
    from moisson.reader import Medium

FILE, DIRECTORY, LINK = 8, 4, 10
INDEXED, INLINE, ENCRYPTED = 0x80000, 0x10000000, 0x800
_META_GROUPS, _WIDE = 0x10, 0x80
_UNWRITTEN = 32768
_INODE = struct.Struct("<HHIIIIIHHII4x60s4xII")
_EXTRA = struct.Struct("<H2x5I")
_ATTRIBUTE, _SYSTEM = struct.Struct("<BBHII"), 7
_HEADER = struct.Struct("<HHHH")
_LEAF = struct.Struct("<IHHI")
_INDEX = struct.Struct("<IIH")
_MOST_BLOCKS = 1 << 20
_STRETCH, _MOST_KEPT = 1 << 16, 1024
_SMALLEST_GROUP, _MOST_GROUPS, _ROWS = 256, 64 << 20, 8192
_DEEPEST = 6


class Inode(NamedTuple):
    """One inode; `kind` is the upper four bits of its mode, `place` what leads to its blocks, or its very content."""

    kind: int
    size: int
    links: int
    flags: int
    times: tuple[Instant | None, Instant | None, Instant | None, Instant | None]
    place: bytes


class Inodes:
    """The inodes of a volume by number."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        raw = medium.pread(1024, 1024)
        if len(raw) < 1024 or raw[56:58] != b"\x53\xef":
            raise DamagedError("ext: no superblock")
        self.count, self.first_block, shift, per, self.per_group = struct.unpack_from("<I16xII4xI4xI", raw)
        features = int.from_bytes(raw[96:100], "little")
        if shift > 6 or not self.count or not self.per_group or not per:
            raise DamagedError("ext: impossible values in the superblock")
        if features & _META_GROUPS:
            raise UnsupportedError("ext: group descriptors in groups of their own")
        self.block = 1024 << shift
        modern = int.from_bytes(raw[76:80], "little") > 0
        self.width = int.from_bytes(raw[88:90], "little") if modern else 128
        self.first = int.from_bytes(raw[84:88], "little") if modern else 11
        self.typed = bool(features & 2)
        self.hidden = {int.from_bytes(raw[n : n + 4], "little") for n in (0x240, 0x244, 0x26C, 0x280)}
        if not 128 <= self.width <= self.block or self.width & 3:
            raise DamagedError("ext: impossible size of an inode")
        step = int.from_bytes(raw[254:256], "little") if features & _WIDE else 32
        self._cache: dict[int, bytes] = {}
        self._maps: dict[int, bytes] = {}
        self.groups = self._groups(-(-self.count // self.per_group), max(32, min(step, 1024)))

    def _groups(self, groups: int, step: int) -> list[tuple[int, int, bool]]:
        """Bitmap and table of the inodes of each group, in blocks, and whether any was ever used."""
        start = (self.first_block + 1) * self.block
        limit = min(groups, self.medium.size // (self.block * _SMALLEST_GROUP) + 2)
        raw = self.medium.pread(start, min(limit * step, _MOST_GROUPS, max(0, self.medium.present - start)))
        found = []
        for at in range(0, len(raw) // step * step, step):
            bitmap, table = struct.unpack_from("<II", raw, at + 4)
            if step >= 64:
                high = struct.unpack_from("<II", raw, at + 36)
                bitmap, table = bitmap | high[0] << 32, table | high[1] << 32
            found.append((bitmap, table, not raw[at + 18] & 1))
        return found

    def tables(self) -> Iterator[tuple[int, bytes]]:
        """The tables of all groups in stretches, each with the number of its first inode; at most the medium."""
        left = self.medium.present // self.width
        for group, (_, table, used) in enumerate(self.groups):
            first, at = group * self.per_group + 1, table * self.block
            many = min(self.per_group, self.count - first + 1) if used and table else 0
            many = min(many, (self.medium.present - at) // self.width, left)
            left -= max(many, 0)
            for n in range(0, many, _ROWS):
                yield first + n, self.medium.pread(at + n * self.width, min(_ROWS, many - n) * self.width)

    def _bits(self, bitmap: int) -> bytes:
        if bitmap not in self._maps:
            if len(self._maps) >= _MOST_KEPT:
                self._maps.clear()
            self._maps[bitmap] = self.medium.pread(bitmap * self.block, self.block)
        return self._maps[bitmap]

    def _kept(self, at: int, size: int) -> bytes:
        """A stretch of a table or a bitmap, which the next inode will want too."""
        if (found := self._cache.get(at)) is None:
            if len(self._cache) >= _MOST_KEPT:
                self._cache.clear()
            found = self._cache[at] = self.medium.pread(at, size)
        return found

    def raw(self, number: int) -> bytes:
        """The bytes of an inode; empty where it has no place."""
        group, index = divmod(number - 1, self.per_group)
        if not 0 < number <= self.count or group >= len(self.groups):
            return b""
        at = self.groups[group][1] * self.block + index * self.width
        start = at & ~(_STRETCH - 1)
        raw = self._kept(start, _STRETCH)[at - start : at - start + self.width]
        return raw if len(raw) == self.width else self.medium.pread(at, self.width)

    def is_live(self, number: int) -> bool:
        """What the bitmap says."""
        group, index = divmod(number - 1, self.per_group)
        bits = self._bits(self.groups[group][0]) if group < len(self.groups) else b""
        return index // 8 < len(bits) and bool(bits[index // 8] >> (index & 7) & 1)

    def read(self, number: int) -> Inode | None:
        """An inode, or None where there is no such number."""
        raw = self.raw(number)
        return decode(raw) if len(raw) >= 128 else None

    def unnamed(self, named: set[int]) -> Iterator[int]:
        """The numbers of inodes that were used and have no name."""
        for first, table in self.tables():
            rows = np.frombuffer(table[: len(table) // self.width * self.width], np.uint8).reshape(-1, self.width)
            modes = rows[:, 1] >> 4
            changed = rows[:, 12:16].any(axis=1)
            for index in np.flatnonzero(changed & ((modes == FILE) | (modes == DIRECTORY))):
                number = first + int(index)
                if number >= self.first and number not in named and number not in self.hidden:
                    yield number

    def blocks(self, inode: Inode) -> tuple[list[Extent], list[Extent]]:
        """Where its content lies, and where the blocks lie that say so; what leads nowhere is a hole."""
        if inode.flags & INLINE or (inode.kind == LINK and inode.size < 60):
            return [], []
        content = _Layout(self, -(-min(inode.size, self.medium.size * 2) // self.block))
        if inode.flags & INDEXED:
            content.tree(inode.place, 0)
        else:
            content.map(inode.place)
        return content.finish(), content.own


class _Layout:
    """The blocks of one file, put together in order."""

    def __init__(self, inodes: Inodes, wanted: int) -> None:
        self.medium, self.block, self.wanted = inodes.medium, inodes.block, wanted
        self.found: list[Extent] = []
        self.own: list[Extent] = []
        self.at = self.steps = 0

    def add(self, place: int | None, count: int) -> None:
        count = min(count, self.wanted - self.at)
        if count <= 0:
            return
        self.at += count
        if place is not None and (place + count) * self.block > self.medium.size:
            place = None
        start, size = None if place is None else place * self.block, count * self.block
        if self.found:
            last, length = self.found[-1]
            if (last is None and start is None) or (last is not None and last + length == start):
                self.found[-1] = (last, length + size)
                return
        self.found.append((start, size))

    def finish(self) -> list[Extent]:
        self.add(None, self.wanted - self.at)
        return self.found

    def tree(self, node: bytes, depth: int) -> None:
        magic, count, _, level = _HEADER.unpack_from(node)
        self.steps += 1
        if magic != 0xF30A or depth > _DEEPEST or self.steps > _MOST_BLOCKS:
            return
        for n in range(min(count, (len(node) - 12) // 12)):
            if level:
                first, low, high = _INDEX.unpack_from(node, 12 + 12 * n)
                self.inner(low | high << 32, depth)
                continue
            first, length, high, low = _LEAF.unpack_from(node, 12 + 12 * n)
            if first > self.at:
                self.add(None, first - self.at)
            written = length <= _UNWRITTEN
            if first == self.at:
                self.add(low | high << 32 if written else None, length if written else length - _UNWRITTEN)

    def inner(self, block: int, depth: int) -> None:
        if 0 < block < self.medium.size // self.block:
            self.own.append((block * self.block, self.block))
            node = self.medium.pread(block * self.block, self.block)
            if len(node) == self.block:
                self.tree(node, depth + 1)

    def map(self, place: bytes) -> None:
        numbers = struct.unpack("<15I", place)
        for number in numbers[:12]:
            self.add(number or None, 1)
        for level, number in enumerate(numbers[12:], 1):
            self.indirect(number, level)

    def indirect(self, number: int, level: int) -> None:
        spans = (self.block // 4) ** level
        self.steps += 1
        if self.at >= self.wanted:
            return
        if not 0 < number < self.medium.size // self.block or self.steps > _MOST_BLOCKS:
            self.add(None, spans)
            return
        self.own.append((number * self.block, self.block))
        raw = self.medium.pread(number * self.block, self.block).ljust(self.block, b"\0")
        for inner in struct.unpack(f"<{self.block // 4}I", raw):
            if self.at >= self.wanted:
                return
            if level > 1:
                self.indirect(inner, level - 1)
            else:
                self.add(inner or None, 1)


def decode(raw: bytes) -> Inode:
    """An inode from its bytes."""
    mode, _, low, accessed, changed, modified, _, _, links, _, flags, place, _, high = _INODE.unpack_from(raw)
    kind = mode >> 12
    size = low | high << 32 if kind in (FILE, DIRECTORY) else low
    length = int.from_bytes(raw[128:130], "little") if len(raw) >= 132 else 0
    extra = (0, 0, 0, 0, 0)
    if 24 <= length <= len(raw) - 128:
        _, *found = _EXTRA.unpack_from(raw, 128)
        extra = (found[0], found[1], found[2], found[3], found[4])
    times = (_time(modified, extra[1]), _time(accessed, extra[2]), _time(changed, extra[0]), _time(extra[3], extra[4]))
    if flags & INLINE:
        place += _tail(raw[128 + length :])
    return Inode(kind, size, links, flags, times, place)


def _tail(raw: bytes) -> bytes:
    """What of inline content does not fit into sixty bytes: the attribute `system.data` behind the inode's fields."""
    at = 4
    while raw[:4] == b"\0\0\x02\xea" and at + 16 <= len(raw) and any(raw[at : at + 4]):
        letters, index, start, _, size = _ATTRIBUTE.unpack_from(raw, at)
        if index == _SYSTEM and raw[at + 16 : at + 16 + letters] == b"data":
            return raw[4 + start : 4 + start + size]
        at += (16 + letters + 3) & ~3
    return b""


@lru_cache(1 << 12)
def _time(seconds: int, extra: int) -> Instant | None:
    signed = seconds - (1 << 32) if seconds >> 31 else seconds
    instant = from_unix(signed + ((extra & 3) << 32))
    rest = (extra >> 2) % 1_000_000_000
    return Instant(instant.ns + rest, "ns") if instant and rest else instant
