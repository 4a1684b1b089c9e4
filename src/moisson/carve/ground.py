"""The bytes that are carved: read in pieces that are kept, searched once, with a credit for dear attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.reader import Reader

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from moisson.reader import Medium

SECTOR = 512
_PIECE = 1 << 18
_KEPT = 8
_OVERLAP = 64
_LEAST = 1 << 12
_CREDIT = 32 << 20
_PATIENCE, _CALL, _SHORT, _SWELLS = 64 << 20, 64, 1 << 16, 4
NEVER = 1 << 62


class Carved(Struct, frozen=True, omit_defaults=True):
    """A file found without a file system: `extents` are the ranges it lies in, in order: (offset, length).

    `confidence`: 1 when its own sums or the whole of its structure hold, .9 when its structure closes but nothing sums
    it up, below .5 when only part of it is left. `flags`: `truncated` (its end is missing), `damaged` (something in it
    does not hold), `rejoined` (it lies in pieces, and the format proves the joint), `uncertain` (where one piece ends
    is a guess), `fragment` (a piece of a file: pages, a chunk, a stretch of text).
    """

    kind: str
    extents: tuple[tuple[int, int], ...]
    name: str = ""
    confidence: float = 1.0
    flags: tuple[str, ...] = ()

    @property
    def offset(self) -> int:
        """Where its first byte lies."""
        return self.extents[0][0]

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(length for _, length in self.extents)


class Ground(Reader):
    """A reader that keeps the pieces read last and remembers where it found what.

    `credit` is what may still be spent on joining pieces and other attempts that cost more than one look; the driver
    adds to it as it goes on, so that no image makes the work grow faster than its size. `patience` is the same for what
    candidates read that come to nothing: once it is used up, a candidate is shown only a little. `served` is how much
    has been read or unpacked by all of them. `chains` is where chains of
    lengths that ran over a place have ended, `proved` what a carver has proved at a place.
    """

    def __init__(self, medium: Medium) -> None:
        super().__init__(medium)
        self._pieces: dict[int, bytes] = {}
        self._next: dict[bytes, tuple[int, int, bool]] = {}
        self.credit = _CREDIT
        self.patience, self.served = _PATIENCE, 0
        self.chains: dict[int, int] = {}
        self.proved: dict[tuple[int, str], Carved | None] = {}

    def pread(self, offset: int, n: int) -> bytes:
        """Up to `n` bytes at `offset`."""
        if n <= 0 or offset < 0 or offset >= self.size:
            return b""
        self.served += n + _CALL
        index, inside = divmod(offset, _PIECE)
        if inside + n <= _PIECE:
            return self._piece(index)[inside : inside + n]
        return self.medium.pread(offset, n)

    def _piece(self, index: int) -> bytes:
        piece = self._pieces.pop(index, None)
        if piece is None:
            piece = self.medium.pread(index * _PIECE, _PIECE)
            if len(self._pieces) >= _KEPT:
                del self._pieces[next(iter(self._pieces))]
        self._pieces[index] = piece
        return piece

    def find(self, needle: bytes, start: int, stop: int) -> int:
        """Where some bytes come next, wholly before `stop`, or -1; what was searched once is not searched again."""
        since, until, there = self._next.get(needle, (0, -1, False))
        begin = until if since <= start <= until else start
        if since <= start <= until and there:
            return until if until + len(needle) <= stop else -1
        found = self._search(needle, begin, stop) if begin < stop else -1
        since = since if begin != start else start
        until = found if found >= 0 else max(begin, stop - len(needle) + 1)
        self._next[needle] = (since, until, found >= 0)
        return found

    def _search(self, needle: bytes, start: int, stop: int) -> int:
        at, size = start, _LEAST
        while at < stop:
            read = self.pread if size == _LEAST else self.medium.pread
            piece = read(at, min(size, stop - at))
            self.served += len(piece)
            if not piece:
                return -1
            if (found := piece.find(needle)) >= 0:
                return at + found
            size = min(2 * size, 1 << 20)
            at += max(1, len(piece) - len(needle) + 1)
        return -1

    def afford(self, cost: int) -> bool:
        """Spend from the credit, or learn that it is used up."""
        if cost > self.credit:
            return False
        self.credit -= cost
        return True

    def reach(self, offset: int) -> int:
        """How far a candidate may look."""
        return self.size if self.patience > 0 else min(self.size, offset + _SHORT)

    def unpacked(self, size: int) -> None:
        """Count what a candidate has unpacked."""
        self.served += size // _SWELLS

    def blame(self, since: int) -> None:
        """Lay to the charge of patience what has been read since `served` was this much."""
        self.patience -= self.served - since


class Span:
    """A medium from the first byte of a candidate to the last it may have; `at` counts from that first byte."""

    def __init__(self, data: Reader, offset: int, limit: int) -> None:
        self.ground = data if isinstance(data, Ground) else Ground(data.medium)
        self.offset = offset
        self.size = self.present = max(0, min(limit, data.size) - offset)

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset of the candidate."""
        return self.ground.pread(self.offset + offset, min(n, self.size - offset)) if offset >= 0 else b""

    def number(self, at: int, width: int, *, big: bool = False) -> int:
        """An unsigned integer, or -1 where there are no more bytes."""
        raw = self.pread(at, width)
        return int.from_bytes(raw, "big" if big else "little") if len(raw) == width else -1

    def find(self, needle: bytes, start: int, stop: int = NEVER) -> int:
        """Where some bytes come next, or -1."""
        found = self.ground.find(needle, self.offset + start, self.offset + min(stop, self.size))
        return found - self.offset if found >= 0 else -1

    def search(self, pattern: re.Pattern[bytes], start: int, stop: int = NEVER) -> tuple[int, bytes] | None:
        """The first match of a short pattern: where, and the bytes."""
        at, stop = start, min(stop, self.size)
        while at < stop:
            piece = self.pread(at, min(_PIECE, stop - at))
            if not piece:
                return None
            if m := pattern.search(piece):
                return at + m.start(), m[0]
            at += max(1, len(piece) - _OVERLAP) if at + len(piece) < stop else len(piece)
        return None

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a range in order."""
        at = start
        while at < min(stop, self.size) and (piece := self.pread(at, min(1 << 20, stop - at))):
            yield piece
            at += len(piece)

    def blank(self, start: int, stop: int) -> bool:
        """Whether a range is all zeros."""
        return all(not piece.strip(b"\0") for piece in self.chunks(start, stop))

    def reader(self, size: int) -> Reader:
        """The first bytes of the candidate as an item."""
        return Reader(Part(self, 0, size))

    def carved(self, kind: str, size: int, confidence: float = 1.0, *flags: str) -> Carved:
        """The candidate as one unbroken range."""
        return Carved(kind, ((self.offset, size),), "", confidence, flags)


class Part:
    """Ranges of a span, one after the other, as a medium."""

    def __init__(self, span: Span, *ranges: int) -> None:
        self.span = span
        self.ranges = tuple(zip(ranges[::2], ranges[1::2], strict=True))
        self.size = self.present = sum(length for _, length in self.ranges)

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset of the joined ranges."""
        found = []
        for at, length in self.ranges:
            if offset >= length:
                offset -= length
                continue
            if (take := min(n, length - offset)) <= 0:
                break
            found.append(self.span.pread(at + offset, take).ljust(take, b"\0"))
            n, offset = n - take, 0
        return found[0] if len(found) == 1 else b"".join(found)


def joined(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in their order, those that touch made one, empty ones left out."""
    out: list[tuple[int, int]] = []
    for at, length in ranges:
        if length <= 0:
            continue
        if out and sum(out[-1]) == at:
            out[-1] = (out[-1][0], out[-1][1] + length)
        else:
            out.append((at, length))
    return tuple(out)
