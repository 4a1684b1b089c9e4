"""LZNT1 (MS-XCA 2.5): what NTFS compresses files with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import DamagedError

if TYPE_CHECKING:
    from moisson.reader import Reader

CHUNK = 4096
_CHAIN = 3


def begins(head: bytes) -> bool:
    """Whether chunks may begin here: a compressed one, and headers where the next ones must be, or the end."""
    at = 0
    for number in range(_CHAIN):
        header = int.from_bytes(head[at : at + 2], "little")
        if not header:
            return number > 0
        if header & 0x7000 != 0x3000 or at + 3 > len(head):
            return number > 1 and at + 3 > len(head)
        if number == 0 and (not header & 0x8000 or head[2] & 1 or header & 0xFFF < 4):
            return False
        at += (header & 0xFFF) + 3
    return True


def decompress(source: Reader, limit: int) -> tuple[bytes, int]:
    """All chunks that follow one another, and the bytes they took; raises `DamagedError` if not even one is whole."""
    out, at = bytearray(), 0
    data = source.pread(0, min(limit, 1 << 16))
    while len(out) < limit and at + 2 < len(data):
        header = int.from_bytes(data[at : at + 2], "little")
        size = (header & 0xFFF) + 1
        body = data[at + 2 : at + 2 + size]
        if header & 0x7000 != 0x3000 or not header or len(body) < size:
            break
        try:
            chunk = _chunk(body) if header & 0x8000 else body
        except DamagedError:
            if not out:
                raise
            break
        out += chunk
        at += 2 + size
        if len(chunk) < CHUNK:
            break
    return bytes(out[:limit]), at


def _chunk(body: bytes) -> bytes:
    out, at, end = bytearray(), 0, len(body)
    shift, border = 12, 16
    while at < end:
        flags = body[at]
        at += 1
        if not flags:
            out += body[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= end:
                break
            if not flags >> bit & 1:
                out.append(body[at])
                at += 1
                continue
            if at + 1 >= end:
                raise DamagedError("LZNT1 match cut off")
            token = body[at] | body[at + 1] << 8
            at += 2
            size = len(out)
            while size > border:
                border <<= 1
                shift -= 1
            back, length = (token >> shift) + 1, (token & ((1 << shift) - 1)) + 3
            if back > size or size + length > CHUNK:
                raise DamagedError("LZNT1 match out of reach")
            copy(out, back, length)
    if len(out) > CHUNK:
        raise DamagedError("LZNT1 chunk too long")
    return bytes(out)


def copy(out: bytearray, back: int, length: int) -> None:
    """Repeat what was written `back` bytes ago, which may overlap what is being written."""
    start = len(out) - back
    if back >= length:
        out += out[start : start + length]
    else:
        piece = bytes(out[start:])
        out += (piece * (length // back + 1))[:length]
