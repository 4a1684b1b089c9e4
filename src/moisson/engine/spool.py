"""Pieces of data that wait, packed, in memory as long as they are few and in a nameless file when they are many."""

from __future__ import annotations

import struct
import zlib
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = struct.Struct("<I")
_MEMORY = 16 << 20


class Spool:
    """Gives back what was added, in order; for the trusted side, which may write."""

    def __init__(self, memory: int = _MEMORY) -> None:
        self._file = SpooledTemporaryFile(memory)  # noqa: SIM115  closed by `close`
        self.count = 0

    def add(self, data: bytes) -> None:
        """Put one piece at the end."""
        packed = zlib.compress(data, 1)
        self._file.write(_SIZE.pack(len(packed)) + packed)
        self.count += 1

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while head := self._file.read(_SIZE.size):
            yield zlib.decompress(self._file.read(_SIZE.unpack(head)[0]))

    def close(self) -> None:
        """Let go of all of it."""
        self._file.close()
