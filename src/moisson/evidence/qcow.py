"""QEMU copy-on-write images, versions 2 and 3: plain, deflate and zstd clusters, sub-clusters, backing files.

Format reference: "The QCOW2 image format" (docs/interop/qcow2) of the QEMU project. What cannot be read reads as zeros
and is listed by `errors()`.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence.faults import Faults

if TYPE_CHECKING:
    from moisson.reader import Medium

MAGIC = b"QFI\xfb"
L1_MOST = 4 << 20
CACHE = 16 << 20
_OFFSET = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED = 1 << 62
_EXTENDED = 1 << 4


class Header(NamedTuple):
    bits: int
    size: int
    l1: int
    l1_offset: int
    backing: str
    zstd: bool
    extended: bool
    flags: tuple[str, ...]


def read_header(medium: Medium) -> Header:
    """The header and its sanity; raises `DamagedError` or `UnsupportedError`."""
    raw = medium.pread(0, 112).ljust(112, b"\0")
    magic, version, at, length, bits, size, crypt, l1, l1_offset = struct.unpack_from(">4sIQIIQIIQ", raw)
    snapshots, features, header = *struct.unpack_from(">I", raw, 60), *struct.unpack_from(">Q", raw, 72), raw[104]
    if magic != MAGIC:
        raise DamagedError("no QCOW header")
    if version not in (2, 3):
        raise UnsupportedError(f"QCOW version {version} is not read here: convert it with qemu-img")
    if crypt:
        raise UnsupportedError("this QCOW image is encrypted inside its container")
    features = features if version == 3 else 0
    if features & 1 << 2 or features >> 5:
        raise UnsupportedError("this QCOW image keeps its data in another file, or uses features unknown here")
    if not 9 <= bits <= 21 or l1 > L1_MOST or size >= 1 << 62 or length > 1023 or (features & _EXTENDED and bits < 14):
        raise DamagedError("impossible values in the QCOW header")
    name = medium.pread(at, length).decode("utf-8", "surrogateescape") if at and length else ""
    flags = ("snapshots",) * bool(snapshots) + ("corrupt",) * bool(features & 2)
    packed = features & 1 << 3
    if packed and header > 1:
        raise UnsupportedError(f"QCOW compression {header} is unknown here")
    return Header(bits, size, l1, l1_offset, name, bool(packed and header), bool(features & _EXTENDED), flags)


class Qcow:
    """The newest state of the disk in one image, over its `backing` where the image itself holds nothing."""

    def __init__(self, medium: Medium, backing: Medium | None = None, cache: int = CACHE) -> None:
        self.header = read_header(medium)
        self._medium, self._backing = medium, backing
        self.size = self.present = self.header.size
        self.faults = Faults()
        self.marks = set(self.header.flags)
        self._cluster = 1 << self.header.bits
        self._l2_entries = self._cluster // (16 if self.header.extended else 8)
        if self.header.l1 * self._l2_entries * self._cluster < self.size:
            raise DamagedError("the first table of the QCOW image is too small for its disk")
        self._l1 = _words(medium.pread(self.header.l1_offset, self.header.l1 * 8), self.header.l1)
        self._l2: OrderedDict[int, array[int]] = OrderedDict()
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._slots = max(4, cache // self._cluster)
        if self.header.l1_offset + self.header.l1 * 8 > medium.present:
            self.marks.add("truncated")
            self.faults.add(0, self.size, "image truncated")

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        pieces = []
        while n > 0:
            index, skip = divmod(offset, self._cluster)
            take = min(n, self._cluster - skip)
            pieces.append(self._piece(index, skip, take))
            offset, n = offset + take, n - take
        return b"".join(pieces)

    def _piece(self, index: int, skip: int, take: int) -> bytes:
        entry, bitmap = self._entry(index)
        if entry & _COMPRESSED:
            return self._unpacked(index, entry)[skip : skip + take]
        if self.header.extended:
            return self._subclusters(index, entry, bitmap, skip, take)
        if entry & 1:
            return bytes(take)
        if entry & _OFFSET:
            return self._plain(index, (entry & _OFFSET) + skip, skip, take)
        return self._below(index, skip, take)

    def _entry(self, index: int) -> tuple[int, int]:
        which, at = divmod(index, self._l2_entries)
        table = self._l2.get(which)
        if table is None:
            table = self._l2[which] = self._load(which)
            if len(self._l2) > 64:
                self._l2.popitem(last=False)
        return (table[2 * at], table[2 * at + 1]) if self.header.extended else (table[at], 0)

    def _load(self, which: int) -> array[int]:
        words = self._cluster // 8
        offset = self._l1[which] & _OFFSET
        if not offset:
            return _words(b"", words)
        if offset + self._cluster > self._medium.present:
            self.marks.add("truncated")
            self.faults.add(which * self._l2_entries * self._cluster, self._l2_entries * self._cluster, "table lost")
        return _words(self._medium.pread(offset, self._cluster), words)

    def _plain(self, index: int, at: int, skip: int, take: int) -> bytes:
        if at + take > self._medium.present:
            self.marks.add("truncated")
            self.faults.add(index * self._cluster + skip, take, "cluster beyond the end of the file")
        return self._medium.pread(at, take).ljust(take, b"\0")

    def _below(self, index: int, skip: int, take: int) -> bytes:
        if self._backing is not None:
            return self._backing.pread(index * self._cluster + skip, take).ljust(take, b"\0")
        if self.header.backing:
            self.marks.add("backing-missing")
            self.faults.add(index * self._cluster + skip, take, "in the backing file, which is not here")
        return bytes(take)

    def _subclusters(self, index: int, entry: int, bitmap: int, skip: int, take: int) -> bytes:
        size, pieces = self._cluster // 32, []
        while take > 0:
            number, inside = divmod(skip, size)
            part = min(take, size - inside)
            if bitmap >> 32 & 1 << number:
                pieces.append(bytes(part))
            elif bitmap & 1 << number and entry & _OFFSET:
                pieces.append(self._plain(index, (entry & _OFFSET) + skip, skip, part))
            else:
                pieces.append(self._below(index, skip, part))
            skip, take = skip + part, take - part
        return b"".join(pieces)

    def _unpacked(self, index: int, entry: int) -> bytes:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        split = 62 - (self.header.bits - 8)
        at = entry & (1 << split) - 1
        sectors = (entry & _COMPRESSED - 1) >> split
        stored = self._medium.pread(at, (sectors + 1) * 512 - (at & 511))
        try:
            data = (
                self._unzstd(stored) if self.header.zstd else zlib.decompressobj(-15).decompress(stored, self._cluster)
            )
        except (zlib.error, zstandard.ZstdError):
            data = b""
        if len(data) != self._cluster:
            self.marks.add("chunk-errors")
            self.faults.add(index * self._cluster, self._cluster, "compressed cluster does not unpack")
            data = bytes(self._cluster)
        self._cache[index] = data
        if len(self._cache) > self._slots:
            self._cache.popitem(last=False)
        return data

    def _unzstd(self, stored: bytes) -> bytes:
        with zstandard.ZstdDecompressor(max_window_size=1 << 23).stream_reader(stored) as reader:
            return reader.read(self._cluster)


def _words(raw: bytes, count: int) -> array[int]:
    words = array("Q", raw[: count * 8].ljust(count * 8, b"\0"))
    if sys.byteorder == "little":
        words.byteswap()
    return words
