"""FAT, exFAT, ext, ISO 9660 and HFS through The Sleuth Kit, which reads a medium of ours and nothing else."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any, Literal

import pytsk3  # type: ignore[import-untyped]

from moisson.errors import AddressError, DamagedError
from moisson.evidence.extents import Range, complement, merge, overlaps
from moisson.evidence.filesystem import Entry, Fault
from moisson.reader import Memory, Reader, Window
from moisson.times import Instant, Precision, Zone, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

KINDS = {"fat": "fat", "exfat": "exfat", "ext": "ext", "iso9660": "iso", "hfs": "hfs"}
_TYPES = {
    "fat": pytsk3.TSK_FS_TYPE_FAT_DETECT,
    "exfat": pytsk3.TSK_FS_TYPE_EXFAT,
    "ext": pytsk3.TSK_FS_TYPE_EXT_DETECT,
    "iso9660": pytsk3.TSK_FS_TYPE_ISO9660,
    "hfs": pytsk3.TSK_FS_TYPE_HFS,
    "ntfs": pytsk3.TSK_FS_TYPE_NTFS,
}
_ORPHANS, _ORPHANS_NAME = "$OrphanFiles", b"$OrphanFiles"
_VIRTUAL = (b"$MBR", b"$FAT1", b"$FAT2", b"$ALLOC_BITMAP", b"$UPCASE_TABLE", b"$VOLUME_LABEL", b"$TEX_FAT_LOG")
_DEPTH = 256
_FILES = (int(pytsk3.TSK_FS_META_TYPE_REG), int(pytsk3.TSK_FS_META_TYPE_UNDEF))
_HOLE = pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE | pytsk3.TSK_FS_ATTR_RUN_FLAG_FILLER
_PACKED = pytsk3.TSK_FS_ATTR_COMP | pytsk3.TSK_FS_ATTR_ENC | pytsk3.TSK_FS_ATTR_RES


class Whole(pytsk3.Img_Info):  # type: ignore[misc]
    """A medium as The Sleuth Kit wants it; what is missing at its end reads as zeros."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def close(self) -> None:
        """Nothing is held."""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes at an offset."""
        return self.medium.pread(offset, size)

    def get_size(self) -> int:
        """The declared size."""
        return self.medium.size


class Repaired:
    """An ext medium whose primary superblock is taken from a backup."""

    def __init__(self, medium: Medium, superblock: bytes) -> None:
        self.medium, self.superblock = medium, superblock
        self.size, self.present = medium.size, medium.present

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes, those of the superblock exchanged."""
        data = self.medium.pread(offset, n)
        low, high = max(offset, 1024), min(offset + len(data), 1024 + len(self.superblock))
        if low >= high:
            return data
        return data[: low - offset] + self.superblock[low - 1024 : high - 1024] + data[high - offset :]


def repair(medium: Medium) -> Medium:
    """The medium itself, or a view of it with a backup superblock where ext's primary one is gone."""
    if medium.pread(1024 + 56, 2) == b"\x53\xef":
        return medium
    for block in (1024, 2048, 4096):
        group = 8 * block
        backup = medium.pread((group + (block == 1024)) * block, 1024)
        if backup[56:58] == b"\x53\xef" and 1024 << struct.unpack_from("<I", backup, 24)[0] == block:
            return Repaired(medium, backup[:90] + b"\0\0" + backup[92:])
    return medium


def open_fs(kind: str, medium: Medium) -> Any:
    """The Sleuth Kit's handle; raises `DamagedError`."""
    try:
        return pytsk3.FS_Info(Whole(medium), offset=0, type=_TYPES[kind])
    except OSError as error:
        raise DamagedError(f"{kind}: {_sentence(error)}") from error


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


class Attribute:
    """One attribute of a file as a medium, read by The Sleuth Kit itself; never larger than the volume."""

    def __init__(self, file: Any, attribute: Any, size: int, most: int) -> None:
        self._file, self._type, self._id = file, attribute.info.type, attribute.info.id
        self.size = self.present = max(0, min(size, most))

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset; raises `DamagedError`."""
        n = min(n, self.size - offset)
        if n <= 0:
            return b""
        try:
            data: bytes = self._file.read_random(offset, n, self._type, self._id)
        except OSError as error:
            raise DamagedError(_sentence(error)) from error
        return data + bytes(n - len(data))


class Tree:
    """A file system of The Sleuth Kit, walked from its root and through its orphans."""

    def __init__(self, kind: str, medium: Medium) -> None:
        self.source = kind
        self.kind = KINDS.get(kind, kind)
        self.medium = repair(medium) if kind == "ext" else medium
        self.fs = open_fs(kind, self.medium)
        self.block = int(self.fs.info.block_size) or 512
        self.zone: Zone = "local" if kind in ("fat", "exfat") else "utc"
        self.label = self.serial = ""
        self._claimed: list[Range] | None = None

    def entries(self) -> Iterator[Entry | Fault]:
        """Every entry; deleted ones after the live ones, so that what they lost to these is known."""
        late: list[tuple[str, bytes, Any, bool]] = []
        claimed: list[Range] = []
        for path, name, file, dead in self._walk():
            if isinstance(file, Fault):
                yield file
                continue
            if dead:
                late.append((path, name, file, path.startswith(_ORPHANS)))
                continue
            claimed += [(at, length) for at, length in self._runs(file) if at is not None]
            yield from self._entry(path, name, file, "live", [])
        merged = self._claimed = merge(claimed)
        left = self.medium.size
        for path, name, file, orphan in late:
            for entry in self._entry(path, name, file, "orphan" if orphan else "deleted", merged):
                left -= entry.size
                if left >= 0 or entry.directory:
                    yield entry

    def _walk(self) -> Iterator[tuple[str, bytes, Any, bool]]:
        todo: deque[tuple[int, str, int, bool]] = deque([(int(self.fs.info.root_inum), "", 0, False)])
        seen: set[int] = {int(self.fs.info.root_inum)}
        met: set[tuple[int, str]] = set()
        while todo:
            inode, base, depth, below_dead = todo.popleft()
            try:
                directory = self.fs.open_dir(inode=inode)
                rows = list(directory)
            except OSError as error:
                yield base, b"", Fault(str(inode), base, "damaged", _sentence(error)), False
                continue
            for row in rows:
                name = row.info.name.name if row.info.name else None
                if not name or name in (b".", b"..") or (not base and _is_virtual(name)):
                    continue
                file, dead = self._file(row)
                if file is None or file.info.meta is None:
                    continue
                address = int(file.info.meta.addr)
                path = f"{base}/{_text(name)}" if base else _text(name)
                if (address, path) in met:
                    continue
                met.add((address, path))
                dead = dead or below_dead
                if name == _ORPHANS_NAME and not base:
                    todo.append((address, _ORPHANS, depth + 1, True))
                    continue
                yield path, name, file, dead
                if _is_directory(file) and address not in seen and depth < _DEPTH:
                    seen.add(address)
                    todo.append((address, path, depth + 1, dead))

    def _file(self, row: Any) -> tuple[Any, bool]:
        dead = bool(int(row.info.name.flags) & int(pytsk3.TSK_FS_NAME_FLAG_UNALLOC))
        if row.info.meta is None:
            if not dead or not row.info.name.meta_addr:
                return None, dead
            try:
                row = self.fs.open_meta(row.info.name.meta_addr)
            except OSError:
                return None, dead
        in_use = not int(row.info.meta.flags) & int(pytsk3.TSK_FS_META_FLAG_UNALLOC)
        return (None if dead and in_use else row), dead

    def _entry(
        self, path: str, name: bytes, file: Any, state: Literal["live", "deleted", "orphan"], claimed: list[Range]
    ) -> Iterator[Entry]:
        meta = file.info.meta
        directory = _is_directory(file)
        if not directory and int(meta.type) not in (
            int(pytsk3.TSK_FS_META_TYPE_REG),
            int(pytsk3.TSK_FS_META_TYPE_UNDEF),
        ):
            return
        runs = [] if directory else list(self._runs(file))
        size = 0 if directory else int(meta.size)
        flags = list(self._flags(size, runs, claimed if state != "live" else []))
        if size > self.medium.size and not directory:
            flags.append("size-cut")
            size = min(size, self.medium.size)
        total = sum(length for _, length in runs)
        if state != "live" and size and not runs and not self._resident(file):
            flags.append("content-gone")
            size = 0
        yield Entry(
            str(int(meta.addr)),
            path,
            _text(name),
            size,
            state,
            directory,
            self._time(meta.mtime, meta.mtime_nano),
            self._time(meta.atime, meta.atime_nano),
            self._time(meta.ctime, meta.ctime_nano),
            self._time(meta.crtime, meta.crtime_nano),
            tuple(flags),
            next((at for at, _ in runs if at is not None), -1),
            max(0, total - size) if runs and total - size < self.block else 0,
        )

    def _resident(self, file: Any) -> bool:
        found = self._data(file)
        return found is not None and bool(int(found.info.flags) & int(pytsk3.TSK_FS_ATTR_RES))

    def _flags(self, size: int, runs: list[tuple[int | None, int]], claimed: list[Range]) -> Iterator[str]:
        if any(at is None for at, _ in runs):
            yield "sparse"
        if any(at is not None and at + length > self.medium.present for at, length in runs) and size:
            yield "truncated"
        if claimed and any(at is not None and overlaps(claimed, at, length) for at, length in runs):
            yield "overwritten"

    def _time(self, seconds: Any, nano: Any) -> Instant | None:
        instant = from_unix(int(seconds or 0))
        if instant is None:
            return None
        precision: Precision = "2s" if self.source == "fat" else "ns" if nano else "s"
        return Instant(instant.ns + int(nano or 0) % 1_000_000_000, precision, self.zone)

    def _data(self, file: Any) -> Any:
        try:
            for attribute in file:
                if int(attribute.info.type) in (
                    int(pytsk3.TSK_FS_ATTR_TYPE_DEFAULT),
                    int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA),
                    int(pytsk3.TSK_FS_ATTR_TYPE_HFS_DATA),
                ):
                    return attribute
        except OSError:
            return None
        return None

    def _runs(self, file: Any) -> Iterator[tuple[int | None, int]]:
        attribute = self._data(file)
        if attribute is None or int(attribute.info.flags) & int(_PACKED):
            return
        try:
            for run in attribute:
                hole = int(run.flags) & int(_HOLE)
                yield (None if hole else int(run.addr) * self.block), int(run.len) * self.block
        except OSError:
            return

    def _at(self, locator: str) -> Any:
        try:
            return self.fs.open_meta(int(locator))
        except (ValueError, OverflowError) as error:
            raise AddressError(f"{self.kind}:{locator} is no entry") from error
        except OSError as error:
            raise DamagedError(f"{self.kind}:{locator}: {_sentence(error)}") from error

    def open(self, locator: str) -> Reader:
        """The bytes of an entry."""
        file = self._at(locator)
        if (attribute := self._data(file)) is None:
            return Reader(Memory(b""))
        return Reader(Attribute(file, attribute, int(file.info.meta.size), self.medium.size))

    def slack(self, locator: str) -> Reader:
        """The rest of the last block."""
        file = self._at(locator)
        runs, size = list(self._runs(file)), int(file.info.meta.size)
        rest = sum(length for _, length in runs) - size
        if not runs or runs[-1][0] is None or not 0 < rest < self.block:
            return Reader(Memory(b""))
        at, length = runs[-1]
        assert at is not None
        return Reader(Window(self.medium, at + length - rest, rest))

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """Where an entry lies."""
        return list(self._runs(self._at(locator)))

    def free(self) -> list[Range]:
        """What no live entry claims."""
        if self._claimed is None:
            for _ in self.entries():
                pass
        return complement(self._claimed or [], self.medium.size)


def _is_virtual(name: bytes) -> bool:
    return name in _VIRTUAL or name.endswith(b"(Volume Label Entry)")


def _is_directory(file: Any) -> bool:
    return int(file.info.meta.type) in (int(pytsk3.TSK_FS_META_TYPE_DIR), int(pytsk3.TSK_FS_META_TYPE_VIRT_DIR))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
