"""The names in a directory of ext: those in use and those left in the room behind them.

Layout after the kernel's "ext4 Data Structures and Algorithms" ("Linear (Classic) Directories").
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = struct.Struct("<IHBB")
_SHORTEST = 12


class Found(NamedTuple):
    """A name of a directory; `gone` for one that was deleted."""

    number: int
    name: bytes
    gone: bool


def read_names(data: bytes, block: int, most: int, *, typed: bool) -> Iterator[Found]:
    """The names of a directory, block by block, each once; `most` is the highest number an inode can have."""
    seen: set[tuple[int, bytes]] = set()
    late: list[Found] = []
    for start in range(0, len(data), block):
        piece = data[start : start + block]
        if piece.strip(b"\0"):
            for found in _block(piece, most, typed=typed):
                if found.gone:
                    late.append(found)
                elif (key := (found.number, found.name)) not in seen:
                    seen.add(key)
                    yield found
    for found in late:
        if (key := (found.number, found.name)) not in seen:
            seen.add(key)
            yield found


def _block(data: bytes, most: int, *, typed: bool) -> Iterator[Found]:
    """A row that is none is passed over by four bytes; what lies in the room behind a row was deleted."""
    at = room = 0
    last = len(data) - _SHORTEST
    while at <= last:
        number, length, letters, kind = _ROW.unpack_from(data, at)
        if not typed:
            letters |= kind << 8
        least = (letters + 11) & ~3
        wrong = number > most or not 0 < letters < 256 or length < least or length & 3 or at + length > len(data)
        if wrong or 0 < room < least:
            at, room = at + 4, max(0, room - 4)
            continue
        name = data[at + 8 : at + 8 + letters]
        gone = room > 0 or not number
        if b"\0" not in name and b"/" not in name:
            yield Found(number, name, gone)
        if room > 0:
            room -= least
            at += least
        elif length - least >= _SHORTEST:
            room = length - least
            at += least
        else:
            at += length
