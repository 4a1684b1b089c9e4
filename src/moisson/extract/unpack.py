"""Decompressed bytes on demand, within bounds: small ones whole, large ones as a stream that may start again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.address import Layer, encode
from moisson.errors import DamagedError, LimitError
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEEP = 64 << 20
MAX_MEMBER = 1 << 30
PIECE = 1 << 18
_HEAD = 1 << 20

Source = "Callable[[], Iterator[bytes]]"


class Stream:
    """A medium behind a decompressor: forward reading is one pass, going back decodes again.

    The first MiB and the latest one stay in memory.
    """

    def __init__(self, make: Callable[[], Iterator[bytes]], size: int) -> None:
        self.size = self.present = size
        self._make = make
        self._head = b""
        self._restart()

    def _restart(self) -> None:
        self._pieces = self._make()
        self._window, self._base = bytearray(), 0

    def pread(self, offset: int, n: int) -> bytes:
        end = min(offset + n, self.size)
        if end <= offset:
            return b""
        if end <= len(self._head):
            return self._head[offset:end]
        if offset < self._base:
            self._restart()
        while self._base + len(self._window) < end:
            self._pull(offset)
        start = offset - self._base
        return bytes(self._window[start : start + end - offset])

    def _pull(self, wanted: int) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise DamagedError("the stream ends before its declared size")
        self._window += piece
        if self._base == 0 and len(self._head) < _HEAD:
            self._head = bytes(self._window[:_HEAD])
        spare = min(wanted - self._base, len(self._window)) - _HEAD
        if spare > _HEAD:
            del self._window[:spare]
            self._base += spare


def reader_of(make: Callable[[], Iterator[bytes]], size: int | None) -> Reader:
    """A reader of what `make` yields; never more than `size` where that is declared, nor more than 1 GiB.

    Up to 64 MiB are decoded at once, so that damage shows here as `DamagedError` and not later.
    """
    if size is not None and size > MAX_MEMBER:
        raise LimitError(f"{size} bytes, more than {MAX_MEMBER} in one member")
    kept: list[bytes] = []
    total = 0
    if size is not None and size > KEEP:
        return Reader(Stream(make, size))
    for piece in make():
        total += len(piece)
        if size is not None and total > size:
            raise LimitError(f"more bytes come out than the {size} declared")
        if total > MAX_MEMBER:
            raise LimitError(f"more than {MAX_MEMBER} bytes in one member")
        if total <= KEEP:
            kept.append(piece)
        else:
            kept.clear()
    if size is not None and total < size:
        raise DamagedError(f"{total} of {size} bytes come out")
    return Reader.of(b"".join(kept)) if total <= KEEP else Reader(Stream(make, total))


class Names:
    """Layers for member names: a name that comes again gets `#2`, `#3` … after it."""

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self._seen: dict[str, int] = {}

    def layer(self, name: str) -> Layer:
        """The layer of the next member of that name."""
        count = self._seen[name] = self._seen.get(name, 0) + 1
        return Layer(self.scheme, encode(name or "-") + (f"#{count}" if count > 1 else ""))


class Solid:
    """Many members in one stream: decoded once in order, kept while small, decoded again only when asked backwards."""

    def __init__(self, make: Callable[[], Iterator[bytes]], size: int) -> None:
        self._make, self._size = make, size
        self._whole: bytes | None = None
        self._stream = Stream(make, size) if size > KEEP else None

    def take(self, start: int, size: int) -> Reader:
        """The reader of one member; large ones read from a pass of their own."""
        if size > MAX_MEMBER:
            raise LimitError(f"{size} bytes, more than {MAX_MEMBER} in one member")
        if self._stream is None:
            return Reader.of(self._all(start + size)[start : start + size])
        if size <= KEEP:
            return Reader.of(self._stream.pread(start, size))
        return Reader(Stream(lambda: _slice(self._make(), start, size), size))

    def _all(self, need: int) -> bytes:
        if self._whole is None:
            kept: list[bytes] = []
            total = 0
            try:
                for piece in self._make():
                    kept.append(piece[: self._size - total])
                    total += len(kept[-1])
                    if total >= self._size:
                        break
            except DamagedError:
                if total < need:
                    raise
            self._whole = b"".join(kept)
        if len(self._whole) < need:
            raise DamagedError(f"only {len(self._whole)} bytes of the packed stream can be read")
        return self._whole


def _slice(pieces: Iterator[bytes], start: int, size: int) -> Iterator[bytes]:
    at = 0
    for piece in pieces:
        low, high = max(0, start - at), min(len(piece), start + size - at)
        if high > low:
            yield piece[low:high]
        at += len(piece)
        if at >= start + size:
            return
