"""The streams of compound files whose records follow one another, and how far they do ([MS-XLS], [MS-PPT])."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from moisson.reader import Medium

_ENTRIES, _RECORDS = 4096, 400_000
_LARGEST = 64 << 20
_END = 0xFFFFFFFA
_BOOK, _SLIDES, _PICTURES = ("workbook", "book"), ("powerpoint document",), ("pictures",)
_DIRECTORY = "/"
_BOFS = frozenset((0x0009, 0x0209, 0x0409, 0x0809))


class Stream(NamedTuple):
    """A stream of records: where its sectors lie, in order, and how many bytes it has."""

    name: str
    places: Sequence[int]
    size: int
    sector: int

    def place(self, at: int) -> int:
        """Where a byte of the stream lies in the file."""
        index, inside = divmod(at, self.sector)
        return self.places[index] + inside if index < len(self.places) else -1


def streams(data: Medium, table: np.ndarray, first: int, shift: int) -> list[Stream]:
    """The streams that are made of records, by the directory that begins at a sector."""
    directory = list(chain(table, first, shift, 1 << 12))
    found = [Stream(_DIRECTORY, directory, len(directory) << shift, 1 << shift)]
    for place in directory:
        raw = data.pread(place, 1 << shift)
        for i in range(0, len(raw) - 127, 128):
            length, kind = int.from_bytes(raw[i + 64 : i + 66], "little"), raw[i + 66]
            name = raw[i : i + max(0, min(length - 2, 62))].decode("utf-16-le", "replace").lower()
            begin, size = struct.unpack_from("<IQ", raw, i + 116)
            size = size & 0xFFFFFFFF if shift == 9 else size
            if kind == 2 and name in _WALKS and 4096 <= size <= _LARGEST:
                places = list(chain(table, begin, shift, -(-size >> shift)))
                found.append(Stream(name, places, min(size, len(places) << shift), 1 << shift))
        if len(found) > 8:
            break
    return found


def chain(table: np.ndarray, sector: int, shift: int, most: int) -> Iterator[int]:
    """Where the sectors of a chain lie, in order."""
    for _ in range(min(most, len(table))):
        if sector >= min(_END, len(table)):
            return
        yield (sector + 1) << shift
        sector = int(table[sector])


def content(data: Medium, stream: Stream) -> bytes:
    """All bytes of a stream."""
    return b"".join(data.pread(place, stream.sector) for place in stream.places)[: stream.size]


def follows(name: str, raw: bytes, at: int = 0) -> tuple[int, int]:
    """The last record that begins well, and where the next should, which is the length when all do."""
    step, last = _WALKS[name], at
    for _ in range(_RECORDS):
        if at >= len(raw) or (name != _DIRECTORY and not any(raw[at : at + 64])):
            return last, len(raw)
        size = step(raw, at)
        if size <= 0 or at + size > len(raw):
            return last, at
        last, at = at, at + size
    return last, len(raw)


def many(name: str, raw: bytes, left: int, most: int) -> int:
    """How many records begin well in a piece, up to a number; the number when the stream ends with them."""
    at, step = 0, _WALKS[name]
    for count in range(most):
        if at >= min(len(raw), left):
            return most if at == left else count
        size = step(raw, at)
        if size <= 0 or at + size > left:
            return count
        at += size
    return most


def _book(raw: bytes, at: int) -> int:
    """A record of a workbook."""
    if at + 4 > len(raw):
        return 0
    kind, size = struct.unpack_from("<HH", raw, at)
    if size > 8224 or kind > 0x1100 or (at == 0 and kind not in _BOFS):
        return 0
    return 4 + int(size)


def _slides(raw: bytes, at: int) -> int:
    """A record of a presentation; of a container only its header, so that what it holds comes next."""
    if at + 8 > len(raw):
        return 0
    told, kind, size = struct.unpack_from("<HHI", raw, at)
    if not (1000 <= kind <= 0x3000 or 0xF000 <= kind <= 0xF200) or size > _LARGEST:
        return 0
    return 8 if told & 15 == 15 else 8 + int(size)


def _pictures(raw: bytes, at: int) -> int:
    """A picture of a presentation."""
    if at + 8 > len(raw):
        return 0
    _, kind, size = struct.unpack_from("<HHI", raw, at)
    return 8 + int(size) if 0xF007 <= kind <= 0xF02A and size else 0


def _entry(raw: bytes, at: int) -> int:
    """An entry of the directory."""
    entry = raw[at : at + 128]
    if len(entry) < 128 or entry[66] not in (0, 1, 2, 5):
        return 0
    length = int.from_bytes(entry[64:66], "little")
    good = length <= 64 and not length & 1 and (length >= 2 or not entry[66]) and entry[67] <= 1
    return 128 if good and not entry[length:64].strip(b"\0") else 0


_WALKS: dict[str, Callable[[bytes, int], int]] = {
    _DIRECTORY: _entry,
    **dict.fromkeys(_BOOK, _book),
    **dict.fromkeys(_SLIDES, _slides),
    **dict.fromkeys(_PICTURES, _pictures),
}
