"""Files that Windows keeps packed ("CompactOS"): a table of chunks and the chunks, in a stream beside the file.

Layout after [MS-FSCC] (the reparse point of WOF) and the wimlib project's description of WIM resources.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence.unpacking import expand_lzx, expand_xpress

if TYPE_CHECKING:
    from moisson.reader import Medium

_METHODS = {0: (4096, expand_xpress), 1: (32768, expand_lzx), 2: (8192, expand_xpress), 3: (16384, expand_xpress)}
_FILES = 2


class Packed:
    """The content of a packed file; `point` is its reparse point. Raises `UnsupportedError` or `DamagedError`."""

    def __init__(self, stream: Medium, point: bytes, size: int) -> None:
        provider, method = int.from_bytes(point[12:16], "little"), int.from_bytes(point[20:24], "little")
        if provider != _FILES or method not in _METHODS:
            raise UnsupportedError(f"packed by Windows (WOF) in a way not known here: {provider}, {method}")
        self.size = self.present = size
        self._stream = stream
        self._chunk, self._expand = _METHODS[method]
        count = -(-size // self._chunk)
        self._start = 4 * max(0, count - 1)
        raw = stream.pread(0, self._start)
        if len(raw) < self._start or stream.size < self._start:
            raise DamagedError("the table of a packed file is cut short")
        self._ends = array("I", raw)
        if sys.byteorder == "big":
            self._ends.byteswap()
        self._ends.append(min(stream.size - self._start, (1 << 32) - 1))
        self._last: tuple[int, bytes] = (-1, b"")

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset; raises `DamagedError`."""
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        first, last = offset // self._chunk, (offset + n - 1) // self._chunk
        data = b"".join(self._piece(index) for index in range(first, last + 1))
        return data[offset - first * self._chunk :][:n]

    def _piece(self, index: int) -> bytes:
        if self._last[0] != index:
            wanted = min(self._chunk, self.size - index * self._chunk)
            start, end = self._ends[index - 1] if index else 0, self._ends[index]
            if not 0 < end - start <= wanted:
                raise DamagedError("the table of a packed file is not in order")
            data = self._stream.pread(self._start + start, end - start)
            self._last = (index, data if len(data) == wanted else self._expand(data, wanted))
        return self._last[1]
