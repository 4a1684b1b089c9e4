"""Sightings of one step of a sweep, many of them in little memory."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from moisson.engine.ranges import offset_of
from moisson.model import Sighting

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE = 2000
_decoder = msgspec.json.Decoder(list[Sighting])
Placed = tuple[int, Sighting]


class _Pack(NamedTuple):
    first: int
    last: int
    data: bytes


class Packed:
    """Sightings whose place is `depth` layers into their address; a few thousand at once are in the order of places."""

    def __init__(self, depth: int) -> None:
        self._depth, self._count = depth, 0
        self._packs: list[_Pack] = []
        self._open: list[Sighting] = []
        self._ordered: list[Placed] = []
        self._last: tuple[int, list[Placed]] = (-1, [])

    def __len__(self) -> int:
        return self._count

    def add(self, sighting: Sighting) -> None:
        """Take one."""
        self._open.append(sighting)
        self._count += 1
        if len(self._open) >= _AT_ONCE:
            placed, self._open, self._ordered = self._placed(self._open), [], []
            data = zlib.compress(msgspec.json.encode([s for _, s in placed]), 1)
            self._packs.append(_Pack(placed[0][0], placed[-1][0], data))

    def __iter__(self) -> Iterator[Placed]:
        for number in range(len(self._packs)):
            yield from self._unpacked(number)
        yield from self._in_hand()

    def between(self, start: int, stop: int) -> Iterator[Sighting]:
        """Those that begin between two offsets."""
        for number, pack in enumerate(self._packs):
            if pack.first < stop and pack.last >= start:
                yield from (s for offset, s in self._unpacked(number) if start <= offset < stop)
        placed = self._in_hand()
        first, last = (bisect_left(placed, at, key=lambda each: each[0]) for at in (start, stop))
        yield from (s for _, s in placed[first:last])

    def _in_hand(self) -> list[Placed]:
        if len(self._ordered) != len(self._open):
            self._ordered = self._placed(self._open)
        return self._ordered

    def _unpacked(self, number: int) -> list[Placed]:
        if self._last[0] != number:
            self._last = number, self._placed(_decoder.decode(zlib.decompress(self._packs[number].data)))
        return self._last[1]

    def _placed(self, sightings: list[Sighting]) -> list[Placed]:
        placed = [(offset_of(s.address, self._depth), s) for s in sightings]
        return sorted(placed, key=lambda each: (each[0], each[1].address, each[1].kind))
