"""Documents that are ZIP archives: their parts by name, unpacked within bounds, damaged ones as far as they go."""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING

from moisson.address import named
from moisson.errors import DamagedError, LimitError, PasswordError, UnsupportedError
from moisson.extract.zipdir import read_directory
from moisson.reader import Child, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.extract.odfcrypt import Ring
    from moisson.extract.ziprow import Entry

MAX_PART = 256 << 20
MAX_CHILD = 128 << 20
MAX_PARTS = 20_000
_RATIO = 1000
_PIECE = 1 << 16


class Package:
    """The parts of a package, by name without regard to case."""

    def __init__(self, data: Reader) -> None:
        self.data = data
        entries, self.damage = read_directory(data)
        self.ring: Ring | None = None
        self.parts: dict[str, Entry] = {}
        for entry in entries[:MAX_PARTS]:
            if not entry.is_folder:
                self.parts.setdefault(entry.name.replace("\\", "/").lstrip("/").casefold(), entry)
        self.names = [entry.name.replace("\\", "/").lstrip("/") for entry in self.parts.values()]

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self.parts

    def chunks(self, name: str, limit: int = MAX_PART) -> Iterator[bytes]:
        """The bytes of a part, piece by piece; ends early where they are damaged, and with nothing for no such part.

        Raises `LimitError` for more than `limit` bytes and `PasswordError` for a locked part.
        """
        entry = self.parts.get(name.casefold())
        if entry is None:
            return
        if entry.encrypted:
            raise PasswordError(f"the part {name} is locked")
        head = self.data.pread(entry.offset, 30)
        if len(head) < 30 or head[:4] != b"PK\3\4":
            return
        start = entry.offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        limit = min(limit, max(1 << 20, entry.packed * _RATIO))
        if self.ring and name.casefold() in self.ring.locks:
            sealed = b"".join(self._plain(entry, start, limit))
            if self.ring.locks[name.casefold()].size > limit:
                raise LimitError(f"part {name} of more than {limit} bytes")
            yield self.ring.open(name, sealed)
            return
        yield from self._plain(entry, start, limit) if entry.method == 0 else self._inflate(entry, start, limit)

    def _plain(self, entry: Entry, start: int, limit: int) -> Iterator[bytes]:
        size = entry.packed
        if size > limit:
            raise LimitError(f"part {entry.name} of {size} bytes")
        for at in range(0, size, _PIECE):
            yield self.data.pread(start + at, min(_PIECE, size - at))

    def _inflate(self, entry: Entry, start: int, limit: int) -> Iterator[bytes]:
        if entry.method != 8:
            raise UnsupportedError(f"part packed with method {entry.method}")
        decoder, at, end, given = zlib.decompressobj(-15), start, start + entry.packed, 0
        pending = b""
        while not decoder.eof:
            if not pending:
                pending = self.data.pread(at, min(_PIECE, end - at)) if at < end else b""
                at += len(pending)
                if not pending:
                    return
            try:
                out = decoder.decompress(pending, _PIECE)
            except zlib.error:
                return
            pending = decoder.unconsumed_tail
            given += len(out)
            if given > limit:
                raise LimitError(f"part {entry.name} unpacks to more than {limit} bytes")
            if out:
                yield out

    def read(self, name: str, limit: int = 32 << 20) -> bytes:
        """A whole part; empty if there is none."""
        return b"".join(self.chunks(name, limit))

    def child(self, name: str, role: str = "embedded") -> Child:
        """A part as an item of its own."""
        entry = self.parts[name.casefold()]
        return Child(
            name.rpartition("/")[2], named("zip", entry.name), partial(self._open, name), self._size(name), role,
            modified=entry.modified,
        )  # fmt: skip

    def _size(self, name: str) -> int:
        lock = self.ring.locks.get(name.casefold()) if self.ring else None
        return lock.size if lock else self.parts[name.casefold()].size

    def _open(self, name: str) -> Reader:
        content = self.read(name, MAX_CHILD)
        if len(content) < self._size(name):
            raise DamagedError(f"the part {name} breaks off after {len(content)} bytes")
        return Reader.of(content)
