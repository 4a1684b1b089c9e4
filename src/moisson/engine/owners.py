"""Whose the bytes of a medium are: asked for an offset, answered with the item that holds it."""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.evidence.extents import complement, merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.evidence.extents import Range
    from moisson.store.views import Views

_RANK = {"live": 0, "slack": 1, "deleted": 2, "orphan": 3}
_QUERY = """select "offset", length, "at", state, address from extents
    where exhibit = ? and medium = ? and "offset" < ? and "offset" + length > ? order by all limit ?"""
_MOST = 1_000_000
Row = tuple[int, int, int, str, str]


class Owner(Struct, frozen=True):
    """The item that holds a byte, the place of that byte in it, and whether it is live, deleted or its slack."""

    address: str
    at: int
    state: str


class Owners:
    """The extents of a range of a medium; where several claim a byte, the living do before the dead.

    Among equals the extent that begins last does. No more than `most` of them are looked at; `cut` is where those end
    that were not, if there are any: what a file system claims from there on is not known.
    """

    def __init__(self, views: Views, exhibit: str, medium: str, start: int, stop: int, most: int = _MOST) -> None:
        rows: list[Row] = list(views.stream(_QUERY, exhibit, medium, stop, start, most + 1))  # type: ignore[arg-type]
        self.start, self.stop, self.cut = start, stop, stop
        if len(rows) > most:
            self.cut = max(start, rows.pop()[0])
        self._rows = rows
        self._from, self._who = timeline(rows)

    def find(self, offset: int) -> Owner | None:
        """Who holds the byte at an offset of the medium; None where nobody does."""
        n = bisect_right(self._from, offset) - 1
        if n < 0 or self._who[n] < 0:
            return None
        begin, _, inside, state, address = self._rows[self._who[n]]
        return Owner(address, inside + offset - begin, state)

    def dead(self) -> list[Range]:
        """Where deleted files lie, in order and without overlap."""
        rows = [(row[0], row[1]) for row in self._rows if row[3] in ("deleted", "orphan")]
        return [(max(self.start, at), at + n - max(self.start, at)) for at, n in merge(rows)]

    def free(self) -> list[Range]:
        """What of the range no live item holds, its slack counted as its own."""
        held = merge((row[0] - self.start, row[1]) for row in self._rows if row[3] in ("live", "slack"))
        clipped = [(max(0, at), at + n - max(0, at)) for at, n in held]
        return [(self.start + at, n) for at, n in complement(clipped, self.stop - self.start)]


def timeline(rows: Sequence[Row]) -> tuple[list[int], list[int]]:
    """Where the owner changes, and which row owns from there on (-1 for none); rows are in order of their offset."""
    starts, owners = list[int](), list[int]()
    alive: list[tuple[int, int, int]] = []

    def note(at: int) -> None:
        while alive and alive[0][2] <= at:
            heappop(alive)
        who = -alive[0][1] if alive else -1
        if starts and starts[-1] == at:
            owners[-1] = who
        elif not owners or owners[-1] != who:
            starts.append(at)
            owners.append(who)

    for number, (offset, length, _, state, _) in enumerate(rows):
        while alive and alive[0][2] < offset:
            note(alive[0][2])
        heappush(alive, (_RANK[state], -number, offset + length))
        note(offset)
    while alive:
        note(alive[0][2])
    return starts, owners
