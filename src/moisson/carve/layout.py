"""Around the blocks of pointers that ext2 and ext3 lay into files (The Second Extended File System)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from moisson.carve.ground import Carved, Ground, Part, Span, joined
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

_DIRECT = 12
_BLOCKS = (1024, 4096, 2048)
_LARGEST = 1 << 16


def beyond_pointers(ground: Ground, offset: int, limit: int) -> tuple[Reader, Callable[[Carved], Carved]] | None:
    """The file at `offset` as its own blocks of pointers give it, or None when there are none; and the way back."""
    span = Span(ground, offset, limit)
    for size in _BLOCKS:
        if offset % size:
            continue
        first = _pointers(span, _DIRECT * size, size)
        if first is None:
            continue
        base = _DIRECT * size + size - first[0] * size
        ranges = _ranges(span, first, base, size)
        part = Part(span, *(n for pair in ranges for n in pair))
        return Reader(part), partial(_through, span, ranges)
    return None


def _pointers(span: Span, at: int, size: int) -> list[int] | None:
    """The numbers in a block of pointers: the first few in sequence, none twice, zeros only at the end."""
    raw = span.pread(at, size)
    if len(raw) < size or not any(raw[:4]):
        return None
    numbers = np.frombuffer(raw, "<u4")
    used = int(np.count_nonzero(numbers))
    if np.any(numbers[used:]) or int(numbers.max()) >= 1 << 31 or used < 1:
        return None
    steps = np.diff(numbers[:used].astype(np.int64))
    if used > 1 and (steps[0] != 1 or np.count_nonzero(steps == 1) < 0.7 * len(steps)):
        return None
    return [int(n) for n in numbers[:used]] if used > 1 or numbers[0] > 16 else None


def _ranges(span: Span, first: list[int], base: int, size: int) -> list[tuple[int, int]]:
    """The ranges of the file: twelve blocks, those of the first block of pointers, those of the second order."""
    blocks = list(first)
    per = size // 4
    if len(first) == per:
        blocks += _second(span, base, size, first[-1] + 1, per)
    ranges = [(0, _DIRECT * size)]
    for number in blocks:
        at = base + number * size
        if not 0 <= at < span.size:
            break
        ranges.append((at, min(size, span.size - at)))
    return list(joined(ranges))


def _second(span: Span, base: int, size: int, block: int, per: int) -> list[int]:
    """The blocks that the block of second order at `block` leads to, when it lies where the last one ended."""
    outer = _listed(span, base + block * size, size)
    found: list[int] = []
    for number in outer[:per]:
        inner = _pointers(span, base + number * size, size)
        if inner is None or len(found) > _LARGEST:
            break
        found += inner
        if len(inner) < per:
            break
    return found


def _listed(span: Span, at: int, size: int) -> list[int]:
    raw = span.pread(at, size)
    numbers = np.frombuffer(raw, "<u4") if len(raw) == size else np.zeros(0, "<u4")
    return [int(n) for n in numbers[: int(np.count_nonzero(numbers))]]


def _through(span: Span, ranges: list[tuple[int, int]], found: Carved) -> Carved:
    """A carved range of the joined blocks as ranges of the medium."""
    extents: list[tuple[int, int]] = []
    for at, length in found.extents:
        place = 0
        for start, n in ranges:
            begin, end = max(at, place), min(at + length, place + n)
            if begin < end:
                extents.append((span.offset + start + begin - place, end - begin))
            place += n
    flags = tuple(dict.fromkeys((*found.flags, "rejoined")))
    return Carved(found.kind, joined(extents), found.name, found.confidence, flags)
