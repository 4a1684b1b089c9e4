"""Whose the bytes of a medium are: asked for an offset, answered with the item that holds it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from moisson.evidence.extents import complement, merge

if TYPE_CHECKING:
    from moisson.evidence.extents import Range
    from moisson.store.query import Reader

_RANK = {"live": 0, "slack": 1, "deleted": 2, "orphan": 3}
_QUERY = """select "offset", length, "at", state, address from extents
    where exhibit = ? and medium = ? and "offset" < ? and "offset" + length > ? order by all"""
_LOOK_BACK = 256


class Owner(Struct, frozen=True):
    """The item that holds a byte, the place of that byte in it, and whether it is live, deleted or its slack."""

    address: str
    at: int
    state: str


class Owners:
    """The extents of a range of a medium; where several claim a byte, the living do before the dead."""

    def __init__(self, reader: Reader, exhibit: str, medium: str, start: int, stop: int) -> None:
        rows = list(reader.stream(_QUERY, exhibit, medium, stop, start))
        self.start, self.stop = start, stop
        self._starts = np.array([row[0] for row in rows], np.int64)
        self._ends = np.array([row[0] + row[1] for row in rows], np.int64)
        self._reach = np.maximum.accumulate(self._ends) if rows else self._ends
        self._rows = rows

    def find(self, offset: int) -> Owner | None:
        """Who holds the byte at an offset of the medium; None where nobody does."""
        best: tuple[int, Owner] | None = None
        n = bisect_right(self._starts, offset) - 1
        for at in range(n, max(-1, n - _LOOK_BACK), -1):
            if self._reach[at] <= offset:
                break
            if self._ends[at] > offset:
                begin, _, inside, state, address = self._rows[at]
                rank = _RANK[state]
                if best is None or rank < best[0]:
                    best = rank, Owner(address, inside + offset - begin, state)
        return best[1] if best else None

    def dead(self) -> list[Range]:
        """Where deleted files lie, in order and without overlap."""
        rows = [(row[0], row[1]) for row in self._rows if row[3] in ("deleted", "orphan")]
        return [(max(self.start, at), at + n - max(self.start, at)) for at, n in merge(rows)]

    def free(self) -> list[Range]:
        """What of the range no live item holds, its slack counted as its own."""
        held = merge((row[0] - self.start, row[1]) for row in self._rows if row[3] in ("live", "slack"))
        clipped = [(max(0, at), at + n - max(0, at)) for at, n in held]
        return [(self.start + at, n) for at, n in complement(clipped, self.stop - self.start)]
