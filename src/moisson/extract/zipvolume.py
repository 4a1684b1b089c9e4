"""A ZIP archive delivered as an exhibit, a phone extraction for the most part: its members as entries of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import AddressError, LimitError
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.members import MOST, Notes, Table, find, fits, path_of
from moisson.extract.zipdir import Directory, entry_at
from moisson.extract.ziplock import Keyring
from moisson.extract.zipmember import open_large
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

_LARGEST = 512 << 20
_BAD = 1 << 61
_SAID = 100


class ZipListing:
    """The members of a ZIP archive; none is kept in memory beyond sixteen bytes for its place."""

    kind = "zip"

    def __init__(self, medium: Medium, keys: Sequence[str], notes: Notes | None) -> None:
        self.data, self.notes = Reader(medium), notes
        self._ring = Keyring(keys)

    def entries(self) -> Iterator[Entry | Fault]:
        """Every member in the order of the directory, folders included."""
        directory, table = Directory(self.data, MOST, _LARGEST), Table()
        if directory.wrong:
            yield Fault("", "", "damaged", f"members found by their own headers: {directory.wrong}")
        if directory.count >= MOST:
            yield Fault("", "", "limit", f"only the first {MOST} members are listed")
        bad = 0
        for place, entry in directory.rows():
            locator = table.add(entry.name, place | _BAD if entry.overlaps else place)
            path = path_of(entry.name)
            if entry.overlaps and (bad := bad + 1) <= _SAID:
                yield Fault(locator, path, "attack", "its bytes are another member's as well")
            yield Entry(
                locator,
                path,
                path.rpartition("/")[2],
                entry.size,
                directory=entry.name.endswith("/"),
                modified=entry.modified,
                flags=("encrypted",) if entry.encrypted else (),
                offset=entry.offset,
            )
        keys, places = table.sorted()
        self.notes = Notes("zip", self.data.size, keys, places, directory.shift, directory.guess, step=directory.step)

    def open(self, locator: str) -> Reader:
        """The bytes of a member; raises `EvidenceError`."""
        if self.notes is None:
            for _ in self.entries():
                pass
        assert self.notes is not None
        for place in find(self.notes, locator):
            entry = entry_at(self.data, place & ~_BAD, self.notes.shift, self.notes.guess, step=self.notes.step)
            if fits(entry.name, locator):
                if place & _BAD:
                    raise LimitError(f"zip:{locator} shares its bytes with another member")
                self._ring.renew()
                return open_large(self.data, entry, self._ring)
        raise AddressError(f"zip:{locator} is not in this archive")
