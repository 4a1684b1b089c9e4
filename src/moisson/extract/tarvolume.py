"""A tape archive delivered as an exhibit, packed with gzip or not: its members as entries of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.address import encode
from moisson.errors import AddressError, DamagedError, LimitError
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.inflated import Inflated
from moisson.evidence.members import MOST, Notes, Salvaged, Table, find, fits, path_of
from moisson.extract.tarhead import FOLDER, LINK, SYMLINK, Member, Tape
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

_MOST_LINKS = 16


class TarListing:
    """The members of a tape archive; none is kept in memory beyond a few dozen bytes for its place."""

    kind = "tar"

    def __init__(self, medium: Medium, delivered: int, notes: Notes | None) -> None:
        self.medium, self.notes = medium, notes
        self._delivered = delivered

    def entries(self) -> Iterator[Entry | Fault]:
        """Every member in order, folders and links included."""
        tape, table = Tape(self.medium), Table()
        try:
            for member in tape.members():
                if len(table) >= MOST:
                    raise LimitError(f"only the first {MOST} members are listed")
                yield self._entry(member, table)
        except (DamagedError, LimitError) as error:
            yield Fault("", "", "limit" if isinstance(error, LimitError) else "damaged", str(error))
        if tape.damage:
            yield Fault("", "", "damaged", f"tar: {tape.damage}")
        index = None
        if isinstance(self.medium, Inflated):
            self.medium.finish()
            index = self.medium.index
            if self.medium.damage:
                yield Fault("", "", "damaged", f"gzip: {self.medium.damage}")
        keys, places = table.sorted()
        self.notes = Notes("tar", self._delivered, keys, places, index=index)

    def _entry(self, member: Member, table: Table) -> Entry:
        size = (table.size(member.target) or 0) if member.sort == LINK else member.size
        locator, path = table.add(member.name, member.at, size), path_of(member.name)
        return Entry(
            locator,
            path,
            path.rpartition("/")[2],
            size,
            directory=member.sort == FOLDER,
            modified=member.modified,
            flags=self._flags(member),
            offset=member.start,
        )

    def _flags(self, member: Member) -> tuple[str, ...]:
        marks = {
            "link": member.sort == LINK,
            "symlink": member.sort == SYMLINK,
            "sparse": bool(member.pieces),
            "truncated": member.start + member.stored > self.medium.size,
        }
        return tuple(name for name, holds in marks.items() if holds)

    def open(self, locator: str) -> Reader:
        """The bytes of a member, those of its target for a hard link; raises `EvidenceError`."""
        member = self._member(locator)
        for _ in range(_MOST_LINKS):
            if member.sort != LINK:
                break
            member = self._member(encode(member.target) or "-")
        content = member.content(self.medium)
        if member.start + member.stored > self.medium.size:
            return Reader(Salvaged(content, "the archive ends before this member does"))
        return Reader(content)

    def _member(self, locator: str) -> Member:
        if self.notes is None:
            for _ in self.entries():
                pass
        assert self.notes is not None
        for place in find(self.notes, locator):
            member = next(Tape(self.medium).members(place), None)
            if member is not None and fits(member.name, locator):
                return member
        raise AddressError(f"tar:{locator} is not in this archive")
