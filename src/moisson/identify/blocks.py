"""Known content by its blocks: a few KiB of a file that was sought, anywhere on a medium, betray that it was there.

Files are cut into blocks of 4 KiB; a file system lays them at multiples of a sector. The first sector of a block has a
fingerprint of 64 bits, a product with fixed numbers (multilinear hashing), which costs nothing beside reading; only
where it is one of those sought is the whole block hashed and compared. Blocks of little variety and those that several
sought files share say nothing and are left out, as are the ends of files that fill no block.

The file of `compile_targets` begins with `MOISBLK1` and the length of a JSON table (names, digests and sizes of the
files sought), followed by that table and the blocks: fingerprint, digest, file, number in the file, sorted.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from hashlib import blake2b, sha256, shake_256
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from moisson.errors import DamagedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

BLOCK, SECTOR = 4096, 512
LEAST_VALUES = 40
MOST_BLOCKS = 2_000_000
_MAGIC = b"MOISBLK1"
_HEAD = struct.Struct("<8sQQ")
_ENTRY = np.dtype([("first", "<u8"), ("digest", "S16"), ("target", "<u4"), ("number", "<u4")])
_WEIGHTS = np.frombuffer(shake_256(b"moisson blocks").digest(SECTOR), "<u8") | np.uint64(1)
_BITS = 22
_SHIFT = np.uint64(64 - _BITS)


class Target(Struct, frozen=True):
    """A file that is sought, and how many of its blocks tell it from others."""

    name: str
    sha256: str
    size: int
    blocks: int


class Match(Struct, frozen=True):
    """A block of a sought file at an offset."""

    offset: int
    target: int
    number: int


def fingerprints(data: bytes | memoryview) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """The fingerprint of every sector of `data`, which is a multiple of a sector long."""
    marks: np.ndarray[tuple[int], np.dtype[np.uint64]] = np.frombuffer(data, "<u8").reshape(-1, SECTOR // 8) @ _WEIGHTS
    return marks


def compile_targets(paths: Iterable[Path], out: Path) -> tuple[Target, ...]:
    """Write the blocks of files as one file for `Blocks`; a folder stands for all files in it.

    Raises `UsageError` when no file has a block that tells anything, or together they have too many.
    """
    rows: list[tuple[int, bytes, int, int]] = []
    names: list[tuple[str, str, int]] = []
    for path in _files(paths):
        found = list(_blocks(path, len(names), names))
        if len(rows) + len(found) > MOST_BLOCKS:
            raise UsageError(f"{path}: more than {MOST_BLOCKS} blocks to look for")
        rows += found
    shared = {digest for digest, n in Counter(row[1] for row in rows).items() if n > 1}
    kept = sorted(row for row in rows if row[1] not in shared)
    if not kept:
        raise UsageError("no sought file has a block of 4 KiB of its own")
    counts = Counter(row[2] for row in kept)
    targets = tuple(Target(*name, counts[n]) for n, name in enumerate(names))
    table = msgspec.json.encode(targets)
    with out.open("wb") as file:
        file.write(_HEAD.pack(_MAGIC, len(table), len(kept)) + table)
        file.write(np.array(kept, _ENTRY).tobytes())
    return targets


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
        elif path.is_file():
            yield path
        else:
            raise UsageError(f"{path}: no such file")


def _blocks(path: Path, target: int, names: list[tuple[str, str, int]]) -> Iterator[tuple[int, bytes, int, int]]:
    whole, size = sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            whole.update(block)
            if len(block) == BLOCK and tells(block):
                first = int(fingerprints(block[:SECTOR])[0])
                yield first, _digest(block), target, size // BLOCK
            size += len(block)
    names.append((path.name, whole.hexdigest(), size))


def tells(block: bytes) -> bool:
    """Whether a block has variety enough to be somebody's own: neither padding nor a table of one pattern."""
    return len(set(block)) >= LEAST_VALUES and len({block[at : at + 64] for at in range(0, BLOCK, 64)}) > BLOCK // 128


def _digest(block: bytes) -> bytes:
    """Sixteen bytes, none of them the zero that a fixed-width string would lose at its end."""
    digest = blake2b(block, digest_size=16).digest()
    return digest if digest[-1] else digest[:-1] + b"\1"


class Blocks:
    """The blocks of sought files, ready to be asked."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        magic, length, count = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0, 0)
        if magic != _MAGIC or _HEAD.size + length + count * _ENTRY.itemsize != len(data):
            raise DamagedError("no list of blocks")
        table = bytes(data[_HEAD.size : _HEAD.size + length])
        self.targets = msgspec.json.decode(table, type=tuple[Target, ...])
        self._rows = np.frombuffer(data, _ENTRY, count, _HEAD.size + length)
        self._first = np.ascontiguousarray(self._rows["first"])
        self._perhaps = np.zeros(1 << _BITS, np.bool_)
        self._perhaps[self._first >> _SHIFT] = True

    @classmethod
    def of(cls, descriptor: int) -> Blocks:
        """Those of an open file, which may be closed afterwards."""
        return cls(mmap.mmap(descriptor, 0, prot=mmap.PROT_READ))

    def find(self, data: bytes, offset: int = 0) -> Iterator[Match]:
        """The sought blocks that begin at a sector of `data`, which lies at an `offset` of its medium.

        A block must lie wholly in `data`: let pieces of a medium overlap by `BLOCK - SECTOR`.
        """
        usable = len(data) - len(data) % SECTOR
        marks = fingerprints(memoryview(data)[:usable])
        likely = np.flatnonzero(self._perhaps[marks >> _SHIFT])
        places = np.searchsorted(self._first, marks[likely])
        for sector, place in zip(likely.tolist(), places.tolist(), strict=True):
            at = sector * SECTOR
            if place < len(self._first) and self._first[place] == marks[sector] and at + BLOCK <= len(data):
                yield from self._match(data[at : at + BLOCK], place, offset + at)

    def _match(self, block: bytes, place: int, offset: int) -> Iterator[Match]:
        digest, first = _digest(block), self._first[place]
        while place < len(self._first) and self._first[place] == first:
            row = self._rows[place]
            if bytes(row["digest"]) == digest:
                yield Match(offset, int(row["target"]), int(row["number"]))
            place += 1
