"""Pieces of data that wait in memory as long as they are few, and packed in a nameless file when they are many."""

from __future__ import annotations

import struct
import zlib
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = struct.Struct("<I")
_MEMORY = 16 << 20


class Spool:
    """Gives back what was added, in order; for the trusted side, which may write."""

    def __init__(self, memory: int = _MEMORY) -> None:
        self._left = memory
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def add(self, data: bytes) -> None:
        """Put one piece at the end."""
        self._left -= len(data)
        if self._left >= 0:
            self._pieces.append(data)
            return
        packed = zlib.compress(data, 1)
        self._file = self._file or TemporaryFile()  # noqa: SIM115  closed by `close`
        self._file.write(_SIZE.pack(len(packed)) + packed)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._file is not None:
            self._file.seek(0)
            while head := self._file.read(_SIZE.size):
                yield zlib.decompress(self._file.read(_SIZE.unpack(head)[0]))

    def close(self) -> None:
        """Let go of all of it."""
        self._pieces = []
        if self._file is not None:
            self._file.close()
            self._file = None
