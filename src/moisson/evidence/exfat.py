"""exFAT, walked from its root and then through every row of a file that lies where no live file does.

The locator of an entry is the number of its file row, counted in rows of 32 bytes from the first cluster on, the first
of them as 3; what its sets say is taken at its word for live files, and only with its checksum for all others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from moisson.errors import AddressError
from moisson.evidence.exfatrows import (
    BITMAP,
    FILE,
    IN_USE,
    LABEL,
    MOST,
    ROW,
    UPCASE,
    Clusters,
    Set,
    candidates,
    is_sound,
    read_boot,
    read_set,
)
from moisson.evidence.extents import Claims, Extent, Pieces, Range, complement, first, length, overlaps, rest
from moisson.evidence.filesystem import Budget, Entry, Fault, printable, unclaimed
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

_DEPTH, _BOOT, _PATIENCE = 256, 24, 3
_ORPHANS = "$OrphanFiles"
_MOST_NAMES = 256 << 20
_MOST_DEAD = 300_000
_MOST_FAULTS = 1000
_BLOCK = 4 << 20
_LOCATOR = re.compile(r"[0-9]{1,20}")
_State = Literal["live", "deleted", "orphan"]


class _Found(NamedTuple):
    path: str
    number: int
    state: _State
    set: Set


class _Folder(NamedTuple):
    path: str
    number: int
    depth: int
    dead: bool
    extents: list[Extent]


class Exfat:
    """A mounted exFAT volume."""

    kind = "exfat"

    def __init__(self, medium: Medium) -> None:
        self.medium, self.boot = medium, read_boot(medium)
        self.clusters = Clusters(medium, self.boot)
        self.block, self.serial, self.label = self.boot.sector, self.boot.serial, ""
        self._cluster = self.boot.cluster
        self._claimed: list[Range] | None = None
        self._faults, self._over, self._room = 0, 0, 0

    def entries(self) -> Iterator[Entry | Fault]:
        """Every entry; deleted ones after the live ones, so that what they lost to these is known."""
        claims, late, met = Claims(), list[_Found](), set[int]()
        self._faults, self._over, self._room = 0, 0, _PATIENCE * self.medium.present
        self.label = ""
        self.clusters.renew()
        claims.add([(0, _BOOT * self.boot.sector), self.boot.tables])
        root, _ = self.clusters.chain(self.boot.root, -(-_MOST_NAMES // self._cluster))
        for found in self._walk(_Folder("", 0, 0, False, root), met, claims):
            if isinstance(found, Fault):
                yield found
            elif found.state != "live":
                if len(late) < _MOST_DEAD:
                    late.append(found)
                else:
                    self._over += 1
            else:
                claims.add(self._extents(found.set, dead=False))
                yield self._entry(found, [])
        if self._faults > _MOST_FAULTS:
            yield Fault("", "", "damaged", f"and {self._faults - _MOST_FAULTS} more rows")
        claimed = self._claimed = claims.merged()
        budget = Budget(self.medium.size)
        yield from budget.spend(self._entry(found, claimed) for found in late)
        yield from budget.spend(self._entry(found, claimed) for found in self._orphans(claimed, met))
        yield from budget.over()
        if self._room <= 0:
            yield Fault("", "", "limit", "its directories together claim more than the volume has")
        if self._over:
            yield Fault("", "", "limit", f"only {_MOST_DEAD} deleted and as many lost files are listed")

    def _walk(self, top: _Folder, met: set[int], claims: Claims) -> Iterator[_Found | Fault]:
        todo, seen = [top], {first(top.extents)}
        while todo:
            folder = todo.pop()
            inside: list[_Folder] = []
            if not folder.dead:
                claims.add(folder.extents)
                yield from self._lost(folder)
            for number, state, found in self._rows(folder, claims):
                if number in met:
                    continue
                if isinstance(found, Fault):
                    yield found
                    continue
                met.add(number)
                name = found.name or f"unnamed-{number}"
                path = f"{folder.path}/{name}" if folder.path else name
                yield _Found(path, number, state, found)
                extents = self._extents(found, dead=state != "live") if found.directory else []
                if extents and first(extents) not in seen and folder.depth < _DEPTH:
                    seen.add(first(extents))
                    inside.append(_Folder(path, number, folder.depth + 1, state != "live", extents))
            todo += reversed(inside)

    def _lost(self, folder: _Folder) -> Iterator[Fault]:
        gone = sum(n for at, n in folder.extents if at is not None and at + n > self.medium.present)
        if gone or not folder.extents:
            detail = f"{gone} bytes of this directory are not there" if gone else "this directory leads nowhere"
            yield Fault(str(folder.number), folder.path, "damaged", detail)

    def _rows(self, folder: _Folder, claims: Claims) -> Iterator[tuple[int, _State, Set | Fault]]:
        """The sets of a directory; what stands after its end is dead."""
        size = min(length(folder.extents), _MOST_NAMES, self._room)
        self._room -= size
        data = Pieces(self.medium, folder.extents, size).pread(0, size)
        places = [(at, n) for at, n in folder.extents if at is not None]
        dead: _State = "orphan" if folder.path.split("/", 1)[0] == _ORPHANS else "deleted"
        at, ended, start, piece = 0, folder.dead, 0, 0
        while at + ROW <= len(data):
            while at >= start + places[piece][1]:
                start, piece = start + places[piece][1], piece + 1
            number, kind = self.clusters.number(places[piece][0] + at - start), data[at]
            found = read_set(data, at) if kind | IN_USE == FILE else None
            if found is None:
                ended = ended or not kind
                self._own(data[at : at + ROW], folder, claims)
                if kind == FILE and not ended:
                    yield from self._torn(number, folder)
                at += ROW
                continue
            live = kind == FILE and not ended
            if live or is_sound(data, at) or (kind != FILE and not ended):
                yield number, "live" if live else dead, found
            at += ROW if not live else found.rows * ROW

    def _torn(self, number: int, folder: _Folder) -> Iterator[tuple[int, _State, Fault]]:
        self._faults += 1
        if self._faults <= _MOST_FAULTS:
            yield number, "live", Fault(str(number), folder.path, "damaged", "a file row without a stream")

    def _own(self, row: bytes, folder: _Folder, claims: Claims) -> None:
        """The label, and the tables that the volume keeps for itself."""
        if folder.path or folder.dead:
            return
        if row[0] == LABEL:
            self.label = printable(row[2 : 2 + 2 * min(row[1], 15)].decode("utf-16-le", "surrogatepass"))
        elif row[0] in (BITMAP, UPCASE):
            cluster, size = int.from_bytes(row[20:24], "little"), int.from_bytes(row[24:32], "little")
            claims.add(self.clusters.chain(cluster, -(-size // self._cluster))[0])

    def _orphans(self, claimed: list[Range], met: set[int]) -> Iterator[_Found]:
        """Sets where no live file lies, those in directories that are lost under these."""
        found = dict(self._strays(claimed, met))
        folders = [self._folder(number, row) for number, row in found.items() if row.directory]
        below = {n for f in folders for n, _, _ in self._rows(f, Claims()) if n != f.number}
        for number in (*(n for n in found if n not in below), *found):
            if number in met:
                continue
            met.add(number)
            yield _Found(f"{_ORPHANS}/{found[number].name}", number, "orphan", found[number])
            if found[number].directory:
                folder = self._folder(number, found[number])
                inner = self._walk(folder, met, Claims()) if folder.extents else iter(())
                yield from (row for row in inner if not isinstance(row, Fault))

    def _strays(self, claimed: list[Range], met: set[int]) -> Iterator[tuple[int, Set]]:
        """The sets whose checksum holds where no live file lies."""
        tries = 0
        for offset, size in complement(claimed, min(self.medium.present, self._end())):
            for at in range(offset, offset + size, _BLOCK):
                data = self.medium.pread(at, min(_BLOCK + MOST * ROW, offset + size - at))
                for place in candidates(data):
                    number = self.clusters.number(at + place)
                    if place >= _BLOCK or number in met:
                        continue
                    tries += 1
                    if tries > _MOST_DEAD:
                        self._over += 1
                        return
                    if is_sound(data, place) and (row := read_set(data, place)) and row.name:
                        yield number, row

    def _folder(self, number: int, row: Set) -> _Folder:
        return _Folder(f"{_ORPHANS}/{row.name}", number, 1, True, self._extents(row, dead=True))

    def _end(self) -> int:
        return self.boot.heap + self.boot.clusters * self._cluster

    def _extents(self, row: Set, *, dead: bool) -> list[Extent]:
        return self._lie(row, dead=dead)[0]

    def _lie(self, row: Set, *, dead: bool) -> tuple[list[Extent], bool]:
        """Where a file lies, and whether that is a guess: a dead chain that is broken is taken as one run."""
        many = -(-row.size // self._cluster)
        if row.joined:
            return self.clusters.run(row.cluster, many), False
        chain, whole = self.clusters.chain(row.cluster, many)
        return (self.clusters.run(row.cluster, many), many > 1) if dead and not whole else (chain, False)

    def _entry(self, found: _Found, claimed: list[Range]) -> Entry:
        row, dead = found.set, found.state != "live"
        name, times = found.path.rpartition("/")[2], (row.times[0], row.times[1], None, row.times[2])
        name = row.name or name
        if row.directory:
            return Entry(str(found.number), found.path, name, 0, found.state, True, *times)
        extents, guess = self._lie(row, dead=dead)
        size = min(row.size, length(extents), self.medium.size)
        flags = list(self._flags(row, extents, size, claimed)) + ["uncertain"] * guess
        slack = length(rest(extents, min(row.valid, size))) if size else 0
        return Entry(
            str(found.number), found.path, name, size, found.state, False, *times, tuple(flags), first(extents), slack
        )

    def _flags(self, row: Set, extents: list[Extent], size: int, claimed: list[Range]) -> Iterator[str]:
        if row.size > size:
            yield "size-cut" if size else "content-gone"
        if any(at is not None and at + n > self.medium.present for at, n in extents):
            yield "truncated"
        if claimed and any(at is not None and overlaps(claimed, at, n) for at, n in extents):
            yield "overwritten"

    def _find(self, locator: str) -> tuple[Set, list[Extent], int]:
        self.clusters.renew()
        number = int(locator) if _LOCATOR.fullmatch(locator) else 0
        data = self.clusters.rows(number)
        if not data or (row := read_set(data, 0)) is None:
            raise AddressError(f"exfat:{locator} is no entry")
        extents = self._extents(row, dead=not data[0] & IN_USE) if not row.directory else []
        return row, extents, min(row.size, length(extents), self.medium.size)

    def open(self, locator: str) -> Reader:
        """The bytes of an entry; what was never written of it reads as zeros."""
        row, extents, size = self._find(locator)
        return Reader(Pieces(self.medium, extents, size, row.valid))

    def slack(self, locator: str) -> Reader:
        """What lies in its clusters beyond what was written to it."""
        row, extents, size = self._find(locator)
        left = rest(extents, min(row.valid, size)) if size else []
        return Reader(Pieces(self.medium, left, length(left)))

    def extents(self, locator: str) -> list[Extent]:
        """Where an entry lies."""
        return self._find(locator)[1]

    def free(self) -> list[Range]:
        """What no live entry claims."""
        return unclaimed(self.entries(), lambda: self._claimed, self.medium.size)
