"""The source text of macros ([MS-OVBA] 2.4.1: the compressed container at the end of a module stream)."""

from __future__ import annotations

MAX_SOURCE = 8 << 20
_MARK = b"\0Attribut"


def source(stream: bytes) -> bytes:
    """The source in a module stream; empty if there is none."""
    at = stream.find(_MARK)
    start = at - 3
    if at < 3 or stream[start] != 1:
        return b""
    return unpack(stream, start)


def unpack(data: bytes, start: int) -> bytes:
    """Undo the compression of a container, as far as it is whole."""
    out = bytearray()
    at = start + 1
    while at + 2 <= len(data) and len(out) < MAX_SOURCE:
        header = int.from_bytes(data[at : at + 2], "little")
        if header & 0x7000 != 0x3000:
            break
        end = min(len(data), at + (header & 0xFFF) + 3)
        if header & 0x8000:
            _chunk(data, at + 2, end, out)
        else:
            out += data[at + 2 : end]
        at = end
    return bytes(out)


def _chunk(data: bytes, at: int, end: int, out: bytearray) -> None:
    first = len(out)
    while at < end:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= end:
                return
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            if at + 2 > end:
                return
            token = int.from_bytes(data[at : at + 2], "little")
            at += 2
            bits = max(4, (len(out) - first - 1).bit_length())
            length, offset = (token & (0xFFFF >> bits)) + 3, (token >> (16 - bits)) + 1
            if offset > len(out) - first:
                return
            for _ in range(length):
                out.append(out[-offset])
