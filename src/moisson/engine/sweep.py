"""One stretch of a medium, byte by byte: selectors, files that nothing names, and the words of free space."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from moisson.address import Address, bytes_at, pieces_at
from moisson.carve import find as carving
from moisson.carve.ground import Ground
from moisson.engine import messages as m
from moisson.engine.opened import failure_kind
from moisson.engine.packed import Packed
from moisson.engine.ranges import (
    LEAST_TEXT,
    Free,
    Kept,
    cell_of,
    cells,
    is_text,
    merge_touching,
    offset_of,
    runs,
    texts,
    within,
    without,
)  # fmt: skip
from moisson.engine.resolve import descend
from moisson.errors import EvidenceError, LimitError
from moisson.evidence.extents import Pieces, merge
from moisson.identify.blocks import BLOCK, SECTOR, Match
from moisson.identify.tables import types
from moisson.model import Failure, Lead, Sighting
from moisson.reader import Reader, Window
from moisson.scan import gates
from moisson.scan import sweep as scanning
from moisson.scan.prose import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from moisson.carve.ground import Carved
    from moisson.engine.read import Walk
    from moisson.evidence.extents import Range
    from moisson.identify.blocks import Blocks, Target
    from moisson.model import Record
    from moisson.reader import Medium

STEP, LESS = 8 << 20, 1 << 20
MOST = 100_000
RUN = "engine.sweep@1"
# So much text of layers is read in a step, and of one of them; each costs as much as a little text.
_WORDS, _LAYER, _EACH = 16 << 20, 4 << 20, 1 << 12
_SURE = 0.5
_BATCH = 2000
_SHOWN = 10
_FAULTS = (EvidenceError, MemoryError, OSError, RecursionError)
_USUAL = {
    "message/rfc822": "eml",
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "text/calendar": "ics",
    "text/vcard": "vcf",
}


class Sweep:
    """Carries out one request; `done` gets each finished place with its records, in an order that is always the same.

    Step by step, so that what waits in memory is that of one step. What one reading of a carved file or of free text
    told is not told again as a raw sighting. A step that broke the child before (`avoid`) is scanned in smaller ones
    and nothing is carved in it.
    """

    def __init__(
        self,
        medium: Medium,
        request: m.Sweep,
        walk: Walk,
        done: Callable[[str, list[Record]], None],
        sought: Blocks | None = None,
        most: int = MOST,
    ) -> None:
        self.kept, self.sought, self.most = Kept(medium), sought, most
        self.request, self.walk, self.done = request, walk, done
        self.base = Address.parse("/".join((request.exhibit, *request.layers)))
        self.free = Free(self.kept, request.free)
        self.ground, self.claims = Ground(self.free.medium), carving.Claims()
        self.raw = Packed(len(self.base.layers))
        self.avoid = frozenset(request.avoid)
        self.stretches: list[scanning.Stretch] = []
        self.taken: list[Range] = []
        self.told: list[tuple[int, int, set[tuple[str, str]]]] = []
        self.matches: list[Match] = []
        self.unread: dict[str, Failure] = {}
        self.opened: list[Opened] = []

    def run(self) -> None:
        """Do it all."""
        request = self.request
        self._catch_up()
        for at in range(request.start, request.stop, STEP):
            self._step(at, min(at + STEP, request.stop))
        self._tell_blocks()
        where = self._where(request.start, request.stop)
        self.walk.begin(where)
        size = cell_of(self.kept.size)
        self.done(where, list(cells(self.stretches, str(self.base), request.start, request.stop, size)))

    def _catch_up(self) -> None:
        """Claim the files that begin before the stretch, so that nothing inside of them is carved as a stranger."""
        with suppress(*_FAULTS):
            for carved in carving.find(self.ground, 0, self.free.before(self.request.start), self.claims):
                if carved.confidence >= _SURE:
                    self.taken += merge_touching(p for at, n in carved.extents for p in self.free.places(at, n))

    def _where(self, at: int, end: int) -> str:
        return str(self.base.child(bytes_at(at, end - at)))

    def _step(self, at: int, end: int) -> None:
        where = self._where(at, end)
        self.raw, self.unread, self.opened = Packed(len(self.base.layers)), {}, []
        self.told = [span for span in self.told if span[1] > at]
        self.taken = [place for place in self.taken if sum(place) > at]
        failures: list[Record] = []
        self.walk.begin(where)
        if where in self.avoid:
            self._scan_again(at, end, failures)
        else:
            self._scan_whole(at, end, failures)
            for part in (self._look_for_blocks, self._carve, self._read_text, self._read_layers):
                self._try(part, at, end, failures)
        failures += self._unread()
        self.done(where, failures)
        self._tell_raw(where)

    def _try(self, part: Callable[[int, int], None], at: int, end: int, failures: list[Record]) -> None:
        try:
            part(at, end)
        except _FAULTS as error:
            why = f"{part.__name__.strip('_').replace('_', ' ')}: {error}"[:500]
            failures.append(Failure(self._where(at, end), RUN, failure_kind(error), why))  # type: ignore[arg-type]

    def _scan_whole(self, at: int, end: int, failures: list[Record]) -> None:
        """Scan in one go, or what of it can be read."""
        before = len(self.stretches)
        try:
            self._scan(at, end)
        except _FAULTS:
            self.raw, self.unread, self.opened = Packed(len(self.base.layers)), {}, []
            del self.stretches[before:]
            for start in range(at, end, LESS):
                self._try(self._scan, start, min(start + LESS, end), failures)

    def _unread(self) -> list[Failure]:
        """What could not be read, which counts as zeros in the scan but not in the survey."""
        failures = list(self.unread.values())
        places = [Address.parse(f.address).layers[len(self.base.layers)].span for f in failures]
        blind = merge((at, n or 0) for at, n in places)
        if blind:
            first = blind[0][0]
            seen, self.stretches = self.stretches, []
            for stretch in seen:
                at, end = stretch.start, stretch.start + stretch.length
                left = without([(at, end - at)], blind, at, end) if end > first else ((at, end - at),)
                self.stretches += [scanning.Stretch(a, n, stretch.flags) for a, n in left]
        return failures

    def _scan_again(self, at: int, end: int, failures: list[Record]) -> None:
        for start in range(at, end, LESS):
            stop = min(start + LESS, end)
            where = self._where(start, stop)
            self.walk.begin(where)
            if where not in self.avoid:
                self._try(self._scan, start, stop, failures)
                self._try(self._look_for_blocks, start, stop, failures)
            self.done(where, [])

    def _scan(self, at: int, end: int) -> None:
        options = scanning.Options(context=self.walk.context, words=False, layers=True)
        for found in scanning.sweep(Reader(self.kept), str(self.base), at, end, options):
            if isinstance(found, scanning.Stretch):
                self.stretches.append(found)
            elif isinstance(found, Failure):
                self.unread[found.address] = found
            elif isinstance(found, Sighting):
                self.raw.add(found)
            elif isinstance(found, Opened):
                self.opened.append(found)

    def _look_for_blocks(self, at: int, end: int) -> None:
        if self.sought is not None:
            self.matches += self.sought.find(self.kept.pread(at, end - at + BLOCK - SECTOR), at)

    def _carve(self, at: int, end: int) -> None:
        for carved in carving.find(self.ground, self.free.before(at), self.free.before(end), self.claims):
            self._read_carved(carved)

    def _read_carved(self, carved: Carved) -> None:
        places = merge_touching(p for at, n in carved.extents for p in self.free.places(at, n))
        if not places:
            return
        address = self.base.child(bytes_at(*places[0]) if len(places) == 1 else pieces_at(places))
        sure = carved.confidence >= _SURE
        if sure:
            self.taken += places
        name = carved.name or f"{places[0][0]:012d}{suffix(carved.kind)}"
        flags = carved.flags if sure else (*carved.flags, "unsure")
        self._read_item(address, name, flags, places, carved.kind)

    def _read_item(
        self, address: Address, name: str, flags: tuple[str, ...], places: Sequence[Range], kind: str = ""
    ) -> None:
        size = sum(n for _, n in places)
        wanted = m.Wanted(str(address), name, "", size, "carved", flags, run="carve.find@1", kind=kind)
        request = m.Read(self.request.exhibit, wanted, self.request.avoid)
        try:
            with self.walk.watching(self._watch(places)):
                self.walk.read(request, Reader(Pieces(self.kept, places, size)), None)
        except _FAULTS as error:
            self.done(str(address), [Failure(str(address), RUN, failure_kind(error), str(error)[:500])])  # type: ignore[arg-type]

    def _watch(self, places: Sequence[Range]) -> Callable[[list[Record]], None]:
        told: set[tuple[str, str]] = set()
        self.told += [(at, at + n, told) for at, n in places]

        def watch(records: list[Record]) -> None:
            told.update((r.kind, r.value) for r in records if isinstance(r, Sighting))

        return watch

    def _read_text(self, at: int, end: int) -> None:
        """Read what may be text where nobody else does: free, neither carved nor part of a deleted file."""
        seen = [(s.start, s.length) for s in self.stretches if s.flags & (gates.ZERO | gates.RANDOM)]
        for start, length in self._nobodys(at, end, *(s for s in seen if sum(s) > at)):
            for place, n in texts(self.kept, start, length):
                self._read_region(place, n)

    def _nobodys(self, at: int, end: int, *more: Range) -> Iterator[Range]:
        """What between two offsets is free, neither carved nor part of a deleted file, nor in further ranges."""
        yield from without(self.free.ranges, merge((*more, *self.taken, *self.request.dead)), at, end)

    def _read_layers(self, at: int, end: int) -> None:
        """Read the words of layers that begin where nobody else reads, up to so much of a step."""
        free, depth, room = list(self._nobodys(at, end)), len(self.base.layers), _WORDS
        for opened in self.opened:
            if not within(free, offset_of(opened.address, depth)):
                continue
            room -= min(opened.size, _LAYER) + _EACH
            if room < 0:
                raise LimitError(f"more than {_WORDS} bytes of words in compressed layers of a step")
            self._read_layer(Address.parse(opened.address))

    def _read_layer(self, address: Address) -> None:
        where, depth = str(address), len(self.base.layers)
        if where in self.avoid:
            return
        self.walk.begin(where)
        records: list[Record] = []
        try:
            data = descend(Reader(self.kept), address.layers[depth:], self.base, {}, ())
            at = offset_of(where, depth)
            raw = {(s.kind, s.value) for s in self.raw.between(at, at + 1)}
            found = self.walk.words(address, Reader(Window(data.medium, 0, min(data.size, _LAYER))), LEAST_TEXT)
            records = [r for r in found if not (isinstance(r, Sighting) and (r.kind, r.value) in raw)]
        except _FAULTS as error:
            records = [Failure(where, RUN, failure_kind(error), str(error)[:500])]  # type: ignore[arg-type]
        self.done(where, records)

    def _read_region(self, at: int, length: int) -> None:
        address = self.base.child(bytes_at(at, length))
        where = str(address)
        data = Reader(Window(self.kept, at, length))
        if at % SECTOR == 0 and is_text(data):
            self._read_item(address, f"{at:012d}.txt", ("fragment",), [(at, length)])
            return
        self.walk.begin(where)
        records: list[Record] = []
        if where not in self.avoid:
            raw = {(s.kind, s.value) for s in self.raw.between(at, at + length)}
            found = self.walk.words(address, data, LEAST_TEXT)
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
        severity = 1 if 2 * blocks >= sought.blocks else 2
        evidence = tuple(s.address for s in seen[:_SHOWN])
        return Lead(evidence[0], "sweep.blocks@1", "sought-content", severity, why, self.request.exhibit, evidence)

    def _tell_raw(self, where: str) -> None:
        """Tell the raw sightings of a step that neither a carved file nor a text told, up to a number of them."""
        spans = sorted(self.told, key=lambda span: span[:2])
        starts = [span[0] for span in spans]
        new: list[Record] = []
        count = 0
        for offset, sighting in self.raw:
            n = bisect_right(starts, offset)
            key = sighting.kind, sighting.value
            if any(offset < end and key in told for _, end, told in spans[max(0, n - 8) : n]):
                continue
            count += 1
            if count <= self.most:
                new.append(sighting)
            if len(new) == _BATCH:
                self._tell(new)
                new = []
        if count > self.most:
            why = f"{count - self.most} more sightings than the {self.most} that are told of one step"
            new.append(Failure(where, RUN, "limit", why))
        if new:
            self._tell(new)

    def _tell(self, records: list[Record]) -> None:
        self.walk.begin(str(self.base))
        self.done(str(self.base), records)


def suffix(mime: str) -> str:
    """The usual ending of a file name of this type, with its dot, or nothing."""
    kind = types().get(mime)
    if not kind or not kind.extensions:
        return ""
    usual = _USUAL.get(mime, mime.rpartition("/")[2])
    return "." + max(kind.extensions, key=lambda e: (e == usual, -abs(len(e) - 3), e))
