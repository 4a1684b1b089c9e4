"""The decompressors, all alike: chunks in, bounded chunks out, damage as `DamagedError`."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Any

import zstandard

from moisson.errors import DamagedError, UnsupportedError
from moisson.extract.unpack import PIECE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_DICTIONARY = 256 << 20
_FAULTS = (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, ValueError, EOFError)


class _Truncated(DamagedError):
    """The input ended before the stream did."""


def deflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Raw DEFLATE (RFC 1951)."""
    return _decode(zlib.decompressobj(-15), iter(chunks), b"", "deflate")


def bzip2(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """bzip2, several streams joined."""
    return _members(chunks, bz2.BZ2Decompressor, "bzip2")


def gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Gzip members (RFC 1952), joined."""
    return _members(chunks, lambda: zlib.decompressobj(31), "gzip")


def xz(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Xz streams, joined, and their padding."""
    return _members(chunks, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY + (64 << 20)), "xz")


def lzma_alone(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The older .lzma container."""
    return _members(chunks, lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MAX_DICTIONARY * 2), "lzma")


def raw_lzma(chunks: Iterable[bytes], filters: list[dict[str, Any]], size: int) -> Iterator[bytes]:
    """LZMA1, LZMA2 and the branch filters without a container, up to `size` bytes."""
    if any(f.get("dict_size", 0) > MAX_DICTIONARY for f in filters):
        raise UnsupportedError("LZMA dictionary above 256 MiB")
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
    except (lzma.LZMAError, ValueError, TypeError, OverflowError) as why:
        raise UnsupportedError(f"LZMA filters: {why}") from why
    left = size
    for piece in _decode(decoder, iter(chunks), b"", "LZMA"):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Zstandard frames (RFC 8878), joined."""
    new = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY // 2)
    return _members(chunks, lambda: _Zstd(new), "zstd")


class _Zstd:
    """A frame of Zstandard with the manners of the standard library's decompressors."""

    def __init__(self, new: zstandard.ZstdDecompressor) -> None:
        self._inner = new.decompressobj(write_size=PIECE)
        self.eof, self.unused_data, self.unconsumed_tail = False, b"", b""

    def decompress(self, data: bytes, _: int) -> bytes:
        step, rest = data[:16384], data[16384:]
        out: bytes = self._inner.decompress(step) if step else b""
        self.eof = self._inner.eof
        self.unused_data, self.unconsumed_tail = (self._inner.unused_data + rest, b"") if self.eof else (b"", rest)
        return out


def _decode(decoder: Any, feed: Iterator[bytes], data: bytes, what: str) -> Iterator[bytes]:
    """Run one decompressor to its end mark."""
    while not decoder.eof:
        try:
            out = decoder.decompress(data, PIECE)
        except _FAULTS as why:
            raise DamagedError(f"{what}: {why}") from why
        data = getattr(decoder, "unconsumed_tail", b"")
        if out:
            yield out
        elif not data and not decoder.eof and not (data := next(feed, b"")):
            raise _Truncated(f"{what}: the stream breaks off")


def _members(chunks: Iterable[bytes], new: Callable[[], Any], what: str) -> Iterator[bytes]:
    """Streams one after the other; what follows the last and is no stream is left alone."""
    feed, data, finished = iter(chunks), b"", 0
    while data := (data.lstrip(b"\0") if finished else data) or next(feed, b""):
        decoder, produced = new(), False
        try:
            for out in _decode(decoder, feed, data, what):
                produced = True
                yield out
        except DamagedError:
            if finished and not produced:
                return
            raise
        data, finished = decoder.unused_data, finished + 1
    if not finished:
        raise _Truncated(f"{what}: empty")
