"""Where a layer may begin: the first bytes are tried, and what comes out is kept when it tells something."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import EvidenceError
from moisson.reader import Reader, Window
from moisson.scan import lznt1
from moisson.scan.decode import Decoded, decode
from moisson.scan.gates import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.scan.block import Block
    from moisson.scan.sweep import Options

_HEADS = {"gzip": 4, "zip": 4, "zlib": 3, "xz": 6, "bzip2": 10, "zstd": 4, "xpress": 8}
_LEAST = 24
_SHOWN = re.compile(rb"[\t\n\r\x20-\x7e]*")
_HEX = re.compile(rb"[0-9A-Fa-f\r\n]*")
_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_MAGICS = (b"\x1f\x8b\x08", b"PK\3\4", b"%PDF", b"\xfd7zXZ", b"BZh", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"SQLite f")
_BREAKS = re.compile(rb"\r?\n")
_DIGESTS = frozenset({32, 40, 48, 56, 64, 96, 128})
_TRY = 384
_TEXT = 0.8


class Layer(NamedTuple):
    """A layer that was opened: where it begins and ends in the block, and what it holds."""

    start: int
    end: int
    scheme: str
    data: bytes
    whole: bool


def begin(name: str, block: Block, end: int, options: Options) -> Layer | None:
    """The layer whose anchor ends here, if one does begin."""
    if name == "base64":
        return _text_layer(block, end - 40, options)
    start = end if name == "pdf" else end - _HEADS[name]
    if not block.first <= start < block.stop:
        return None
    if name in ("pdf", "zlib") and not _deflated(block.data[start : start + 16]):
        return None
    if name == "zip" and block.data[start + 8 : start + 10] == b"\0\0":
        return None
    return _open(block, start, name, options)


def _deflated(head: bytes) -> bool:
    """Whether a zlib header is followed by a block that may begin so (RFC 1950, RFC 1951 3.2.3)."""
    if len(head) < 8 or head[0] & 15 != 8 or head[0] >> 4 > 7 or (head[0] << 8 | head[1]) % 31 or head[1] & 32:
        return False
    kind = head[2] >> 1 & 3
    if kind == 0:
        return head[3] ^ head[5] == 255 and head[4] ^ head[6] == 255
    if kind != 2:
        return kind == 1
    bits = int.from_bytes(head[2:], "little") >> 3
    literals, distances, count = bits & 31, bits >> 5 & 31, (bits >> 10 & 15) + 4
    if literals > 29 or distances > 29:
        return False
    bits >>= 14
    total = 0
    for _ in range(count):
        total += 128 >> (bits & 7) if bits & 7 else 0
        bits >>= 3
    return total == 128


def _open(block: Block, start: int, scheme: str, options: Options) -> Layer | None:
    source = Reader(Window(block.source.medium, block.at + start, block.source.size - block.at - start))
    try:
        found = decode(scheme, source, options.layer)
    except EvidenceError:
        return None
    if len(found.data) < (_LEAST if not found.whole else 1) or (scheme == "zlib" and not _worthy(found)):
        return None
    return Layer(start, start + found.used, scheme, found.data, found.whole)


def _worthy(found: Decoded) -> bool:
    """Two bytes are a weak promise: the stream must be whole, or long."""
    return found.whole or len(found.data) > 1024


def _text_layer(block: Block, start: int, options: Options) -> Layer | None:
    """Base64 or hexadecimal digits that hold text or a known format; other runs are passed over whole.

    What ends a page before may look like the first digits, so that a run is tried again from the page on.
    """
    data = block.data
    head = data[start : start + 40]
    scheme = "hex" if _HEX.fullmatch(head, 8) else "base64"
    if scheme == "base64" and (head.islower() or head.isupper() or head.isalpha() or head.count(b"/") > 5):
        return None
    line = _LINE.match(data, start)
    if not line or (scheme == "hex" and _is_digest(data, line)):
        return None
    page = (block.at + start + PAGE - 1) // PAGE * PAGE - block.at
    for at in {start, page} if page < start + 40 else {start}:
        sample = _sample(data[at : at + _TRY], scheme)
        if not _tells(sample) or not block.first <= at < block.stop:
            continue
        source = Reader(Window(block.source.medium, block.at + at, block.source.size - block.at - at))
        try:
            found = decode(scheme, source, options.layer)
        except EvidenceError:
            continue
        return Layer(at, at + found.used, scheme, found.data, True) if len(found.data) >= _LEAST else None
    return _passed(data, start, line)


def _is_digest(data: bytes, line: re.Match[bytes]) -> bool:
    """Whether as many digits stand here as digests have, and no further line of them."""
    if len(line[0]) not in _DIGESTS:
        return False
    after = data[line.end() : line.end() + 3].strip(b"\r\n")[:1]
    return not after or not _HEX.fullmatch(after)


def _sample(head: bytes, scheme: str) -> bytes:
    """The first bytes decoded, or none."""
    text = _BREAKS.sub(b"", head)
    try:
        if scheme == "hex":
            digits = _HEX.match(text)
            return binascii.unhexlify(text[: digits.end() & ~1]) if digits else b""
        line = _LINE.match(text)
        return binascii.a2b_base64(text[: len(line[0].rstrip(b"=")) & ~3]) if line else b""
    except binascii.Error:
        return b""


def _passed(data: bytes, start: int, first: re.Match[bytes]) -> Layer | None:
    """A run that tells nothing: no line of it need be tried again, unless it began in the middle of a line."""
    at = first.end() + 1 + (data[first.end() : first.end() + 2] == b"\r\n")
    second = _LINE.match(data, at)
    if second and len(second[0]) > len(first[0]):
        return None
    end = first.end()
    while second and end < start + (1 << 16):
        end = second.end()
        second = _LINE.match(data, end + 1 + (data[end : end + 2] == b"\r\n"))
    return Layer(start, end, "base64", b"", False)


def _tells(sample: bytes) -> bool:
    if sample.startswith(_MAGICS):
        return True
    if len(sample) < _LEAST:
        return False
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") > 2:
        zeros = max(sample[::2].count(0), sample[1::2].count(0))
        return zeros > 0.7 * (len(sample) // 2)
    shown = sum(c >= " " or c in "\t\n\r" for c in text)
    return shown >= _TEXT * len(text)


def by_page(data: bytes, start: int, stop: int, first: int, last: int) -> Iterator[Layer]:
    """Layers without a signature, which begin at a page: the compression of NTFS."""
    for at in range(-(-start // PAGE) * PAGE, stop, PAGE):
        if data[at + 1 : at + 2] and data[at + 1] >> 4 == 0xB and first <= at < last:
            head = data[at : at + 3 * 4100]
            if not _chained(head):
                continue
            source = Reader.of(data[at : at + (1 << 16) + PAGE])
            try:
                made, used = lznt1.decompress(source, 1 << 16)
            except EvidenceError:
                continue
            if len(made) >= _LEAST:
                yield Layer(at, at + used, "lznt1", made, True)


def _chained(head: bytes) -> bool:
    """Whether chunk follows chunk, or the end does."""
    at = 0
    for number in range(3):
        header = int.from_bytes(head[at : at + 2], "little")
        if number and (not header or at + 2 > len(head)):
            return True
        if header & 0x7000 != 0x3000 or (number == 0 and (head[2:3] or b"\1")[0] & 1):
            return False
        at += (header & 0xFFF) + 3
    return True
