"""NTFS by record of its master file table, so that a damaged directory or a truncated image hides nothing.

Plain streams are read from where they lie, files of WOF by `wof`, compressed ones by libfsntfs or The Sleuth Kit. The
locator of a stream is `record-type-id` as in `4711-128-4`; `#2` after it is the second name of the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from moisson.errors import AddressError, DamagedError, PasswordError, UnsupportedError
from moisson.evidence import mft
from moisson.evidence.extents import Claims, Extent, Pieces, Range, first, length, overlaps, rest
from moisson.evidence.filesystem import Budget, Entry, Fault, printable, unclaimed
from moisson.evidence.filetable import Table
from moisson.evidence.folders import ORPHANS, ROOT, Folders
from moisson.evidence.learnt import Learnt, Plain
from moisson.evidence.packed import Library
from moisson.evidence.wof import Packed
from moisson.reader import Memory, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

_EXTEND, _FIRST_USER = 11, 24
_VOLUME = 3
_MOST_FAULTS = 1000
_MOST_NAMES = 1024
_WOF_STREAM = "WofCompressedData"
_MARKS = ((mft.COMPRESSED, "compressed"), (mft.ENCRYPTED, "encrypted"), (mft.SPARSE, "sparse"))
_State = Literal["live", "deleted", "orphan"]


class Ntfs:
    """A mounted NTFS volume."""

    kind = "ntfs"

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.table = Table(medium)
        self.serial = self.table.boot.serial
        self.label = self._label()
        self._claimed: list[Range] | None = None
        self._learnt: tuple[Learnt, Learnt] = (Learnt(), Learnt())
        self._folders = Folders(self.table)
        self._library: Library | None = None

    def _label(self) -> str:
        try:
            found = self.table.record(_VOLUME)
        except DamagedError:
            return ""
        name = found.first(mft.VOLUME_NAME) if found else None
        raw = name.data or b"" if name else b""
        return printable(raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass"))

    def entries(self) -> Iterator[Entry | Fault]:
        """Every stream of every record; deleted ones after the live ones, so that what they lost to these is known."""
        if self.table.bytes.size and (cut := self._cut()):
            yield cut
        self._folders.survey()
        self._learnt = (Learnt(), Learnt())
        claims, dead = Claims(), list[int]()
        faults = 0
        for number, raw in self._records():
            if not (header := mft.head(raw)) or header.extends:
                faults += (torn := bytes(raw[:4]) == b"BAAD")
                if torn and faults <= _MOST_FAULTS:
                    yield Fault(str(number), "", "damaged", "the record was marked as torn")
                continue
            if not header.live:
                dead.append(number)
                continue
            try:
                record = self.table.record(number, raw, header)
            except DamagedError as error:
                faults += 1
                if faults <= _MOST_FAULTS:
                    yield Fault(str(number), "", "damaged", str(error))
                continue
            if record is not None:
                for attribute in record.attributes:
                    if attribute.runs:
                        claims.add(attribute.runs)
                yield from self._entries(record, [])
        if faults > _MOST_FAULTS:
            yield Fault("", "", "damaged", f"and {faults - _MOST_FAULTS} more records")
        cluster = self.table.boot.cluster
        self._claimed = [(at * cluster, count * cluster) for at, count in claims.merged()]
        yield from self._dead(dead)

    def _dead(self, numbers: list[int]) -> Iterator[Entry | Fault]:
        budget = Budget(self.medium.size)
        for number in numbers:
            try:
                record = self.table.record(number)
            except DamagedError:
                continue
            if record is not None:
                yield from budget.spend(self._entries(record, self._claimed or []))
        yield from budget.over()

    def _records(self) -> Iterator[tuple[int, memoryview]]:
        size = self.table.boot.record
        for number, block in self.table.blocks():
            for at in range(0, len(block), size):
                yield number + at // size, block[at : at + size]

    def _cut(self) -> Fault | None:
        lost = sum(max(0, at + n - max(at, self.medium.present)) for at, n in self.table.extents if at is not None)
        records = lost // self.table.boot.record
        return (
            Fault("0-128", "$MFT", "damaged", f"{records} records lie beyond the end of the image") if records else None
        )

    def _entries(self, record: mft.Record, claimed: list[Range]) -> Iterator[Entry]:
        number = record.number
        if number < _FIRST_USER and number != ROOT:
            return
        names = [mft.Name(ROOT, 0, "")] if number == ROOT else record.names()[:_MOST_NAMES]
        names = names or [mft.Name(number, 0, f"record-{number}")]
        streams = list(self._streams(record, claimed))
        created, modified, changed, accessed = record.times()
        for turn, (parent, sequence, name) in enumerate(names, 1):
            folder = self._folders.path(parent, sequence)
            name = name if name.isascii() else printable(name)
            path = f"{folder}/{name}" if folder else name
            state: _State = "live" if record.live else "orphan" if folder.startswith(ORPHANS) else "deleted"
            extra: tuple[str, ...] = ("link",) if turn > 1 else ()
            if parent == _EXTEND or folder.startswith("$Extend/"):
                extra += ("system",)
            for locator, stream, size, flags, offset, slack in streams:
                beside = f":{printable(stream)}" if stream else ""
                yield Entry(
                    f"{locator}#{turn}" if turn > 1 else locator,
                    path + beside,
                    name + beside,
                    size,
                    state,
                    offset == -2,
                    modified,
                    accessed,
                    changed,
                    created,
                    flags + extra,
                    max(offset, -1),
                    slack,
                )

    def _streams(
        self, record: mft.Record, claimed: list[Range]
    ) -> Iterator[tuple[str, str, int, tuple[str, ...], int, int]]:
        """Locator, name, size, flags, offset and slack of each stream; a directory itself has the offset -2."""
        number = record.number
        if record.directory and number != ROOT:
            index = record.first(mft.INDEX_ROOT)
            yield f"{number}-{mft.INDEX_ROOT}-{index.id if index else 0}", "", 0, (), -2, 0
        packed, cluster = record.is_wof, self.table.boot.cluster
        for attribute in record.attributes:
            if attribute.type != mft.DATA or (packed and attribute.name == _WOF_STREAM):
                continue
            locator = f"{number}-{mft.DATA}-{attribute.id}"
            if attribute.data is not None:
                flags: tuple[str, ...] = ("stream", "resident") if attribute.name else ("resident",)
                yield locator, attribute.name, attribute.real, flags, self.table.offset(number), 0
                continue
            runs = attribute.runs
            if len(runs) == 1 and not (attribute.flags or packed or claimed) and (at := runs[0][0]) is not None:
                at, n = at * cluster, runs[0][1] * cluster
                if attribute.real <= n and at + n <= self.medium.present:
                    flags = ("stream",) if attribute.name else ()
                    self._learn(record, attribute, Plain(at, n, attribute.real, attribute.valid))
                    yield locator, attribute.name, attribute.real, flags, at, n - min(attribute.valid, attribute.real)
                    continue
            extents = self.table.place(attribute)
            size = self._size(attribute, extents, packed=packed)
            place = first(extents)
            if len(extents) == 1 and place >= 0 and not (attribute.flags or packed):
                self._learn(record, attribute, Plain(place, length(extents), size, attribute.valid))
            marks = self._flags(attribute, extents, size, claimed)
            if packed and not attribute.name:
                marks.append("compressed")
            place = self.table.offset(number) if place < 0 else place
            yield locator, attribute.name, size, tuple(marks), place, _room(attribute, extents, size)

    def _learn(self, record: mft.Record, attribute: mft.Attribute, plain: Plain) -> None:
        """Keep where a stream lies, unless another of its record goes by the same number."""
        for other in record.attributes:
            if other.type == mft.DATA and other.id == attribute.id:
                if other is attribute:
                    self._learnt[not record.live].add(record.number, attribute.id, plain)
                return

    def _plain(self, locator: str) -> Plain | None:
        """A stream in one piece that the listing has passed."""
        number, kind, identifier = _parse(locator)
        if kind != mft.DATA:
            return None
        return self._learnt[0].find(number, identifier) or self._learnt[1].find(number, identifier)

    def _size(self, attribute: mft.Attribute, extents: list[Extent], *, packed: bool) -> int:
        if attribute.data is not None:
            return len(attribute.data)
        most = self.medium.size if packed else min(self.medium.size, length(extents))
        return min(attribute.real, most)

    def _flags(self, attribute: mft.Attribute, extents: list[Extent], size: int, claimed: list[Range]) -> list[str]:
        flags = ["stream"] if attribute.name else []
        if attribute.flags:
            flags += [name for bit, name in _MARKS if attribute.flags & bit]
        if attribute.real > size:
            flags.append("content-gone" if not size else "size-cut")
        lost = over = False
        for at, n in extents:
            if at is not None:
                lost = lost or at + n > self.medium.present
                over = over or (bool(claimed) and overlaps(claimed, at, n))
        return flags + ["truncated"] * lost + ["overwritten"] * over

    def _find(self, locator: str) -> tuple[mft.Record, mft.Attribute]:
        number, kind, identifier = _parse(locator)
        record = self.table.record(number)
        for attribute in record.attributes if record else ():
            if (attribute.type, attribute.id) == (kind, identifier) and record:
                return record, attribute
        raise AddressError(f"ntfs:{locator} is not in this volume")

    def open(self, locator: str) -> Reader:
        """The bytes of a stream; raises `PasswordError` for one that Windows encrypted."""
        if plain := self._plain(locator):
            return Reader(Pieces(self.medium, [(plain.place, plain.room)], plain.size, plain.valid))
        record, attribute = self._find(locator)
        packed = attribute.type == mft.DATA and not attribute.name and record.is_wof
        extents = self.table.place(attribute)
        size = self._size(attribute, extents, packed=packed)
        if attribute.flags & mft.ENCRYPTED:
            raise PasswordError(f"ntfs:{locator} is encrypted by the file system (EFS)")
        if attribute.data is not None and not packed:
            return Reader(Memory(attribute.data))
        if packed:
            return Reader(
                Packed(self._beside(record, locator), (record.first(mft.REPARSE) or attribute).data or b"", size)
            )
        if attribute.flags & mft.COMPRESSED:
            self._library = self._library or Library(self.medium)
            return Reader(self._library.stream(record.number, attribute, size))
        return Reader(Pieces(self.medium, extents, size, attribute.valid))

    def _beside(self, record: mft.Record, locator: str) -> Medium:
        """The stream that holds a packed file."""
        for attribute in record.attributes:
            if attribute.type == mft.DATA and attribute.name == _WOF_STREAM:
                if attribute.data is not None:
                    return Memory(attribute.data)
                extents = self.table.place(attribute)
                size = self._size(attribute, extents, packed=False)
                return Pieces(self.medium, extents, size, attribute.valid)
        raise UnsupportedError(f"ntfs:{locator} is kept in an archive of Windows (WOF), not in its own record")

    def slack(self, locator: str) -> Reader:
        """What lies in the clusters of a stream beyond what was written to it."""
        if plain := self._plain(locator):
            left = rest([(plain.place, plain.room)], min(plain.valid, plain.size))
            return Reader(Pieces(self.medium, left, length(left)))
        _, attribute = self._find(locator)
        extents = self.table.place(attribute)
        room = _room(attribute, extents, self._size(attribute, extents, packed=False))
        return Reader(Pieces(self.medium, rest(extents, min(attribute.valid, attribute.real)), room))

    def extents(self, locator: str) -> list[Extent]:
        """Where a stream lies."""
        if plain := self._plain(locator):
            return [(plain.place, plain.room)]
        return self.table.place(self._find(locator)[1])

    def free(self) -> list[Range]:
        """What no live record claims."""
        return unclaimed(self.entries(), lambda: self._claimed, self.medium.size)


def _parse(locator: str) -> tuple[int, int, int]:
    try:
        number, kind, identifier = (int(part) for part in locator.partition("#")[0].split("-"))
    except ValueError as error:
        raise AddressError(f"ntfs:{locator} is no stream") from error
    return number, kind, identifier


def _room(attribute: mft.Attribute, extents: list[Extent], size: int) -> int:
    """The bytes beyond what was written; a packed stream has none that could be told from its content."""
    if len(extents) == 1 and not attribute.flags and size == attribute.real:
        return extents[0][1] - min(attribute.valid, size)
    if not extents or not size or attribute.flags & (mft.COMPRESSED | mft.ENCRYPTED):
        return 0
    return length(rest(extents, min(attribute.valid, attribute.real)))
