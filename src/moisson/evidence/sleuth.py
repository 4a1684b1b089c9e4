"""The Sleuth Kit's handle on a medium of ours, and the attributes of its files as media."""

from __future__ import annotations

import calendar
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytsk3  # type: ignore[import-untyped]

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence.extents import length, overlaps
from moisson.evidence.filesystem import printable
from moisson.times import Instant, Precision, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.extents import Extent, Range
    from moisson.reader import Medium

_TYPES = {
    "fat": pytsk3.TSK_FS_TYPE_FAT_DETECT,
    "exfat": pytsk3.TSK_FS_TYPE_EXFAT,
    "ext": pytsk3.TSK_FS_TYPE_EXT_DETECT,
    "iso9660": pytsk3.TSK_FS_TYPE_ISO9660,
    "hfs": pytsk3.TSK_FS_TYPE_HFS,
    "ntfs": pytsk3.TSK_FS_TYPE_NTFS,
}
_HOLE = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE) | int(pytsk3.TSK_FS_ATTR_RUN_FLAG_FILLER)
_COMPRESSED, _ENCRYPTED = int(pytsk3.TSK_FS_ATTR_COMP), int(pytsk3.TSK_FS_ATTR_ENC)
_RESIDENT, _SPARSE = int(pytsk3.TSK_FS_ATTR_RES), int(pytsk3.TSK_FS_ATTR_SPARSE)
_MAIN = tuple(
    int(t)
    for t in (pytsk3.TSK_FS_ATTR_TYPE_DEFAULT, pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA, pytsk3.TSK_FS_ATTR_TYPE_HFS_DATA)
)
DIRECTORIES = (int(pytsk3.TSK_FS_META_TYPE_DIR), int(pytsk3.TSK_FS_META_TYPE_VIRT_DIR))
LINK = int(pytsk3.TSK_FS_META_TYPE_LNK)
_FORK = int(pytsk3.TSK_FS_ATTR_TYPE_HFS_RSRC)
_DATA = int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA)


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


def open_fs(kind: str, medium: Medium) -> Any:
    """The Sleuth Kit's handle; raises `DamagedError` or `UnsupportedError`."""
    try:
        fs = pytsk3.FS_Info(Whole(medium), offset=0, type=_TYPES[kind])
    except OSError as error:
        known = UnsupportedError if "not supported" in str(error) else DamagedError
        raise known(f"{kind}: {sentence(error)}") from error
    if int(fs.info.root_inum) >= int(fs.info.last_inum):  # the last is that of all orphans: it would wait for ever
        raise DamagedError(f"{kind}: nothing is left of its directories")
    return fs


def sentence(error: BaseException) -> str:
    """What a library says, in one line."""
    return " ".join(str(error).split())[:300]


class Attribute:
    """One attribute of a file as a medium, read by The Sleuth Kit itself; never larger than the volume."""

    def __init__(self, file: Any, attribute: Any, size: int, most: int) -> None:
        self._file, self._type, self._id = file, attribute.info.type, attribute.info.id
        self.size = self.present = max(0, min(size, most))

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset; raises `DamagedError`."""
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        try:
            data: bytes = self._file.read_random(offset, n, self._type, self._id)
        except OSError as error:
            raise DamagedError(sentence(error)) from error
        return data + bytes(n - len(data))


def attributes(file: Any) -> list[Any]:
    """The attributes of a file; none when they cannot be read."""
    try:
        return list(file)
    except OSError:
        return []


def stream_name(attribute: Any) -> str | None:
    """Empty for the main stream, None for an attribute that holds no content of the user's."""
    kind = int(attribute.info.type)
    if kind == _FORK:
        return "rsrc" if int(attribute.info.size) else None
    if kind not in _MAIN:
        return None
    name = attribute.info.name or b""
    return "" if kind != _DATA or name in (b"", b"$Data") else printable(name)


def is_packed(attribute: Any) -> bool:
    """Whether the bytes do not lie in the runs as they are."""
    return bool(int(attribute.info.flags) & (_RESIDENT | _COMPRESSED))


def runs_of(attribute: Any, block: int) -> list[Extent]:
    """Where an attribute lies; what could be read of it."""
    found: list[Extent] = []
    if int(attribute.info.flags) & _RESIDENT:
        return found
    with suppress(OSError):
        found.extend((None if int(r.flags) & _HOLE else int(r.addr) * block, int(r.len) * block) for r in attribute)
    return found


def size_of(attribute: Any, extents: list[Extent], medium: Medium) -> int:
    """The size of an attribute, never more than its runs or the volume can hold."""
    most = medium.size if is_packed(attribute) else min(medium.size, length(extents))
    return max(0, min(int(attribute.info.size), most))


def flags_of(attribute: Any, extents: list[Extent], size: int, medium: Medium, claimed: list[Range]) -> Iterator[str]:
    """The flags of an entry that its attribute shows."""
    marks = int(attribute.info.flags)
    for bit, name in ((_RESIDENT, "resident"), (_COMPRESSED, "compressed"), (_ENCRYPTED, "encrypted")):
        if marks & bit:
            yield name
    if marks & _SPARSE or any(at is None for at, _ in extents):
        yield "sparse"
    if int(attribute.info.size) > size:
        yield "content-gone" if not size else "size-cut"
    if any(at is not None and at + n > medium.present for at, n in extents):
        yield "truncated"
    if any(at is not None and overlaps(claimed, at, n) for at, n in extents):
        yield "overwritten"


def target(file: Any) -> bytes | None:
    """Where a symbolic link leads, which The Sleuth Kit knows but does not give as content."""
    meta = file.info.meta
    link = meta.link if int(meta.type) == LINK else None
    return link if isinstance(link, bytes) else None


def is_directory(file: Any) -> bool:
    return int(file.info.meta.type) in DIRECTORIES


def times(meta: Any, kind: str) -> tuple[Instant | None, Instant | None, Instant | None, Instant | None]:
    """Modification, access, change, creation, as exactly as the file system keeps them."""
    exact: Precision = "2s" if kind == "fat" else "s"
    local = kind in ("fat", "exfat")
    return (
        _time(meta.mtime, meta.mtime_nano, exact, local=local),
        _time(meta.atime, 0 if local else meta.atime_nano, "day" if kind == "fat" else exact, local=local),
        _time(meta.ctime, meta.ctime_nano, exact, local=local),
        _time(meta.crtime, meta.crtime_nano, "10ms" if local else exact, local=local),
    )


def _time(seconds: Any, nano: Any, exact: Precision, *, local: bool) -> Instant | None:
    """A time; FAT's were made from the wall clock by this process's own zone, which is undone here."""
    instant = from_unix(int(seconds or 0))
    if instant is None:
        return None
    rest = int(nano or 0) % 1_000_000_000
    if local:
        wall = calendar.timegm(time.localtime(instant.ns // 1_000_000_000)) * 1_000_000_000
        return Instant(wall + rest, exact, "local")
    return Instant(instant.ns + rest, "ns" if rest else exact)
