"""One sequential reading of raw bytes: selectors, words and page flags, through every layer that unpacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from moisson.errors import EvidenceError
from moisson.model import Failure
from moisson.reader import Memory, Reader
from moisson.scan import anchors, links, phrases
from moisson.scan.block import Block, scan
from moisson.scan.finds import VERSION
from moisson.scan.gates import PAGE
from moisson.selectors.kind import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from moisson.model import Sighting, Text
    from moisson.reader import Medium
    from moisson.scan.prose import Opened

STEP = 1 << 20
BACK = 1 << 12
AHEAD = 1 << 14


class Options(Struct, frozen=True):
    """What a sweep looks for.

    `words` asks for runs of Arabic as texts, `layers` for those that read as text, `flags` for the make of pages. A
    value that stands more than `repeats` times in one stretch (a step of the reading, or what came out of it together)
    is given that often, 0 for always. `depth`, `layer` and `budget` bound what may come out: layers in one another,
    bytes of one, bytes in a step.
    """

    context: Context = Context()
    words: bool = True
    layers: bool = False
    flags: bool = True
    repeats: int = 16
    depth: int = 6
    layer: int = 64 << 20
    budget: int = 512 << 20


_USUAL = Options()
_SAME = re.compile(rb"(.)\1*", re.DOTALL)


class Stretch(NamedTuple):
    """Pages of one make: offset and length of the range, and the flags of `gates.NAMES` summed."""

    start: int
    length: int
    flags: int


class _Held:
    """The medium, with the piece in hand answered from memory."""

    def __init__(self, medium: Medium) -> None:
        self.medium, self.size, self.present = medium, medium.size, medium.present
        self.at, self.data = 0, b""

    def pread(self, offset: int, n: int) -> bytes:
        start = offset - self.at
        if start >= 0 and start + n <= len(self.data):
            return self.data[start : start + n]
        return self.medium.pread(offset, n)

    def move(self, at: int, stop: int, base: str) -> Iterator[Failure]:
        """Take the bytes from `at` to `stop` in hand; what cannot be read is zero, and said.

        The little that is in hand already is read again, for a join would copy all; where the medium fails it is kept.
        """
        stop = min(stop, self.size)
        try:
            data = self.medium.pread(at, stop - at)
        except EvidenceError:
            data = b""
        if len(data) < stop - at:
            kept = self.data[at - self.at :]
            begin, rest = at + len(kept), b""
            try:
                rest = self.medium.pread(begin, stop - begin) if stop > begin else b""
            except EvidenceError as error:
                yield Failure(f"{base}/@{begin}+{stop - begin}", VERSION, "damaged", str(error)[:500])
            data = (kept + rest).ljust(stop - at, b"\0")
        self.at, self.data = at, data


def sweep(
    reader: Reader,
    base: str,
    start: int = 0,
    stop: int | None = None,
    options: Options = _USUAL,
    observers: Sequence[Callable[[int, memoryview], object]] = (),
) -> Iterator[Sighting | Text | Opened | Failure | Stretch]:
    """What begins in the bytes from `start` to `stop`; units that touch give everything once, and lose nothing.

    Both must be multiples of a page, except for the end of the medium. `base` is the address of the medium, to which
    ranges are added. Each observer gets every byte of the unit once, in order, with its offset.
    """
    stop = min(reader.size if stop is None else stop, reader.size)
    held, pages = _Held(reader.medium), _Pages()
    at = start
    while at < stop:
        size, first = min(STEP, stop - at), max(0, at - BACK)
        yield from held.move(first, at + size + AHEAD, base)
        lead = at - first
        for observe in observers:
            observe(at, memoryview(held.data)[lead : lead + size])
        block = Block(held.data, first, lead, lead + size, Reader(held), base, 0)
        flags = bytearray()
        yield from scan(block, options, flags if options.flags else None)
        if options.flags:
            yield from pages.add(at, flags[lead // PAGE :][: -(-size // PAGE)], size)
        at += size
    yield from pages.rest()


def warm() -> None:
    """Compile the anchors and read the tables once, before a process is confined or forks."""
    anchors.everywhere()
    anchors.in_text()
    phrases.listed()
    phrases.numbers()
    links.tops()


def sweep_bytes(
    data: bytes, base: str, options: Options = _USUAL
) -> Iterator[Sighting | Text | Opened | Failure | Stretch]:
    """The same over bytes in memory: slack, a page file's page, a member that nobody reads."""
    return sweep(Reader(Memory(data)), base, options=options)


class _Pages:
    """Joins the flags of pages into stretches."""

    def __init__(self) -> None:
        self.last: Stretch | None = None

    def add(self, at: int, flags: bytearray, size: int) -> Iterator[Stretch]:
        """Take the flags of the next pages, `size` bytes in all."""
        for same in _SAME.finditer(flags):
            flag = same[1][0]
            start, length = at + same.start() * PAGE, min(same.end() * PAGE, size) - same.start() * PAGE
            if self.last and self.last.flags == flag and self.last.start + self.last.length == start:
                self.last = Stretch(self.last.start, self.last.length + length, flag)
            else:
                if self.last:
                    yield self.last
                self.last = Stretch(start, length, flag)

    def rest(self) -> Iterator[Stretch]:
        """The last stretch."""
        if self.last:
            yield self.last
