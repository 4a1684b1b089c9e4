"""DEFLATE as a medium: places to start again, noted every few megabytes, make any byte a short way from one.

A place is where a block begins: the byte, the bits of the byte before that belong to it, and the 32 KiB that came out
before (RFC 1951). Unlike a copied state of a decompressor it can be written down, so that another process starts there.
zlib is called itself, for the standard library's module hides where blocks begin.
"""

from __future__ import annotations

import ctypes
import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from isal.isal_zlib import crc32
from msgspec import Struct

from moisson.errors import DamagedError

if TYPE_CHECKING:
    from moisson.reader import Medium

RAW, GZIP = -15, 31
_INPUT = 1 << 18
_OUTPUT = 1 << 20
_WINDOW = 1 << 15
_STRIDE = 4 << 20
_POINTS = 2048
_MOST = 1 << 42
_MAGIC = b"\x1f\x8b\x08"
_TRAILER = 8
_NO_FLUSH, _BLOCK = 0, 5
_OK, _END, _NO_PROGRESS = 0, 1, -5


class Point(Struct, frozen=True, array_like=True):
    """A place to start from: plain offset, packed offset, bits of the byte before it; a stream's own head at -1."""

    out: int
    at: int
    bits: int = -1
    window: bytes = b""


class Index(Struct, frozen=True):
    """What one pass found: the plain size, what was wrong, and the places to start from."""

    size: int
    damage: str
    points: tuple[Point, ...]


class _Fields(ctypes.Structure):
    _fields_ = [
        ("next_in", ctypes.c_void_p),
        ("avail_in", ctypes.c_uint),
        ("total_in", ctypes.c_ulong),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint),
        ("total_out", ctypes.c_ulong),
        ("msg", ctypes.c_char_p),
        ("state", ctypes.c_void_p),
        ("zalloc", ctypes.c_void_p),
        ("zfree", ctypes.c_void_p),
        ("opaque", ctypes.c_void_p),
        ("data_type", ctypes.c_int),
        ("adler", ctypes.c_ulong),
        ("reserved", ctypes.c_ulong),
    ]


def _library() -> Any:
    """The zlib that the standard library's module is linked with, or the system's."""
    for name in (getattr(zlib, "__file__", None), "libz.so.1", "libz.so"):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is not None and hasattr(library, "inflatePrime"):
            library.zlibVersion.restype = ctypes.c_char_p
            return library
    raise ImportError("no shared zlib on this machine")


_zlib = _library()


class _Inflater:
    """One decompressor of zlib; the bytes handed in are held until they are used up."""

    def __init__(self, wbits: int) -> None:
        self._fields, self._live, self._broken = _Fields(), False, ""
        self._buffer = ctypes.create_string_buffer(_OUTPUT)
        self._where = ctypes.byref(self._fields)
        size = ctypes.c_int(ctypes.sizeof(_Fields))
        if _zlib.inflateInit2_(self._where, ctypes.c_int(wbits), _zlib.zlibVersion(), size) != _OK:
            raise MemoryError("zlib")
        self._live = True

    def __del__(self) -> None:
        if self._live:
            _zlib.inflateEnd(self._where)

    def resume(self, bits: int, before: int, window: bytes) -> None:
        """Go on inside a raw stream."""
        if bits:
            _zlib.inflatePrime(self._where, ctypes.c_int(bits), ctypes.c_int(before >> (8 - bits)))
        if window:
            _zlib.inflateSetDictionary(self._where, window, ctypes.c_uint(len(window)))

    def run(self, data: bytes, flush: int) -> tuple[bytes, int, bool]:
        """Inflate up to a megabyte: what came out, how much was used, whether the stream is over.

        What came out before damage is given, and the damage raised by the next call.
        """
        if self._broken:
            raise DamagedError(self._broken)
        fields = self._fields
        held = ctypes.c_char_p(data)
        fields.next_in, fields.avail_in = ctypes.cast(held, ctypes.c_void_p).value, len(data)
        fields.next_out, fields.avail_out = ctypes.addressof(self._buffer), _OUTPUT
        code = _zlib.inflate(self._where, ctypes.c_int(flush))
        out = ctypes.string_at(self._buffer, _OUTPUT - fields.avail_out)
        if code not in (_OK, _END, _NO_PROGRESS):
            self._broken = f"deflate: {(fields.msg or b'error %d' % code).decode('ascii', 'replace')}"
            if not out:
                raise DamagedError(self._broken)
        return out, len(data) - fields.avail_in, code == _END

    @property
    def bits(self) -> int:
        """Bits of the last byte that belong to the next block; -1 when no block begins here, or none follows."""
        kind = self._fields.data_type
        return kind & 7 if kind & 128 and not kind & 64 else -1

    def window(self) -> bytes:
        """The last 32 KiB that came out."""
        held, size = ctypes.create_string_buffer(_WINDOW), ctypes.c_uint(0)
        _zlib.inflateGetDictionary(self._where, held, ctypes.byref(size))
        return held.raw[: size.value]


class Inflated:
    """The plain bytes of a DEFLATE stream or of gzip members one after the other, never more than `most` of them.

    Without an `index` the stream is gone through at opening, and `crc` is the CRC-32 of everything; or, where it is
    `lazy`, as far as somebody reads: `size` is a bound until the end was reached. What cannot be inflated is left off,
    and `damage` says why.
    """

    def __init__(
        self, medium: Medium, wbits: int, most: int = _MOST, index: Index | None = None, *, lazy: bool = False
    ) -> None:
        self.medium, self.damage, self.crc = medium, "", 0
        self._wbits, self._stride = wbits, _STRIDE
        self._points = list(index.points) if index else [Point(0, 0)]
        self.complete = index is not None
        self.size = self.present = index.size if index else most
        self.damage = index.damage if index else ""
        self._rewind(self._points[0])
        if not lazy:
            self.finish()

    def finish(self) -> None:
        """Go through the rest."""
        while not self.complete and self._out + len(self._piece) < self.size and self._grow():
            self.crc = crc32(self._piece, self.crc)
        self.complete = True

    def _grow(self) -> bool:
        """One step beyond what is known; sets the size where that is the end."""
        try:
            if self._step():
                return True
            why = "" if self._ended else "the packed stream ends before its end"
        except DamagedError as error:
            why = str(error)
        if not self.complete:
            self.size = self.present = min(self.size, self._out + len(self._piece))
            self.damage, self.complete = why, True
        return False

    @property
    def index(self) -> Index:
        """What another process needs to start at any place."""
        return Index(self.size, self.damage, tuple(self._points))

    def _rewind(self, point: Point) -> None:
        self._out, self._at, self._piece, self._ended = point.out, point.at, b"", False
        self._bare = point.bits >= 0 and self._wbits == GZIP
        self._state = _Inflater(self._wbits if point.bits < 0 else RAW)
        if point.bits >= 0:
            before = self.medium.pread(point.at - 1, 1) if point.bits else b""
            try:
                self._state.resume(point.bits, before[0] if before else 0, zlib.decompress(point.window))
            except zlib.error as error:
                raise DamagedError(f"a note about a packed stream: {error}") from error
        self._data, self._base = b"", point.at

    def _step(self) -> bool:
        """Inflate the next piece; False when there is none."""
        while not self._ended:
            done = self._out + len(self._piece)
            due = not self.complete and done - self._points[-1].out >= self._stride
            if not (data := self._ahead()):
                return False
            piece, used, over = self._state.run(data, _BLOCK if due else _NO_FLUSH)
            self._at += used
            if due and not over and self._state.bits >= 0:
                self._keep(done + len(piece))
            if over:
                self._next()
            elif not used and not piece:
                if len(data) < min(_INPUT, self.medium.size - self._at):
                    self._base, self._data = self._at, self.medium.pread(self._at, _INPUT)
                    continue
                raise DamagedError("deflate: the stream stands still")
            if piece:
                self._out, self._piece = done, piece
                return True
        return False

    def _ahead(self) -> bytes:
        """What is not yet inflated of the packed bytes read last, or the next ones."""
        if self._at >= self._base + len(self._data):
            self._base, self._data = self._at, self.medium.pread(self._at, _INPUT)
        return self._data[self._at - self._base :]

    def _next(self) -> None:
        if self._bare:
            self._at += _TRAILER
        if self._wbits == GZIP and self.medium.pread(self._at, 3) == _MAGIC:
            self._state, self._bare = _Inflater(GZIP), False
        else:
            self._ended = True

    def _keep(self, out: int) -> None:
        self._points.append(Point(out, self._at, self._state.bits, zlib.compress(self._state.window(), 1)))
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
                if not self._grow():
                    n = min(n, self.size - offset)
                    if n > 0:
                        raise DamagedError("deflate: the stream ends before it should")
                continue
            part = self._piece[offset - self._out : offset - self._out + n]
            found.append(part)
            offset, n = offset + len(part), n - len(part)
        return found[0] if len(found) == 1 else b"".join(found)
