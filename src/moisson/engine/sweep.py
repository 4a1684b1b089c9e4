"""One stretch of a medium, byte by byte: selectors, files that nothing names, and the words of free space."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from moisson.address import Address, bytes_at, pieces_at
from moisson.carve import find as carving
from moisson.carve.ground import Ground
from moisson.engine import messages as m
from moisson.evidence.extents import Pieces, complement, merge
from moisson.identify.blocks import BLOCK, SECTOR, Match
from moisson.identify.tables import types
from moisson.model import Lead, Sighting, Stretch
from moisson.reader import Reader, Window
from moisson.scan import gates
from moisson.scan import sweep as scanning
from moisson.scan.block import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from moisson.carve.ground import Carved
    from moisson.engine.read import Walk
    from moisson.evidence.extents import Range
    from moisson.identify.blocks import Blocks, Target
    from moisson.model import Record
    from moisson.reader import Medium

STEP = 8 << 20
CELL, CELLS = 64 << 10, 16_384
_SURE = 0.5
_BATCH = 2000
_SHOWN = 10
_REGION = 4 << 20
_BLANK = bytes(32)
_LEAST_TEXT = 12
_TEXT = 1 << 20
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_PIECE, _KEPT = 1 << 20, 28
_USUAL = {
    "message/rfc822": "eml",
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "text/calendar": "ics",
    "text/vcard": "vcf",
}


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
        data = b"".join(self._piece(i) for i in range(first, last + 1)) if last > first else self._piece(first)
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


class Sweep:
    """Carries out one request; `done` gets each finished place with its records, in an order that is always the same.

    What one reading of a carved file or of free text told is not told again as a raw sighting.
    """

    def __init__(
        self,
        medium: Medium,
        request: m.Sweep,
        walk: Walk,
        done: Callable[[str, list[Record]], None],
        sought: Blocks | None = None,
    ) -> None:
        self.kept, self.sought = Kept(medium), sought
        self.request, self.walk, self.done = request, walk, done
        self.base = Address.parse("/".join((request.exhibit, *request.layers)))
        self.raw: list[Sighting] = []
        self.stretches: list[scanning.Stretch] = []
        self.taken: list[Range] = []
        self.told: list[tuple[int, int, set[tuple[str, str]]]] = []
        self.matches: list[Match] = []
        self._offsets: list[int] = []

    def run(self) -> None:
        """Do it all."""
        request, free = self.request, Free(self.kept, self.request.free)
        claims, ground = carving.Claims(), Ground(free.medium)
        for at in range(request.start, request.stop, STEP):
            end = min(at + STEP, request.stop)
            where = str(self.base.child(bytes_at(at, end - at)))
            self.walk.begin(where)
            if where not in request.avoid:
                self._step(at, end, free, ground, claims)
            self.done(where, [])
        self._order()
        self._tell_blocks()
        self._read_text()
        self._tell_raw()
        where = str(self.base.child(bytes_at(request.start, request.stop - request.start)))
        self.walk.begin(where)
        size = cell_of(self.kept.size)
        self.done(where, list(cells(self.stretches, str(self.base), request.start, request.stop, size)))

    def _step(self, at: int, end: int, free: Free, ground: Ground, claims: carving.Claims) -> None:
        options = scanning.Options(context=self.walk.context, words=False)
        for found in scanning.sweep(Reader(self.kept), str(self.base), at, end, options):
            self._take(found)
        if self.sought is not None:
            self.matches += self.sought.find(self.kept.pread(at, end - at + BLOCK - SECTOR), at)
        for carved in carving.find(ground, free.before(at), free.before(end), claims):
            self._carve(carved, free)

    def _take(self, found: object) -> None:
        if isinstance(found, Sighting):
            self.raw.append(found)
        elif isinstance(found, scanning.Stretch):
            self.stretches.append(found)

    def _carve(self, carved: Carved, free: Free) -> None:
        places = merge_touching(p for at, n in carved.extents for p in free.places(at, n))
        if not places:
            return
        address = self.base.child(bytes_at(*places[0]) if len(places) == 1 else pieces_at(places))
        sure = carved.confidence >= _SURE
        if sure:
            self.taken += places
        name = carved.name or f"{places[0][0]:012d}{suffix(carved.kind)}"
        flags = carved.flags if sure else (*carved.flags, "unsure")
        self._read_item(address, name, flags, places)

    def _read_item(self, address: Address, name: str, flags: tuple[str, ...], places: Sequence[Range]) -> None:
        size = sum(n for _, n in places)
        wanted = m.Wanted(str(address), name, "", size, "carved", flags, run="carve.find@1")
        request = m.Read(self.request.exhibit, wanted, self.request.avoid, self.request.plain)
        with self.walk.watching(self._watch(places)):
            self.walk.read(request, Reader(Pieces(self.kept, places, size)), None)

    def _watch(self, places: Sequence[Range]) -> Callable[[list[Record]], None]:
        told: set[tuple[str, str]] = set()
        self.told += [(at, at + n, told) for at, n in places]

        def watch(records: list[Record]) -> None:
            told.update((r.kind, r.value) for r in records if isinstance(r, Sighting))

        return watch

    def _read_text(self) -> None:
        """Read what may be text where nobody else does: free, neither carved nor part of a deleted file."""
        seen = [(s.start, s.length) for s in self.stretches if s.flags & (gates.ZERO | gates.RANDOM)]
        avoid = merge((*seen, *self.taken, *self.request.dead))
        whole = str(self.base.child(bytes_at(self.request.start, self.request.stop - self.request.start)))
        self.walk.begin(whole)
        for start, length in without(self.request.free, avoid, self.request.start, self.request.stop):
            for at, n in texts(self.kept, start, length):
                self._read_region(at, n)
        self.done(whole, [])

    def _read_region(self, at: int, length: int) -> None:
        address = self.base.child(bytes_at(at, length))
        where = str(address)
        data = Reader(Window(self.kept, at, length))
        if at % SECTOR == 0 and is_text(data):
            self._read_item(address, f"{at:012d}.txt", ("fragment",), [(at, length)])
            return
        self.walk.begin(where)
        records: list[Record] = []
        if where not in self.request.avoid:
            raw = {(s.kind, s.value) for s in self._between(at, at + length)}
            found = self.walk.words(address, data, _LEAST_TEXT)
            records = [r for r in found if not (isinstance(r, Sighting) and (r.kind, r.value) in raw)]
        self.done(where, records)

    def _tell_blocks(self) -> None:
        """A sighting for each run of blocks of a sought file, and a lead for each such file."""
        if self.sought is None or not self.matches:
            return
        base, found = str(self.base), defaultdict[int, list[Sighting]](list)
        for target, at, n in runs(self.matches):
            sought = self.sought.targets[target]
            where = f"{base}/@{at}+{n * BLOCK}"
            told = f"{n} of {sought.blocks} blocks of {sought.name}"
            found[target].append(Sighting(where, "sweep.blocks@1", "block", sought.sha256, "", "", told))
        records: list[Record] = []
        for target, seen in found.items():
            records += [*seen, self._lead(self.sought.targets[target], target, seen)]
        self.walk.begin(base)
        self.done(base, records)

    def _lead(self, sought: Target, number: int, seen: Sequence[Sighting]) -> Lead:
        blocks = len({match.number for match in self.matches if match.target == number})
        why = f"{blocks} of {sought.blocks} blocks of the sought file {sought.name} lie on this medium"
        severity = 1 if blocks >= sought.blocks // 2 else 2
        evidence = tuple(s.address for s in seen[:_SHOWN])
        return Lead(evidence[0], "sweep.blocks@1", "sought-content", severity, why, self.request.exhibit, evidence)

    def _between(self, start: int, stop: int) -> list[Sighting]:
        offsets = self._offsets
        return self.raw[bisect_left(offsets, start) : bisect_left(offsets, stop)]

    def _order(self) -> None:
        """Put the raw sightings in the order of their places."""
        depth = len(self.base.layers)
        self.raw.sort(key=lambda s: (offset_of(s.address, depth), s.address, s.kind))
        self._offsets = [offset_of(s.address, depth) for s in self.raw]

    def _tell_raw(self) -> None:
        spans = sorted(self.told, key=lambda span: span[:2])
        starts = [span[0] for span in spans]
        new: list[Record] = []
        for sighting, offset in zip(self.raw, self._offsets, strict=True):
            n = bisect_right(starts, offset) - 1
            inside = n >= 0 and offset < spans[n][1]
            if not (inside and (sighting.kind, sighting.value) in spans[n][2]):
                new.append(sighting)
        for at in range(0, len(new), _BATCH):
            self.walk.begin(str(self.base))
            self.done(str(self.base), new[at : at + _BATCH])


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


def moved(address: str, by: int) -> str:
    """The address of a range of a piece as one of the whole that the piece begins `by` bytes into."""
    exhibit, layer, *inner = address.split("/", 2)
    offset, plus, length = layer.removeprefix("@").partition("+")
    return "/".join((exhibit, f"@{int(offset) + by}{plus}{length}", *inner))


def merge_touching(places: Iterator[Range] | Sequence[Range]) -> list[Range]:
    """Ranges in the order given, those that follow each other joined."""
    joined: list[Range] = []
    for at, n in places:
        if joined and sum(joined[-1]) == at:
            joined[-1] = joined[-1][0], joined[-1][1] + n
        else:
            joined.append((at, n))
    return joined


def without(ranges: Sequence[Range], taken: Sequence[Range], start: int, stop: int) -> Iterator[Range]:
    """What of the ranges between two offsets is not taken; both in order and without overlap."""
    open_ = complement(merge((*taken, *complement(list(ranges), stop))), stop)
    yield from ((max(at, start), at + n - max(at, start)) for at, n in open_ if at + n > start)


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
            if len(part) - lead >= _LEAST_TEXT:
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


def suffix(mime: str) -> str:
    """The usual ending of a file name of this type, with its dot, or nothing."""
    kind = types().get(mime)
    if not kind or not kind.extensions:
        return ""
    usual = _USUAL.get(mime, mime.rpartition("/")[2])
    return "." + max(kind.extensions, key=lambda e: (e == usual, -abs(len(e) - 3), e))
