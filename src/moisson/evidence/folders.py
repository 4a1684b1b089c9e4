"""The directories of an NTFS volume, by which the path of every record is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import DamagedError
from moisson.evidence.filesystem import printable

if TYPE_CHECKING:
    from moisson.evidence.filetable import Table

ROOT = 5
ORPHANS = "$OrphanFiles"
_DEEPEST = 255


class _Directory(NamedTuple):
    name: str
    parent: int
    parent_sequence: int
    sequence: int
    live: bool


class Folders:
    """What the master file table says of its directories, once surveyed."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._directories: dict[int, _Directory] = {}
        self._paths: dict[tuple[int, int], str] = {}

    def survey(self) -> None:
        """Learn the directories."""
        self._directories.clear()
        self._paths.clear()
        size = self.table.boot.record
        for number, block in self.table.blocks():
            for at in range(0, len(block), size):
                if block[at + 22] & 2:
                    self._learn(number + at // size, block[at : at + size])

    def _learn(self, number: int, raw: memoryview) -> None:
        try:
            record = self.table.record(number, raw)
        except DamagedError:
            return
        if record and record.directory and not record.base and (names := record.names()):
            parent, sequence, name = names[0]
            self._directories[number] = _Directory(name, parent, sequence, record.sequence, record.live)

    def path(self, parent: int, sequence: int) -> str:
        """The path of the directory a reference leads to; one that was used again since leaves an orphan."""
        if (known := self._paths.get((parent, sequence))) is not None:
            return known
        passed: list[tuple[tuple[int, int], str]] = []
        base = ORPHANS
        while len(passed) < _DEEPEST:
            if parent == ROOT:
                base = ""
                break
            found, reference = self._directories.get(parent), (parent, sequence)
            if found is None or sequence not in (0, found.sequence, found.sequence - (not found.live)):
                break
            if reference in self._paths:
                base = self._paths[reference]
                break
            passed.append((reference, printable(found.name)))
            parent, sequence = found.parent, found.parent_sequence
        for reference, name in reversed(passed):
            base = f"{base}/{name}" if base else name
            self._paths[reference] = base
        return base
