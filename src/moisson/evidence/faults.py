"""The stretches of a medium that could not be read, and why: kept in order, merged, bounded."""

from __future__ import annotations

from bisect import bisect_right

MOST = 10_000


class Faults:
    """What was given as zeros although it is not known to be zero."""

    def __init__(self) -> None:
        self._all: list[tuple[int, int, str]] = []
        self.more = 0

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, offset: int, length: int, why: str) -> None:
        """Note a stretch; a stretch noted before, or touching one for the same reason, does not take a new place."""
        if length <= 0:
            return
        at = bisect_right(self._all, (offset, 1 << 62, ""))
        if at:
            start, size, reason = self._all[at - 1]
            if offset + length <= start + size:
                return
            if reason == why and offset <= start + size:
                self._all[at - 1] = (start, max(size, offset + length - start), why)
                return
        if len(self._all) < MOST:
            self._all.insert(at, (offset, length, why))
        else:
            self.more += 1

    def list(self) -> list[tuple[int, int, str]]:
        """Offset, length and reason of each, by offset; a last line counts those beyond the bound."""
        extra = [(0, 0, f"and {self.more} more stretches")] if self.more else []
        return self._all + extra
