"""Ranges of bytes: joined, and what lies between them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The union of ranges (offset, length), in order and without overlap."""
    merged: list[Range] = []
    for offset, length in sorted(r for r in ranges if r[1] > 0):
        if merged and offset <= sum(merged[-1]):
            start, old = merged[-1]
            merged[-1] = (start, max(old, offset + length - start))
        else:
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
    return n > 0 and sum(merged[n - 1]) > offset
