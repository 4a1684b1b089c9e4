"""Ranges of bytes: joined, what lies between them, and a medium made of them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from moisson.reader import Medium

Range = tuple[int, int]
Extent = tuple[int | None, int]
_MANY = 200_000


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The union of ranges (offset, length), in order and without overlap."""
    merged: list[Range] = []
    start = end = 0
    for offset, length in sorted(r for r in ranges if r[1] > 0):
        if merged and offset <= end:
            if offset + length > end:
                end = offset + length
                merged[-1] = (start, end - start)
        else:
            start, end = offset, offset + length
            merged.append((offset, length))
    return merged


def complement(merged: list[Range], size: int) -> list[Range]:
    """What of `size` bytes the merged ranges leave."""
    free, at = [], 0
    for offset, length in merged:
        if offset >= size:
            break
        if offset > at:
            free.append((at, offset - at))
        at = max(at, offset + length)
    if at < size:
        free.append((at, size - at))
    return free


def overlaps(merged: list[Range], offset: int, length: int) -> bool:
    """Whether a range touches any of the merged ones."""
    n = bisect_right(merged, (offset + length - 1, 1 << 63))
    return length > 0 and n > 0 and sum(merged[n - 1]) > offset


class Claims:
    """What is in use on a medium, gathered range by range in bounded memory."""

    def __init__(self) -> None:
        self._ranges: list[Range] = []
        self._limit = _MANY

    def add(self, extents: Iterable[Extent]) -> None:
        """Claim these; holes claim nothing."""
        self._ranges += [(at, length) for at, length in extents if at is not None]
        if len(self._ranges) > self._limit:
            self._ranges = merge(self._ranges)
            self._limit = 2 * len(self._ranges) + _MANY

    def merged(self) -> list[Range]:
        """All that is claimed, in order and without overlap."""
        self._ranges = merge(self._ranges)
        return self._ranges


class Pieces:
    """A medium made of ranges of another; holes and what lies beyond `valid` read as zeros."""

    def __init__(self, medium: Medium, extents: Sequence[Extent], size: int, valid: int | None = None) -> None:
        self.medium, self.size = medium, max(0, size)
        self.present = self.size
        self._valid = self.size if valid is None else max(0, min(valid, self.size))
        self._extents = extents
        self._starts, at = [], 0
        for _, length in extents:
            self._starts.append(at)
            at += length
        self._end = at

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset."""
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        known = min(n, self._valid - offset, self._end - offset)
        found = []
        index, at, left = bisect_right(self._starts, offset) - 1, offset, known
        while left > 0:
            place, length = self._extents[index]
            inside = at - self._starts[index]
            take = min(left, length - inside)
            if take > 0:
                found.append(bytes(take) if place is None else self._read(place + inside, take))
            at, left, index = at + max(take, 0), left - max(take, 0), index + 1
        if known < n:
            found.append(bytes(n - max(known, 0)))
        return found[0] if len(found) == 1 else b"".join(found)

    def _read(self, offset: int, n: int) -> bytes:
        return self.medium.pread(offset, n).ljust(n, b"\0")


def length(extents: Iterable[Extent], *, real: bool = False) -> int:
    """How many bytes they span, holes not counted when only `real` ones are asked for."""
    return sum(n for at, n in extents if at is not None or not real)


def first(extents: Iterable[Extent]) -> int:
    """Where the first byte lies that is really there, or -1."""
    return next((at for at, _ in extents if at is not None), -1)


def rest(extents: Sequence[Extent], start: int) -> list[Extent]:
    """What remains of them from a byte on, holes left out."""
    found: list[Extent] = []
    at = 0
    for place, n in extents:
        skip = min(n, max(0, start - at))
        if place is not None and skip < n:
            found.append((place + skip, n - skip))
        at += n
    return found
