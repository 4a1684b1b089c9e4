"""NTFS by MFT record: names, parents and times by libfsntfs, attributes and their bytes by The Sleuth Kit.

Going by record instead of by directory is fast, finds deleted files with their old paths, and survives a truncated
image. The locator of a stream is `record-type-id`, as in `4711-128-4` (The Sleuth Kit's notation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pyfsntfs  # type: ignore[import-not-found]
import pytsk3  # type: ignore[import-untyped]

from moisson.errors import AddressError, DamagedError
from moisson.evidence.extents import Range, complement, merge, overlaps
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.tsk import Attribute, Tree, open_fs
from moisson.reader import Memory, Reader, Window
from moisson.times import Instant, from_filetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.filesystem import FileSystem
    from moisson.reader import Medium

DATA = 128
_FILE_NAME, _DOS = 0x30, 2
_ROOT = 5
_FIRST_OF_USERS = 16
_DEEPEST = 255
_INDEX = (1 << 48) - 1
_ORPHANS = "$OrphanFiles"
_COMP, _ENC = int(pytsk3.TSK_FS_ATTR_COMP), int(pytsk3.TSK_FS_ATTR_ENC)
_RES, _SPARSE = int(pytsk3.TSK_FS_ATTR_RES), int(pytsk3.TSK_FS_ATTR_SPARSE)
_HOLE = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE) | int(pytsk3.TSK_FS_ATTR_RUN_FLAG_FILLER)


class _Record(NamedTuple):
    """A base record of the MFT that has a name."""

    name: str
    parent: int
    parent_sequence: int
    sequence: int
    live: bool
    directory: bool
    times: tuple[Instant | None, Instant | None, Instant | None, Instant | None]


def mount(medium: Medium) -> FileSystem:
    """The volume by MFT record; by directory tree where libfsntfs refuses it."""
    handle = open_fs("ntfs", medium)
    volume = pyfsntfs.volume()
    try:
        volume.open_file_object(Reader(medium).file())
        count = int(volume.number_of_file_entries)
    except OSError:
        return Tree("ntfs", medium)
    return Ntfs(medium, handle, volume, count)


class Ntfs:
    """A mounted NTFS volume."""

    kind = "ntfs"

    def __init__(self, medium: Medium, handle: Any, volume: Any, count: int) -> None:
        self.medium, self.fs, self.volume = medium, handle, volume
        self.count = min(count, int(handle.info.last_inum) + 1)
        self.block = int(handle.info.block_size) or 512
        self.serial = f"{volume.serial_number or 0:016X}"
        try:
            self.label = str(volume.name or "")
        except OSError:
            self.label = ""
        self._claimed: list[Range] | None = None

    def entries(self) -> Iterator[Entry | Fault]:
        """Every stream of every record; deleted ones after the live ones."""
        records: dict[int, _Record] = {}
        for number in range(self.count):
            found = self._record(number)
            if isinstance(found, Fault):
                yield found
            elif found is not None:
                records[number] = found
        paths: dict[int, str] = {}
        claimed: list[Range] = []
        for number, record in records.items():
            if record.live:
                yield from self._streams(number, record, _path(number, records, paths), [], claimed)
        merged = self._claimed = merge(claimed)
        left = self.medium.size
        for number, record in records.items():
            if not record.live:
                for entry in self._streams(number, record, _path(number, records, paths), merged, []):
                    if isinstance(entry, Entry):
                        left -= entry.size
                    if left >= 0:
                        yield entry

    def _record(self, number: int) -> _Record | Fault | None:
        try:
            entry = self.volume.get_file_entry(number)
            if entry.is_empty() or entry.base_record_file_reference & _INDEX:
                return None
            index = _name_index(entry)
            if index < 0 or number < _FIRST_OF_USERS:
                return None
            name = entry.get_name_by_attribute_index(index)
            parent = entry.get_parent_file_reference_by_attribute_index(index)
            times = (
                entry.get_modification_time_as_integer(),
                entry.get_access_time_as_integer(),
                entry.get_entry_modification_time_as_integer(),
                entry.get_creation_time_as_integer(),
            )
            modified, accessed, changed, created = (from_filetime(t or 0) for t in times)
            return _Record(
                name,
                (parent or _ROOT) & _INDEX,
                (parent or 0) >> 48,
                entry.file_reference >> 48,
                bool(entry.is_allocated()),
                bool(entry.has_directory_entries_index()),
                (modified, accessed, changed, created),
            )
        except OSError as error:
            text = " ".join(str(error).split())[:200]
            return None if "unsupported" in text and "signature" in text else Fault(str(number), "", "damaged", text)
        except UnicodeDecodeError:
            return Fault(str(number), "", "damaged", "its name is no UTF-16")

    def _streams(
        self, number: int, record: _Record, path: str, merged: list[Range], claimed: list[Range]
    ) -> Iterator[Entry | Fault]:
        orphan = path.startswith(_ORPHANS)
        state: Literal["live", "deleted", "orphan"] = "live" if record.live else "orphan" if orphan else "deleted"
        modified, accessed, changed, created = record.times
        try:
            file = self.fs.open_meta(number)
            attributes = list(file)
        except OSError as error:
            if record.live:
                yield Fault(str(number), path, "damaged", " ".join(str(error).split())[:200])
            return
        dead = bool(int(file.info.meta.flags) & int(pytsk3.TSK_FS_META_FLAG_UNALLOC))
        if dead == record.live:
            return
        if record.live:
            claimed += self._held(attributes)
        if record.directory:
            yield Entry(f"{number}-144-0", path, record.name, 0, state, True, modified, accessed, changed, created)
        for attribute in attributes:
            if int(attribute.info.type) != DATA:
                continue
            stream = (attribute.info.name or b"").decode("utf-8", "surrogateescape")
            if stream == "$Data":
                stream = ""
            runs = list(self._runs(attribute))
            size = int(attribute.info.size)
            flags = list(self._flags(attribute, size, runs, merged))
            if stream:
                flags.append("stream")
            if size > self.medium.size:
                flags.append("size-cut")
            total = sum(length for _, length in runs)
            yield Entry(
                f"{number}-{DATA}-{int(attribute.info.id)}",
                f"{path}:{stream}" if stream else path,
                f"{record.name}:{stream}" if stream else record.name,
                min(size, self.medium.size),
                state,
                False,
                modified,
                accessed,
                changed,
                created,
                tuple(flags),
                next((at for at, _ in runs if at is not None), -1),
                max(0, total - size) if runs and total - size < self.block else 0,
            )

    def _held(self, attributes: list[Any]) -> Iterator[Range]:
        for attribute in attributes:
            for at, length in self._runs(attribute, packed=True):
                if at is not None:
                    yield at, length

    def _flags(
        self, attribute: Any, size: int, runs: list[tuple[int | None, int]], merged: list[Range]
    ) -> Iterator[str]:
        marks = int(attribute.info.flags)
        for bit, name in ((_COMP, "compressed"), (_ENC, "encrypted"), (_RES, "resident"), (_SPARSE, "sparse")):
            if marks & bit:
                yield name
        if size and any(at is not None and at + length > self.medium.present for at, length in runs):
            yield "truncated"
        if merged and any(at is not None and overlaps(merged, at, length) for at, length in runs):
            yield "overwritten"

    def _runs(self, attribute: Any, *, packed: bool = False) -> Iterator[tuple[int | None, int]]:
        marks = int(attribute.info.flags)
        if marks & _RES or (marks & _COMP and not packed):
            return
        try:
            for run in attribute:
                yield (None if int(run.flags) & _HOLE else int(run.addr) * self.block), int(run.len) * self.block
        except OSError:
            return

    def _at(self, locator: str) -> tuple[Any, Any]:
        try:
            number, kind, identifier = (int(part) for part in locator.split("-"))
            file = self.fs.open_meta(number)
            for attribute in file:
                if (int(attribute.info.type), int(attribute.info.id)) == (kind, identifier):
                    return file, attribute
        except (ValueError, OverflowError) as error:
            raise AddressError(f"ntfs:{locator} is no stream") from error
        except OSError as error:
            raise DamagedError(f"ntfs:{locator}: {' '.join(str(error).split())[:200]}") from error
        raise AddressError(f"ntfs:{locator} is not in this volume")

    def open(self, locator: str) -> Reader:
        """The bytes of a stream."""
        file, attribute = self._at(locator)
        return Reader(Attribute(file, attribute, int(attribute.info.size), self.medium.size))

    def slack(self, locator: str) -> Reader:
        """The rest of the last cluster."""
        _, attribute = self._at(locator)
        runs, size = list(self._runs(attribute)), int(attribute.info.size)
        rest = sum(length for _, length in runs) - size
        if not runs or runs[-1][0] is None or not 0 < rest < self.block:
            return Reader(Memory(b""))
        at, length = runs[-1]
        assert at is not None
        return Reader(Window(self.medium, at + length - rest, rest))

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """Where a stream lies."""
        return list(self._runs(self._at(locator)[1], packed=True))

    def free(self) -> list[Range]:
        """What no live record claims."""
        if self._claimed is None:
            for _ in self.entries():
                pass
        return complement(self._claimed or [], self.medium.size)


def _name_index(entry: Any) -> int:
    """Which attribute has the long name; the short DOS one only where there is no other."""
    short = -1
    for index in range(entry.number_of_attributes):
        attribute = entry.get_attribute(index)
        if attribute.attribute_type == _FILE_NAME:
            if attribute.name_space != _DOS:
                return index
            short = index
    return short


def _path(number: int, records: dict[int, _Record], paths: dict[int, str]) -> str:
    """The path by parent references; a parent whose record was used again since leaves an orphan."""
    names: list[str] = []
    at, known = number, ""
    for _ in range(_DEEPEST):
        record = records[at]
        names.append(record.name)
        above = record.parent
        if above == _ROOT:
            break
        if above in paths:
            known = paths[above]
            break
        parent = records.get(above)
        reused = parent is not None and record.parent_sequence not in (
            parent.sequence,
            parent.sequence - (not parent.live),
        )
        if parent is None or not parent.directory or reused:
            known = _ORPHANS
            break
        at = above
    else:
        known = _ORPHANS
    path = "/".join(reversed(names))
    path = f"{known}/{path}" if known else path
    if records[number].directory:
        paths[number] = path
    return path
