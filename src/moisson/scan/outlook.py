"""Blocks of Outlook's stores as they lie in free space: data and a trailer with its checksum ([MS-PST] 2.2.2.8).

Which of the encodings of 5.1 and 5.2 a store uses stands in its header, which may be gone: what reads best is taken.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from moisson import native
from moisson.errors import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

GRAIN, MOST = 64, 8192
_HEAP = 0xEC
# What a heap is for (2.3.1.2).
_CLIENTS = frozenset((0x6C, 0x7C, 0x8C, 0x9C, 0xA5, 0xAC, 0xB5, 0xBC, 0xCC))
_ONES = 0xFFFFFFFF
# Signs of text in one byte, and both bytes of Latin and Arabic letters in UTF-16.
_SHOWN = bytes((0, 6, 9, 10, 13, *range(0x20, 0x7F)))
# Numbers of blocks grow by four; no store of the newer kind or of the older has come to these.
_NEWER, _OLDER = (1 << 40) + 4, (1 << 24) + 4
_ENOUGH, _LEAST, _SAMPLE = 0.6, 16, 1024


@cache
def tables() -> tuple[bytes, bytes, bytes]:
    """The tables that encode, shuffle and decode."""
    text = files("moisson.scan").joinpath("data/outlook.txt").read_text("ascii")
    raw = bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#")))
    encode, shuffle = raw[:256], raw[256:]
    return encode, shuffle, bytes(encode.index(n) for n in range(256))


def permuted(data: bytes) -> bytes:
    """Undo the encoding by one table (5.1)."""
    return data.translate(tables()[2])


def cycled(data: bytes, key: int) -> bytes:
    """Undo, or do, the encoding by all tables and the number of the block (5.2)."""
    import numpy as np

    encode, shuffle, decode = (np.frombuffer(table, np.uint8) for table in tables())
    turn = (np.arange(len(data), dtype=np.uint32) + ((key ^ key >> 16) & 0xFFFF)) & 0xFFFF
    low, high = (turn & 0xFF).astype(np.uint8), (turn >> 8).astype(np.uint8)
    out = decode[shuffle[encode[np.frombuffer(data, np.uint8) + low] + high] - high] - low
    return bytes(out)


def block(source: Reader, limit: int) -> tuple[bytes, int]:
    """The data of the block that begins here, decoded, and the room it takes."""
    raw = source.pread(0, MOST)
    for end in range(GRAIN, len(raw) + 1, GRAIN):
        for tail in trailers(raw[end - 16 : end]):
            if tail.room == end and proves(tail, raw[: tail.size]):
                return _best(raw[: tail.size], tail.key)[:limit], end
    raise DamagedError("no block of a store")


def find(data: bytes, start: int, stop: int, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """The encoded blocks whose trailer ends between two places: where they begin and end, and what they say.

    `offset` is the place of the first byte of `data` on its medium, for blocks stand at multiples of 64 bytes.
    """
    first = start + -(start + offset) % GRAIN
    count = (min(stop, len(data)) - first) // GRAIN
    if count <= 0:
        return
    for end, size, key, room in _proved(data, first, first + count * GRAIN):
        raw = data[end - room : end - room + size]
        if (text := _best(raw, key)) is not raw:
            yield end - room, end, text


def _proved(data: bytes, start: int, stop: int) -> list[tuple[int, int, int, int]]:
    """End, size, key and room of the blocks whose checksum holds."""
    if native.code:
        return native.code.blocks(data, start, stop)
    from moisson.scan import arrays

    return arrays.blocks(data, start, stop)


class Tail(NamedTuple):
    """What a trailer says: bytes of data, the number that is their key, the room of the block, the checksum (5.3)."""

    size: int
    key: int
    room: int
    check: int


def trailers(raw: bytes) -> Iterator[Tail]:
    """A trailer as one of the newer and one of the older kind, where its figures may be; zeros have no checksum."""
    new, old = struct.unpack("<HxxIQ", raw), struct.unpack("<HxxII", raw[4:])
    for count, key, length, proof, last in ((new[0], new[2], 16, new[1], _NEWER), (old[0], old[1], 12, old[2], _OLDER)):
        if _LEAST <= count <= MOST - length and 4 <= key < last and not key & 2 and proof:
            yield Tail(count, key & _ONES, -(-(count + length) // GRAIN) * GRAIN, proof)


def proves(tail: Tail, raw: bytes) -> bool:
    """Whether the checksum of a trailer is that of these bytes."""
    return zlib.crc32(raw, _ONES) ^ _ONES == tail.check


def _best(raw: bytes, key: int) -> bytes:
    """The bytes as they are, or decoded where that shows a heap (2.3.1.2) or text."""
    choices = (raw, permuted(raw), cycled(raw, key))
    for choice in choices:
        if choice[2] == _HEAP and choice[3] in _CLIENTS:
            return choice
    shares = [_share(choice[:_SAMPLE]) for choice in choices]
    best = max(range(3), key=shares.__getitem__)
    return choices[best] if shares[best] > _ENOUGH else raw


def _share(sample: bytes) -> float:
    return 1 - len(sample.translate(None, _SHOWN)) / len(sample)
