"""A phone extraction, or any archive delivered as an exhibit: its members as the entries of a volume."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from moisson.address import Layer
from moisson.errors import AddressError, DamagedError
from moisson.evidence.filesystem import Entry, Fault
from moisson.extract.archive import read_zip
from moisson.extract.tar import read_tar
from moisson.reader import Child, Memory, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

_READERS = {"zip": read_zip, "tar": read_tar}
_STRIDE = 8 << 20
_PIECE = 1 << 16
_MOST = 4 << 20
_MOST_POINTS = 1024
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class Inflated:
    """A gzip file as a medium: one pass at opening notes states to start from again, so that any place is near one."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self._points: list[tuple[int, int, zlib._Decompress]] = []
        self.size = self.present = self._survey()

    def _survey(self) -> int:
        total, stride = 0, _STRIDE
        for at, state, piece in self._inflate(0, zlib.decompressobj(31)):
            if not self._points or total - self._points[-1][0] >= stride:
                self._points.append((total, at, state))
            if len(self._points) > _MOST_POINTS:
                self._points, stride = self._points[::2], 2 * stride
            total += len(piece)
        return total

    def _inflate(self, at: int, state: zlib._Decompress) -> Iterator[tuple[int, zlib._Decompress, bytes]]:
        """Place, state before it and what follows from there, a bounded piece at a time, member after member."""
        while True:
            before, start = state.copy(), at
            data = self.medium.pread(at, _PIECE)
            try:
                piece = state.decompress(data, _MOST)
            except zlib.error as error:
                raise DamagedError(f"gzip: {error}") from error
            at += len(data) - len(state.unconsumed_tail) - len(state.unused_data)
            yield start, before, piece
            if state.eof:
                if self.medium.pread(at, 2) != _GZIP:
                    return
                state = zlib.decompressobj(31)
            elif at == start and not piece:
                return

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset."""
        end = min(offset + n, self.size)
        if end <= offset or offset < 0:
            return b""
        out, at, state = max((p for p in self._points if p[0] <= offset), key=lambda p: p[0])
        found = bytearray()
        for _, _, piece in self._inflate(at, state.copy()):
            if out + len(piece) > offset:
                found += piece[max(0, offset - out) : max(0, end - out)]
            out += len(piece)
            if out >= end:
                break
        return bytes(found)


class Archive:
    """An archive as a file system; its reader is the one that reads archives inside evidence."""

    label = serial = ""

    def __init__(self, data: Reader, kind: str, keys: Sequence[str]) -> None:
        self.data, self.kind, self.keys = data, kind, keys
        self._children: dict[str, Child] | None = None

    @property
    def children(self) -> dict[str, Child]:
        """The members by locator, in order."""
        if self._children is None:
            pieces = _READERS[self.kind](self.data, self.keys)
            self._children = {p.layer.locator: p for p in pieces if isinstance(p, Child)}
        return self._children

    def entries(self) -> Iterator[Entry | Fault]:
        """Every member."""
        for locator, child in self.children.items():
            path = child.name.strip("/")
            yield Entry(
                locator, path, path.rpartition("/")[2], child.size or 0, modified=child.modified, flags=child.flags
            )

    def open(self, locator: str) -> Reader:
        """The bytes of a member."""
        if locator not in self.children:
            raise AddressError(f"{self.kind}:{locator} is not in this archive")
        return self.children[locator].open()

    def slack(self, locator: str) -> Reader:
        """A member has none."""
        return Reader(Memory(b""))

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """A member is packed."""
        return []

    def free(self) -> list[tuple[int, int]]:
        """An archive has no free space."""
        return []


def open_archive(medium: Medium, keys: Sequence[str] = ()) -> tuple[tuple[Layer, ...], Archive] | None:
    """The layers before an archive and its members; None when the medium is no archive."""
    head = medium.pread(0, 512)
    if head[:4] in _ZIP:
        return (), Archive(Reader(medium), "zip", keys)
    if head[257:262] == b"ustar":
        return (), Archive(Reader(medium), "tar", keys)
    if head[:2] == _GZIP:
        inflated = Inflated(medium)
        if inflated.pread(257, 5) == b"ustar":
            return (Layer("gzip"),), Archive(Reader(inflated), "tar", keys)
    return None
