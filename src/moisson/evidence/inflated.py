"""DEFLATE as a medium: states kept every few megabytes make any place a short way from one."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import DamagedError, LimitError

if TYPE_CHECKING:
    from moisson.reader import Medium

RAW, GZIP = -15, 31
_INPUT = 1 << 16
_OUTPUT = 1 << 20
_STRIDE = 4 << 20
_POINTS = 256
_MOST = 1 << 42
_MAGIC = b"\x1f\x8b\x08"


class _Point(NamedTuple):
    out: int
    at: int
    state: zlib._Decompress


class Inflated:
    """The plain bytes of a DEFLATE stream or of gzip members one after the other.

    Without a declared `size` the stream is gone through once at opening; what cannot be inflated then is left off and
    `damage` says why. With one, a stream that ends early raises `DamagedError` where it does.
    """

    def __init__(self, medium: Medium, wbits: int, size: int | None = None) -> None:
        self.medium, self.damage = medium, ""
        self._wbits, self._stride = wbits, _STRIDE
        self._points = [_Point(0, 0, zlib.decompressobj(wbits))]
        self._rewind(self._points[0])
        self.size = self.present = _MOST if size is None else size
        if size is None:
            self.size = self.present = self._survey()

    def _survey(self) -> int:
        try:
            while self._step():
                if self._out > _MOST:
                    raise LimitError("gzip: it unpacks to more than four terabytes")
            if not self._ended:
                self.damage = "gzip: the stream ends before its end"
        except DamagedError as error:
            self.damage = str(error)
        return self._out + len(self._piece)

    def _rewind(self, point: _Point) -> None:
        self._out, self._at, self._state = point.out, point.at, point.state.copy()
        self._piece, self._ended = b"", False

    def _step(self) -> bool:
        """Inflate the next piece; False when there is none."""
        while not self._ended:
            done = self._out + len(self._piece)
            if done - self._points[-1].out >= self._stride:
                self._keep(_Point(done, self._at, self._state.copy()))
            data = self.medium.pread(self._at, _INPUT)
            if not data:
                return False
            try:
                piece = self._state.decompress(data, _OUTPUT)
            except zlib.error as error:
                raise DamagedError(f"deflate: {error}") from error
            used = len(data) - len(self._state.unconsumed_tail) - len(self._state.unused_data)
            self._at += used
            if self._state.eof:
                self._next()
            elif not used and not piece:
                raise DamagedError("deflate: the stream stands still")
            if piece:
                self._out, self._piece = done, piece
                return True
        return False

    def _next(self) -> None:
        if self._wbits == GZIP and self.medium.pread(self._at, 3) == _MAGIC:
            self._state = zlib.decompressobj(GZIP)
        else:
            self._ended = True

    def _keep(self, point: _Point) -> None:
        self._points.append(point)
        if len(self._points) > _POINTS:
            self._points = self._points[::2]
            self._stride *= 2

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset."""
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        near = self._points[bisect_right(self._points, offset, key=lambda point: point.out) - 1]
        if offset < self._out or near.out > self._out + len(self._piece):
            self._rewind(near)
        found: list[bytes] = []
        while n > 0:
            if offset >= self._out + len(self._piece):
                if not self._step():
                    raise DamagedError("deflate: the stream ends before its declared size")
                continue
            part = self._piece[offset - self._out : offset - self._out + n]
            found.append(part)
            offset, n = offset + len(part), n - len(part)
        return b"".join(found)
