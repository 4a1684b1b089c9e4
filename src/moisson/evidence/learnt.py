"""Where the plain streams of a volume lie, kept while they are listed, so that no record is read twice."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import NamedTuple

MOST = 2_000_000


class Plain(NamedTuple):
    """A stream in one piece: where it begins, what its clusters span, its size, and how much of it was ever written."""

    place: int
    room: int
    size: int
    valid: int


class Learnt:
    """The plain streams of records that come in order of their numbers, in 44 bytes each."""

    def __init__(self) -> None:
        self._numbers, self._streams = array("Q"), array("I")
        self._places, self._rooms, self._sizes, self._valid = (array("Q") for _ in range(4))

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, stream: int, found: Plain) -> None:
        """Keep one, while there is room and the numbers come in order."""
        if len(self._numbers) >= MOST or (self._numbers and number < self._numbers[-1]):
            return
        self._numbers.append(number)
        self._streams.append(stream)
        self._places.append(found.place)
        self._rooms.append(found.room)
        self._sizes.append(found.size)
        self._valid.append(found.valid)

    def find(self, number: int, stream: int) -> Plain | None:
        """One that was kept."""
        at = bisect_left(self._numbers, number)
        while at < len(self._numbers) and self._numbers[at] == number:
            if self._streams[at] == stream:
                return Plain(self._places[at], self._rooms[at], self._sizes[at], self._valid[at])
            at += 1
        return None
