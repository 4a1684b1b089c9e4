"""7z archives (7zFormat.txt of the LZMA SDK): members of a folder share one stream, which is decoded once."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

from moisson.errors import DamagedError, EvidenceError, LimitError, PasswordError, UnsupportedError
from moisson.extract import rest
from moisson.extract.sevenheader import MAX_HEADER, SIGNATURE, Folder, Header, Member, parse_header, parse_streams
from moisson.extract.sevenpipe import lzma1, pipeline
from moisson.extract.unpack import Names, Solid
from moisson.model import Fact, Flag
from moisson.reader import CHUNK, Child, Reader
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["lzma1", "read_7z"]
_BROKEN = (struct.error, IndexError, ValueError, KeyError, OverflowError, TypeError)


@step(
    "extract.7z",
    version=1,
    kinds=("application/x-7z-compressed",),
    names=("*.7z", "*.cb7"),
    limits=Limits(seconds=60, per_mb=4),
    reference="7zFormat.txt, LZMA SDK",
)
def read_7z(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The members of a 7z archive; locked ones are listed where the names are not locked too."""
    try:
        header, sealed = _header(data, keys)
    except PasswordError as why:
        yield Flag("password", str(why))
        return
    except _BROKEN as why:
        raise DamagedError(f"7z header: {why}") from why
    if sealed:
        yield Flag("encrypted", "names and contents")
    yield from _members(data, header, keys, sealed)


def _members(data: Reader, header: Header, keys: Sequence[str], sealed: bool) -> Iterator[Child | Flag]:
    names, locked = Names("sevenzip"), False
    folders = _Folders(data, header.folders, keys)
    for member in header.members:
        layer = names.layer(member.name)
        if member.is_folder:
            continue
        flags: tuple[str, ...] = ()
        if member.folder >= 0 and header.folders[member.folder].encrypted:
            flags = ("encrypted",) if sealed or folders.at(member.folder).opens() else ("password",)
            locked = locked or flags == ("password",)
        opener = partial(_open, data, folders, member)
        yield Child(member.name, layer, opener, member.size, modified=member.modified, flags=flags)
    if locked:
        yield Flag("password", "locked members")


def _header(data: Reader, keys: Sequence[str]) -> tuple[Header, bool]:
    start = data.head(32)
    if len(start) < 32 or start[:6] != SIGNATURE:
        raise DamagedError("no 7z signature")
    offset, size, crc = struct.unpack_from("<QQI", start, 12)
    if zlib.crc32(start[12:32]) != int.from_bytes(start[8:12], "little"):
        raise DamagedError("the start header's checksum does not fit")
    if not size:
        return Header(), False
    if size > MAX_HEADER:
        raise LimitError(f"a header of {size} bytes")
    raw, sealed = data.pread(32 + offset, size), False
    if zlib.crc32(raw) != crc:
        raise DamagedError("the header is missing or its checksum does not fit")
    for _ in range(4):
        if raw[:1] != b"\x17":
            return parse_header(raw), sealed
        folder = parse_streams(raw)
        sealed = sealed or folder.encrypted
        raw = _Opened(data, folder, keys).solid().take(0, folder.size).whole()
        if folder.crc is not None and zlib.crc32(raw) != folder.crc:
            raise PasswordError("no key opens the header") if sealed else DamagedError("packed header: checksum")
    raise DamagedError("headers within headers")


class _Opened:
    """A folder with the key that opens it, found when first needed."""

    def __init__(self, data: Reader, folder: Folder, keys: Sequence[str]) -> None:
        self._data, self._folder = data, folder
        self._keys = tuple(keys) if folder.encrypted else ("",)
        self._solid: Solid | None = None
        self.key: str | None = None

    def solid(self) -> Solid:
        """The decoded stream; raises `PasswordError` where no key fits."""
        if self._solid is None:
            for key in self._keys:
                solid = Solid(partial(self._decode, key), self._folder.size)
                if not self._folder.encrypted or self._fits(solid):
                    self._solid, self.key = solid, key
                    return solid
            raise PasswordError("no key opens the archive")
        return self._solid

    def opens(self) -> bool:
        """True if a key fits."""
        try:
            self.solid()
        except EvidenceError:
            return False
        return True

    def _decode(self, key: str) -> Iterator[bytes]:
        return pipeline(self._folder, partial(_packed, self._data), key)

    def _fits(self, solid: Solid) -> bool:
        """A wrong key shows as nonsense in the first member, or as its wrong checksum."""
        size, crc = self._folder.first
        try:
            raw = solid.take(0, size).whole()
        except EvidenceError:
            return False
        return crc is None or zlib.crc32(raw) == crc


class _Folders:
    """The folders of an archive, of which one at a time keeps its decoded bytes; the key that fits is tried first."""

    def __init__(self, data: Reader, folders: list[Folder], keys: Sequence[str]) -> None:
        self._data, self._folders, self._keys = data, folders, list(keys)
        self._current: tuple[int, _Opened] | None = None

    def at(self, number: int) -> _Opened:
        """One folder; the one before is forgotten."""
        if self._current is None or self._current[0] != number:
            self._remember()
            self._current = number, _Opened(self._data, self._folders[number], self._keys)
        return self._current[1]

    def _remember(self) -> None:
        key = self._current[1].key if self._current else None
        if key in self._keys[1:]:
            self._keys.remove(key)
            self._keys.insert(0, key)


def _packed(data: Reader, at: int, size: int) -> Iterator[bytes]:
    end = min(data.size, at + size)
    while at < end and (chunk := data.pread(at, min(CHUNK, end - at))):
        yield chunk
        at += len(chunk)


def _open(data: Reader, folders: _Folders, member: Member) -> Reader:
    if member.folder < 0:
        return Reader.of(b"")
    try:
        reader = folders.at(member.folder).solid().take(member.start, member.size)
    except UnsupportedError:
        return rest.open_at(data, member.number)
    except _BROKEN as why:
        raise DamagedError(f"7z: {why}") from why
    small: Any = getattr(reader.medium, "data", None)
    if member.crc is not None and small is not None and zlib.crc32(small) != member.crc:
        raise DamagedError("the checksum does not fit")
    return reader
