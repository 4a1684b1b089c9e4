"""Places on a medium: the stream of free space and the way back, what a range holds, and how addresses count."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from moisson.errors import EvidenceError
from moisson.evidence.extents import Pieces, complement, merge
from moisson.identify.blocks import BLOCK, SECTOR, Match
from moisson.model import Stretch
from moisson.scan import gates
from moisson.scan.finds import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.evidence.extents import Range
    from moisson.reader import Medium, Reader
    from moisson.scan import sweep as scanning

CELL, CELLS = 64 << 10, 16_384
LEAST_TEXT = 12
_REGION = 4 << 20
_BLANK = bytes(32)
_TEXT = 1 << 20
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_PIECE, _KEPT = 1 << 20, 28


class Kept:
    """A medium of which the pieces read last stay in memory, so that several may look at each byte of one reading."""

    def __init__(self, medium: Medium) -> None:
        self.medium, self.size, self.present = medium, medium.size, medium.present
        self._pieces: dict[int, bytes] = {}

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset."""
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        first, last = offset // _PIECE, (offset + n - 1) // _PIECE
        if last - first >= _KEPT:
            return self.medium.pread(offset, n)
        try:
            data = b"".join(self._piece(i) for i in range(first, last + 1)) if last > first else self._piece(first)
        except EvidenceError:  # a bad sector elsewhere in a piece is nothing to who did not ask for it
            return self.medium.pread(offset, n)
        return data[offset - first * _PIECE :][:n] if len(data) != n else data

    def _piece(self, index: int) -> bytes:
        piece = self._pieces.pop(index, None)
        if piece is None:
            piece = self.medium.pread(index * _PIECE, _PIECE)
            while len(self._pieces) >= _KEPT:
                del self._pieces[next(iter(self._pieces))]
        self._pieces[index] = piece
        return piece


class Free:
    """The free ranges of a medium as one stream, and the way back from a place in it to the medium."""

    def __init__(self, medium: Medium, ranges: Sequence[Range]) -> None:
        self.ranges = [(at, min(length, medium.size - at)) for at, length in ranges if at < medium.size]
        self._at = [at for at, _ in self.ranges]
        self._sum = [0]
        for _, length in self.ranges:
            self._sum.append(self._sum[-1] + length)
        self.medium = Pieces(medium, self.ranges, self._sum[-1])

    def before(self, offset: int) -> int:
        """How much of the stream lies before an offset of the medium."""
        n = bisect_right(self._at, offset)
        if not n:
            return 0
        at, length = self.ranges[n - 1]
        return self._sum[n - 1] + min(length, offset - at)

    def places(self, start: int, length: int) -> Iterator[Range]:
        """Where a range of the stream lies on the medium."""
        n = bisect_right(self._sum, start) - 1
        while length > 0 and n < len(self.ranges):
            at, size = self.ranges[n]
            inside = start - self._sum[n]
            take = min(length, size - inside)
            yield at + inside, take
            start, length, n = start + take, length - take, n + 1


def runs(matches: Sequence[Match]) -> Iterator[tuple[int, int, int]]:
    """Matches that follow each other on the medium and in their file, joined: the file, the offset, how many."""
    start, count, last = 0, 0, None
    for match in sorted(matches, key=lambda each: (each.target, each.offset, each.number)):
        if last and match == Match(last.offset + BLOCK, last.target, last.number + 1):
            count += 1
        else:
            if last:
                yield last.target, start, count
            start, count = match.offset, 1
        last = match
    if last:
        yield last.target, start, count


def offset_of(address: str, depth: int) -> int:
    """The offset of the first range in an address, `depth` layers in."""
    return int(address.split("/", depth + 2)[depth + 1].removeprefix("@").partition("+")[0])


def merge_touching(places: Iterator[Range] | Sequence[Range]) -> list[Range]:
    """Ranges in the order given, those that follow each other joined."""
    joined: list[Range] = []
    for at, n in places:
        if joined and sum(joined[-1]) == at:
            joined[-1] = joined[-1][0], joined[-1][1] + n
        else:
            joined.append((at, n))
    return joined


def clip(ranges: Sequence[Range], start: int, stop: int) -> list[Range]:
    """What of ranges in order and without overlap lies between two offsets."""
    first = max(0, bisect_right(ranges, (start, 0)) - 1)
    few = ranges[first : bisect_left(ranges, (stop, 0))]
    cut = ((max(at, start), min(at + n, stop)) for at, n in few)
    return [(at, end - at) for at, end in cut if end > at]


def without(ranges: Sequence[Range], taken: Sequence[Range], start: int, stop: int) -> Iterator[Range]:
    """What of the ranges between two offsets is not taken; both in order and without overlap."""
    closed = merge((*clip(taken, start, stop), *_between(clip(ranges, start, stop), start, stop)))
    yield from _between(closed, start, stop)


def _between(ranges: Sequence[Range], start: int, stop: int) -> Iterator[Range]:
    """What ranges in order leave between two offsets."""
    yield from ((start + at, n) for at, n in complement([(at - start, n) for at, n in ranges], stop - start))


def within(ranges: Sequence[Range], offset: int) -> bool:
    """Whether a place lies in one of the ranges, in order and without overlap."""
    n = bisect_right(ranges, offset, key=lambda each: each[0])
    return n > 0 and offset < sum(ranges[n - 1])


def texts(medium: Medium, start: int, length: int) -> Iterator[Range]:
    """The parts of a range that zeros set apart: where one ends in zeros, the next begins at a sector."""
    for at in range(start, start + length, _REGION):
        data = medium.pread(at, min(_REGION, start + length - at))
        cuts = [0]
        hole = data.find(_BLANK)
        while hole >= 0:
            rest = data[hole : hole + (1 << 16)].lstrip(b"\0")
            end = hole + min(1 << 16, len(data) - hole) - len(rest)
            if (at + end) % SECTOR == 0:
                cuts.append(end)
            hole = data.find(_BLANK, max(end, hole + 1))
        for first, last in pairwise((*cuts, len(data))):
            part = data[first:last].rstrip(b"\0")
            lead = len(part) - len(part.lstrip(b"\0"))
            if len(part) - lead >= LEAST_TEXT:
                yield at + first + lead, len(part) - lead


def is_text(data: Reader) -> bool:
    """Whether all of it is text in UTF-8, or in UTF-16 that says so, as a file of it would be."""
    if data.size > _TEXT:
        return False
    raw = data.head(_TEXT)
    try:
        text = raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8")
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(text)


def cell_of(size: int) -> int:
    """The cells in which a medium of this size is surveyed: 64 KiB, or more where that would be too many of them."""
    cell = CELL
    while cell * CELLS < size:
        cell *= 2
    return cell


def cells(stretches: Sequence[scanning.Stretch], medium: str, start: int, stop: int, size: int) -> Iterator[Stretch]:
    """What the pages of each cell look like, in bytes by sort; a page that is of several counts as the first.

    Cells of one make that follow each other are told as one.
    """
    counts: dict[int, Counter[str]] = {}
    for stretch in stretches:
        name = next((name for flag, name in gates.NAMES.items() if stretch.flags & flag), "other")
        at, end = stretch.start, stretch.start + stretch.length
        while at < end:
            cut = min(end, (at // size + 1) * size)
            counts.setdefault(at // size, Counter())[name] += cut - at
            at = cut
    joined: list[tuple[int, int, dict[str, int]]] = []
    for number, kinds in sorted(counts.items()):
        first, last = max(start, number * size), min(stop, (number + 1) * size)
        if joined and len(kinds) == 1 and joined[-1][2].keys() == kinds.keys() and joined[-1][1] == first:
            before = joined.pop()
            kinds = Counter({name: n + before[2][name] for name, n in kinds.items()})
            first = before[0]
        joined.append((first, last, dict(sorted(kinds.items()))))
    for first, last, sorts in joined:
        yield Stretch(f"{medium}/@{first}+{last - first}", VERSION, medium, first, last - first, sorts)
