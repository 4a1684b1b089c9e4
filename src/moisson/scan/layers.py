"""Where a layer may begin: the first bytes are tried, and what comes out is kept when it tells something."""

from __future__ import annotations

import binascii
import re
from array import array
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from moisson import native
from moisson.errors import EvidenceError
from moisson.reader import Reader, Window
from moisson.scan import hiber, lznt1, outlook, xmltext
from moisson.scan.anchors import Plain
from moisson.scan.decode import Decoded, decode
from moisson.scan.gates import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.scan.anchors import Event, Matcher
    from moisson.scan.block import Block
    from moisson.scan.sweep import Options

_HEADS = {
    "gzip": 4, "zip": 4, "zlib": 3, "xz": 6, "bzip2": 10, "zstd": 4, "xpress": 8, "mam": 8, "quoted": 6, "percent": 6,
}  # fmt: skip
_LEAST = 24
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_UTF8 = re.compile(rb"(?:[\t\n\r\x20-\x7e]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}){9}")
_QUAD = rb"[CDI-f][AC-HQS-Xgi-nwy-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589]."
# Two quads of ASCII, Arabic, the magic numbers, UTF-16 of both orders, and hexadecimal of text or magic numbers.
_HEXADECIMAL = rb"[2-7][0-9A-Fa-f]"
_FIRSTS = (
    _QUAD + _QUAD,
    *(_HEXADECIMAL + b"".join(three) for three in product((_HEXADECIMAL, rb"0[09aAdD]"), repeat=3)),
    *rb"""
    2[I-LY-bo-r4-7][DHLPTXbfjnrvz37/] H4sI UEsD JVBE /9j/ /Td6 Qlpo 0M8R U1FM 77u/ //4 /v8 [C-f][AQgw][AB].A
    A[A-H][A-Z0-9a-z]A [Jw]w[YZab] 0[09aAdD][2-7] [dD][89abAB][89abAB] 1[fF]8[bB] 504[bB] 2550 [fF][dDfF]
    0[0-9a-fA-F]06 [2-4][0-9a-fA-F]06
    """.split(),
)
_FIRST = re.compile(b"|".join(_FIRSTS))
_ALL = bytes(range(256))
_EACH = [bytes((byte,)) for byte in range(256)]
_DIGITS = re.compile(rb"[0-9A-Fa-f]*")
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\r") + b"\x7f"
_MAGICS = (b"\x1f\x8b\x08", b"PK\3\4", b"%PDF", b"\xfd7zXZ", b"BZh", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"SQLite f")
_DIGESTS = frozenset({32, 40, 48, 56, 64, 96, 128})
RUN = 32
BASE58 = b"13T"
_HEAD = 40
_LETTERS = re.compile(rb"[A-Za-z0-9+/]{40}")
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SAFE_LETTERS = re.compile(rb"[A-Za-z0-9_-]{40}")
_DASHES = (b"-", b"_")
_TO_PLAIN = bytes.maketrans(b"-_", b"+/")
_REACH = 2048
_LONGEST = 100
# The second byte of a chunk of NTFS's compression.
_PACKED = re.compile(rb"[\xb0-\xbf]")
_FEW = re.compile(b"[\1-%c]" % hiber.PAGES)
# So much may come out of the sets of pages in one block; memory is packed to a third or so.
_SETS = 32 << 20


class Layer(NamedTuple):
    """A layer that was opened: where it begins and ends in the block, and what it holds."""

    start: int
    end: int
    scheme: str
    data: bytes
    whole: bool


def begin(name: str, block: Block, end: int, options: Options) -> Layer | None:
    """The layer whose anchor ends here, if one does begin."""
    if name == "run":
        return _text_layer(block, end - RUN, options)
    start = end if name == "pdf" else end - _HEADS[name]
    if not block.first <= start < block.stop:
        return None
    if name in ("pdf", "zlib") and not _may_deflate(block.data, start):
        return None
    if name == "zip" and block.data[start + 8 : start + 10] == b"\0\0":
        return None
    return _open(block, start, name, options)


def with_text(layer: Layer) -> list[Layer]:
    """The layer, and the joined text of a document whose words markup may cut up."""
    if layer.scheme != "zip" or not xmltext.holds_runs(layer.data):
        return [layer]
    return [layer, layer._replace(scheme="zip/@0/xmltext", data=xmltext.joined(layer.data))]


def _may_deflate(data: bytes, start: int) -> bool:
    return native.code.deflated(data, start) if native.code else _deflated(data[start : start + 16])


def _deflated(head: bytes) -> bool:
    """Whether a zlib header is followed by a block that may begin so (RFC 1950, RFC 1951 3.2.3)."""
    if len(head) < 8 or head[0] & 15 != 8 or head[0] >> 4 > 7 or (head[0] << 8 | head[1]) % 31 or head[1] & 32:
        return False
    kind = head[2] >> 1 & 3
    if kind == 0:
        return head[3] ^ head[5] == 255 and head[4] ^ head[6] == 255
    if kind == 1:
        return _fixed(head[2:])
    if kind != 2:
        return False
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


def _fixed(data: bytes) -> bool:
    """Whether the symbols of a block of fixed codes copy only what is there already, as far as the bytes go (RFC 1951
    3.2.5 and 3.2.6).
    """
    bits = f"{int.from_bytes(data, 'little'):0{8 * len(data)}b}"[::-1]
    at, made = 3, 0
    while at + 9 <= len(bits):
        symbol, code = 256 + int(bits[at : at + 7], 2), int(bits[at : at + 8], 2)
        if symbol >= 280:
            if not 0xC0 <= code < 0xC8:
                at, made = at + (8 if code < 0xC0 else 9), made + 1
                continue
            symbol, at = 280 + code - 0xC0, at + 1
        at += 7
        if symbol in (256, 286, 287):
            return symbol == 256
        more = 0 if symbol < 265 or symbol == 285 else (symbol - 261) // 4
        least = symbol - 254 if symbol < 265 else 258 if symbol == 285 else ((4 + (symbol - 265) % 4) << more) + 3
        if at + more + 5 > len(bits):
            return True
        length, at = least + _number(bits, at, more), at + more + 5
        far = int(bits[at - 5 : at], 2)
        further = 0 if far < 4 else (far - 2) // 2
        if far < 30 and at + further > len(bits):
            return True
        if far > 29 or (far if far < 4 else (2 + (far & 1)) << further) + _number(bits, at, further) >= made:
            return False
        at, made = at + further, made + length
    return True


def _number(bits: str, at: int, count: int) -> int:
    return int(bits[at : at + count][::-1] or "0", 2)


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


@cache
def signs() -> array[int]:
    """For each of the first eight signs and each byte in it, a bit for each row of the first digits that allows it."""
    table = array("Q", bytes(8 * 8 * 256))
    for row, firsts in enumerate(_FIRSTS):
        parts = [re.compile(part, re.DOTALL) for part in re.findall(rb"\[[^]]*\]|.", firsts)]
        for place in range(8):
            for allowed in parts[place].findall(_ALL) if place < len(parts) else _EACH:
                table[256 * place + allowed[0]] |= 1 << row
    return table


def promising(block: Block, anchors: Matcher | Plain, start: int, stop: int) -> list[Event]:
    """The events of plain text but for runs whose first digits cannot be those of text, a known format, or an address
    in Base58, and among which no page begins.
    """
    data = block.data
    if isinstance(anchors, Plain):
        return anchors.promising(data, start, stop, signs(), block.at)
    run = anchors.seeks.index("run")
    return [(end, number) for end, number in anchors.match(data, start, stop) if number != run or _promises(block, end)]


def _promises(block: Block, end: int) -> bool:
    """Whether a run of 32 digits that ends here may be worth a look."""
    data, start = block.data, end - RUN
    return (
        _FIRST.match(data, start) is not None
        or -(block.at + start) % PAGE < _HEAD
        or data[start] in BASE58
        or (data[start - 1] in b"-_" and _goes_on(data, start))
    )


def begins(block: Block, end: int) -> bool:
    """Whether a run whose first digit may be that of an address in Base58 rather begins as text or a format does.

    An address has 34 signs at most, or a hundred of a kind that is none of these.
    """
    start = end - RUN
    if _FIRST.match(block.data, start) is None and -(block.at + start) % PAGE >= _HEAD:
        return False
    return _LETTERS.match(block.data, start) is not None


def _goes_on(data: bytes, start: int) -> bool:
    """Whether a run of the letters for URLs that goes on here has such first digits."""
    head = _head_of(data, start)
    return _FIRST.match(data[head : head + 12].translate(_TO_PLAIN)) is not None


def _head_of(data: bytes, start: int) -> int:
    """Where a run of the letters for URLs begins that goes on here."""
    before = data[max(0, start - _REACH) : start]
    return start - len(before) + len(before.rstrip(_SAFE))


def _text_layer(block: Block, start: int, options: Options) -> Layer | None:
    """Base64 or hexadecimal digits that hold text or a known format.

    What ends a page before may look like the first digits, so that a run is tried again from the page on.
    """
    data, gap = block.data, -(block.at + start) % PAGE
    for at in (start, start + gap) if 0 < gap < _HEAD else (start,):
        head = data[at : at + _HEAD]
        if not _LETTERS.fullmatch(head):
            continue
        scheme = "hex" if _HEX.fullmatch(head) else "base64"
        if not _tells(_sample(head, scheme)) or not block.first <= at < block.stop or _is_digest(data, at):
            continue
        source = Reader(Window(block.source.medium, block.at + at, block.source.size - block.at - at))
        try:
            found = decode(scheme, source, options.layer)
        except EvidenceError:
            continue
        if data[at + found.used : at + found.used + 1] in _DASHES and (layer := _for_urls(block, at, options)):
            return layer
        if len(found.data) >= _LEAST:
            known = _continues(block, at, scheme)
            return Layer(at, at + found.used, scheme, b"" if known else found.data, True)
    if data[start - 1 : start] in _DASHES:
        return _for_urls(block, _head_of(data, start), options)
    return None


def _for_urls(block: Block, at: int, options: Options) -> Layer | None:
    """A run in the letters for URLs, if one begins here that tells something."""
    head = block.data[at : at + _HEAD]
    if not block.first <= at < block.stop or not _SAFE_LETTERS.fullmatch(head):
        return None
    return _open(block, at, "base64url", options) if _tells(_sample(head.translate(_TO_PLAIN), "base64")) else None


def _continues(block: Block, start: int, scheme: str) -> bool:
    """Whether the first line of a block goes on with what began in the block before, and was opened there."""
    if start - block.first > _LONGEST or block.data[start - 1 : start] != b"\n":
        return False
    before = block.data.rfind(b"\n", max(0, start - _LONGEST), start - 1) + 1
    head = block.data[before : before + _HEAD]
    return before < block.first and len(head) == _HEAD and _tells(_sample(head, scheme))


def _is_digest(data: bytes, start: int) -> bool:
    """Whether as many hexadecimal digits stand here as digests have, and no further line of them."""
    line = _DIGITS.match(data, start)
    if not line or line.end() - start not in _DIGESTS:
        return False
    after = data[line.end() : line.end() + 3].strip(b"\r\n")[:1]
    return not after or not _HEX.fullmatch(after)


def _sample(head: bytes, scheme: str) -> bytes:
    """The first digits decoded, or none."""
    try:
        return binascii.unhexlify(head) if scheme == "hex" else binascii.a2b_base64(head)
    except binascii.Error:
        return b""


def _tells(sample: bytes) -> bool:
    """Whether bytes begin like text, or like a format that may hold some."""
    if sample.isascii():
        return len(sample.translate(None, _CONTROLS)) >= len(sample) - 1 > 0
    if sample.startswith(_MAGICS) or _UTF8.match(sample):
        return True
    zeros, sixes = sample.count(0), sample.count(6)
    return zeros + sixes > 0.4 * len(sample) and any(
        half.count(0) + half.count(6) > 0.7 * len(half) for half in (sample[::2], sample[1::2])
    )


def unsigned(block: Block) -> Iterator[Layer]:
    """Layers that structure alone gives away: blocks of Outlook, and sets of pages of a hibernation file."""
    data, first, stop = block.data, block.first, block.stop
    for start, end, text in outlook.find(data, first, min(len(data), stop + outlook.MOST), block.at):
        if first <= start < stop:
            yield Layer(start, end, "outlook", text, True)
    covered, room = first, _SETS
    window = hiber.first(block.source.medium, data, first, min(stop, first + hiber.LONGEST), block.at)
    begins = [window] if window >= 0 else []
    page = first + -(first + block.at) % PAGE
    begins += [page + PAGE * m.start() for m in _FEW.finditer(data[page:stop:PAGE])]
    for at in begins:
        if at < covered or not hiber.header(data[at : at + hiber.HEAD]):
            continue
        for start, end in hiber.chain(block.source.medium, block.at + at, block.at + stop):
            covered = end - block.at
            pages = _pages_of(block, start - block.at, covered) if room > 0 else b""
            room -= len(pages)
            if pages:
                yield Layer(start - block.at, covered, "hiberset", pages, True)


def _pages_of(block: Block, start: int, end: int) -> bytes:
    """What a set of pages holds, or nothing where it is damaged."""
    try:
        return decode("hiberset", Reader(Window(block.source.medium, block.at + start, end - start))).data
    except EvidenceError:
        return b""


def by_page(data: bytes, start: int, stop: int, first: int, last: int) -> Iterator[Layer]:
    """Layers without a signature, which begin at a page: the compression of NTFS."""
    begin = -(-max(start, first) // PAGE) * PAGE
    for m in _PACKED.finditer(data[begin + 1 : min(stop, last) + 1 : PAGE]):
        at = begin + m.start() * PAGE
        if at < last:
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
