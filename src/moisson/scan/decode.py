"""Layers inside raw bytes: each decoder takes what begins at the first byte of a reader and says how much it used.

These are the schemes without a locator that may follow a range in an address, as in `E3/@756745/zip/@3418/gzip`.
"""

from __future__ import annotations

import binascii
import bz2
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import zstandard
from isal import isal_zlib

from moisson.errors import AddressError, DamagedError, UnsupportedError
from moisson.evidence.unpacking import unpack_xpress
from moisson.reader import Reader, Window
from moisson.scan import escaped, hiber, lznt1, outlook, pdftext, xmltext, xpress
from moisson.scan.positions import gps

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 64 << 20
_FIRST, _PIECE = 1 << 12, 1 << 17
_FAULTS: Any = (isal_zlib.error, zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, ValueError, EOFError)
_DICTIONARY = 64 << 20
_DIGITS = 16 << 20
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{2,}(?:\r?\n)?)+={0,2}")
_URL = re.compile(rb"(?:[A-Za-z0-9_-]{2,}(?:\r?\n)?)+={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2,}(?:\r?\n)?)+")
_SAFE = bytes.maketrans(b"-_", b"+/")
_CHARSETS = {
    "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf32le": "utf-32-le", "utf32be": "utf-32-be",
    "cp1256": "cp1256", "iso88596": "iso8859-6", "latin1": "latin-1",
}  # fmt: skip


class Decoded(NamedTuple):
    """What came out, how many bytes it took, and whether the stream reached its own end."""

    data: bytes
    used: int
    whole: bool


def decode(scheme: str, source: Reader, limit: int = LIMIT) -> Decoded:
    """Decode one layer, at most `limit` bytes of it; a damaged end keeps what came before.

    Raises `DamagedError` where nothing came out, `UnsupportedError` for a variant nobody reads, and `AddressError` for
    a scheme that is none of these.
    """
    decoder = DECODERS.get(scheme)
    if decoder is None:
        raise AddressError(f"no layer {scheme} in raw bytes")
    found = decoder(source, limit)
    if not found.data:
        raise DamagedError(f"nothing comes out of this {scheme}")
    return found


def open_layer(source: Reader, scheme: str) -> Reader:
    """The bytes a layer leads to, for an address that is resolved again."""
    return Reader.of(decode(scheme, source).data)


def _stream(engine: Any, source: Reader, limit: int, at: int = 0) -> Decoded:
    """Feed a decompressor piece by piece; the first piece is small, for most beginnings are none."""
    out, size, start, piece = [], 0, at, _FIRST
    try:
        while size < limit and not engine.eof:
            fed = source.pread(at, piece)
            if not fed:
                break
            at += len(fed)
            made = engine.decompress(fed, limit - size)
            size += len(made)
            out.append(made)
            piece = _PIECE
    except _FAULTS:
        return Decoded(b"".join(out), at - start, False)
    spare = len(getattr(engine, "unused_data", b"")) if engine.eof else 0
    return Decoded(b"".join(out), at - start - spare, bool(engine.eof))


def _gzip(source: Reader, limit: int) -> Decoded:
    return _stream(isal_zlib.decompressobj(31), source, limit)


def _zlib(source: Reader, limit: int) -> Decoded:
    return _stream(isal_zlib.decompressobj(15), source, limit)


def _xz(source: Reader, limit: int) -> Decoded:
    return _stream(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_DICTIONARY * 2), source, limit)


def _bzip2(source: Reader, limit: int) -> Decoded:
    return _stream(bz2.BZ2Decompressor(), source, limit)


def _zstd(source: Reader, limit: int) -> Decoded:
    out, size, end = [], 0, 0
    try:
        end = _frame(source)
        frame = Reader(Window(source.medium, 0, min(end, source.size)))
        reader = zstandard.ZstdDecompressor(max_window_size=_DICTIONARY).stream_reader(frame.file())
        while size < limit and (made := reader.read(min(_PIECE, limit - size))):
            out.append(made)
            size += len(made)
    except _FAULTS:
        return Decoded(b"".join(out), 4, False)
    whole = end <= source.size and size < limit
    return Decoded(b"".join(out), end if whole else 4, whole)


def _frame(source: Reader) -> int:
    """How long a Zstandard frame is (RFC 8878 3.1.1): its header, its blocks, its checksum."""
    head = source.head(18)
    at = int(zstandard.frame_header_size(head))
    last = False
    while not last and at < source.size:
        word = int.from_bytes(source.pread(at, 3), "little")
        last, kind, size = bool(word & 1), word >> 1 & 3, word >> 3
        at += 3 + (1 if kind == 1 else size)
    return at + 4 * bool(zstandard.get_frame_parameters(head).has_checksum)


def _zip(source: Reader, limit: int) -> Decoded:
    """A member from its local header (APPNOTE 4.3.7), whatever the directory says."""
    head = source.pread(0, 30)
    if len(head) < 30 or head[:4] != b"PK\3\4":
        raise DamagedError("no local header")
    flags, method = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    size = int.from_bytes(head[18:22], "little")
    start = 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    if flags & 1:
        raise UnsupportedError("an encrypted member")
    if method == 0:
        if flags & 8 or not 0 < size <= limit:
            raise UnsupportedError("a stored member of unknown size")
        data = source.pread(start, size)
        return Decoded(data, start + len(data), len(data) == size)
    engines: dict[int, Callable[[], Any]] = {8: lambda: isal_zlib.decompressobj(-15), 12: bz2.BZ2Decompressor}
    engine = engines.get(method, lambda: None)()
    if engine is None:
        raise UnsupportedError(f"compression method {method}")
    found = _stream(engine, source, limit, start)
    return found._replace(used=found.used + start)


def _pdf(source: Reader, limit: int) -> Decoded:
    """A Flate stream of a PDF (ISO 32000-2 7.4.4); one that draws text gives its text."""
    found = _zlib(source, limit)
    return found._replace(data=pdftext.shown(found.data))


def _run(pattern: re.Pattern[bytes], source: Reader, most: int) -> bytes:
    """The run of digits at the beginning, read in growing pieces."""
    size = 1 << 14
    while True:
        data = source.pread(0, min(size, most))
        m = pattern.match(data)
        if not m:
            raise DamagedError("no digits")
        if m.end() < len(data) - 4 or len(data) < size or size >= most:
            return m[0]
        size *= 8


def _base64(source: Reader, limit: int) -> Decoded:
    return _letters(_run(_BASE64, source, min(limit * 3 // 2, _DIGITS)), limit)


def _base64url(source: Reader, limit: int) -> Decoded:
    """The alphabet for URLs and file names (RFC 4648 5), mostly without padding."""
    run = _run(_URL, source, min(limit * 3 // 2, _DIGITS))
    return _letters(run, limit, run.translate(_SAFE))


def _letters(run: bytes, limit: int, digits: bytes = b"") -> Decoded:
    text = (digits or run).translate(None, b"\r\n=")
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        return Decoded(binascii.a2b_base64(text + b"=" * (-len(text) % 4))[:limit], len(run), True)
    except binascii.Error as error:
        raise DamagedError("no Base64") from error


def _hex(source: Reader, limit: int) -> Decoded:
    run = _run(_HEX, source, min(limit * 5 // 2, _DIGITS))
    text = run.replace(b"\n", b"").replace(b"\r", b"")
    return Decoded(binascii.unhexlify(text[: len(text) & ~1])[:limit], len(run), True)


def _lznt1(source: Reader, limit: int) -> Decoded:
    return Decoded(*lznt1.decompress(source, min(limit, 1 << 20)), True)


def _xpress(source: Reader, limit: int) -> Decoded:
    return Decoded(*xpress.block(source, limit), True)


def _mam(source: Reader, limit: int) -> Decoded:
    """A file as the system prefetches one (`MAM`): the size unpacked, perhaps a checksum, XPRESS with Huffman codes."""
    head = source.pread(0, 8)
    if len(head) < 8 or head[:3] != b"MAM" or head[3] & 0x7F != 4:
        raise DamagedError("no packed file of the system")
    start = 12 if head[3] & 0x80 else 8
    size = int.from_bytes(head[4:], "little")
    data, used = unpack_xpress(source.pread(start, min(size + size // 2 + 1024, limit)), min(size, limit))
    return Decoded(data, start + used, len(data) == size)


def _hiberset(source: Reader, limit: int) -> Decoded:
    return Decoded(*hiber.block(source, limit), True)


def _outlook(source: Reader, limit: int) -> Decoded:
    return Decoded(*outlook.block(source, limit), True)


def _escaped(measure: Callable[[bytes], int], undo: Callable[[bytes], bytes]) -> Callable[[Reader, int], Decoded]:
    def read(source: Reader, limit: int) -> Decoded:
        raw = source.pread(0, min(limit, escaped.MOST))
        used = measure(raw)
        return Decoded(undo(raw[:used]), used, True)

    return read


def _charset(name: str) -> Callable[[Reader, int], Decoded]:
    def read(source: Reader, limit: int) -> Decoded:
        raw = source.pread(0, min(source.size, limit))
        return Decoded(raw.decode(name, "replace").encode("utf-8", "replace"), len(raw), True)

    return read


def _xml(source: Reader, limit: int) -> Decoded:
    data = source.pread(0, min(source.size, limit))
    return Decoded(xmltext.joined(data), len(data), True)


def _position(source: Reader, limit: int) -> Decoded:
    block = source.pread(0, min(limit, 65536))
    return Decoded(gps(block).encode(), len(block), True)


DECODERS: dict[str, Callable[[Reader, int], Decoded]] = {
    "gzip": _gzip, "zlib": _zlib, "zip": _zip, "pdf": _pdf, "xz": _xz, "bzip2": _bzip2, "zstd": _zstd,
    "base64": _base64, "hex": _hex, "lznt1": _lznt1, "xpress": _xpress, "xmltext": _xml, "gps": _position,
    "base64url": _base64url, "mam": _mam, "hiberset": _hiberset, "outlook": _outlook,
    "quoted": _escaped(escaped.quoted, escaped.unquote), "percent": _escaped(escaped.percent, escaped.unescape),
    **{scheme: _charset(name) for scheme, name in _CHARSETS.items()},
}  # fmt: skip
