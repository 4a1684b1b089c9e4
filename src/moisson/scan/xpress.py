"""Plain LZ77 of MS-XCA 2.4, and the blocks of a hibernation file of Windows XP to 7 that hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.scan.lznt1 import copy

if TYPE_CHECKING:
    from moisson.reader import Reader

SIGNATURE = b"\x81\x81xpress"
_HEAD = 32
_PAGE = 4096


def block(source: Reader, limit: int) -> tuple[bytes, int]:
    """The pages of one block: signature, number of pages less one, size of the compressed data."""
    head = source.pread(0, _HEAD)
    if head[:8] != SIGNATURE or len(head) < _HEAD:
        raise DamagedError("no hibernation block")
    pages = head[8] + 1
    size = (int.from_bytes(head[9:13], "little") >> 10) + 1
    if size > pages * _PAGE or pages > 16:
        raise DamagedError("a hibernation block of impossible size")
    body = source.pread(_HEAD, size)
    if size == pages * _PAGE:
        return body[:limit], _HEAD + size
    return decompress(body, min(limit, pages * _PAGE)), _HEAD + size


def decompress(data: bytes, limit: int) -> bytes:
    """At most `limit` bytes; what stands before damage is kept."""
    out, at, end = bytearray(), 0, len(data)
    flags, bits, nibble = 0, 0, -1
    while len(out) < limit:
        if not bits:
            if at + 4 > end:
                break
            flags, bits = int.from_bytes(data[at : at + 4], "little"), 32
            at += 4
        bits -= 1
        if not flags >> bits & 1:
            if at >= end:
                break
            out.append(data[at])
            at += 1
            continue
        if at + 2 > end:
            break
        token = data[at] | data[at + 1] << 8
        at += 2
        back, length = (token >> 3) + 1, token & 7
        if length == 7:
            if nibble < 0:
                if at >= end:
                    break
                nibble = at
                length = data[at] & 15
                at += 1
            else:
                length, nibble = data[nibble] >> 4, -1
            if length == 15:
                length, at = _long(data, at)
            else:
                length += 7
        if back > len(out) or length < 0:
            break
        copy(out, back, min(length + 3, limit - len(out)))
    return bytes(out)


def _long(data: bytes, at: int) -> tuple[int, int]:
    """A length that did not fit, less three; -1 for damage."""
    length = data[at] if at < len(data) else 255
    at += 1
    if length < 255:
        return length + 22, at
    length = int.from_bytes(data[at : at + 2], "little")
    at += 2
    if not length:
        length = int.from_bytes(data[at : at + 4], "little")
        at += 4
    return (length if length >= 22 else -1), at
