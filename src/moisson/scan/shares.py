"""Estimated shares of what a medium holds, with how far they may be wrong."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

SIZE = 64 << 10
SORTS = ("empty", "text", "pictures", "video", "compressed", "random", "other")
_Z = 1.96
MOSTLY = 0.5


class Share(NamedTuple):
    """An estimated share of a medium: the middle, and the ends of the 95 % interval (Wilson)."""

    sort: str
    share: float
    low: float
    high: float


class Sample(NamedTuple):
    """What was seen: how many places, how large the medium is, and how many places are of which sort."""

    places: int
    size: int
    counts: dict[str, int]

    @property
    def shares(self) -> list[Share]:
        """The estimated shares, largest first; when the whole medium was read, they are exact."""
        whole = self.places * SIZE >= self.size
        rows = []
        for sort, n in sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0])):
            low, high = (n / self.places,) * 2 if whole else interval(n, self.places)
            rows.append(Share(sort, n / self.places, low, high))
        return rows

    @property
    def verdict(self) -> str:
        """In a word: wiped, encrypted, or what most of what is not empty consists of."""
        used = self.places - self.counts.get("empty", 0)
        if not used:
            return "wiped"
        best = max((s for s in SORTS if s != "empty"), key=lambda s: self.counts.get(s, 0))
        if best == "random" and self.counts["random"] >= 0.95 * self.places:
            return "encrypted"
        content = f"mostly {best}" if self.counts.get(best, 0) > MOSTLY * used else "mixed"
        return f"mostly empty, the rest {content}" if used < MOSTLY * self.places else content


def interval(n: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share of which `n` of so many trials were (Wilson 1927)."""
    p, z = n / of, _Z * _Z / of
    middle, half = (p + z / 2) / (1 + z), _Z * sqrt(p * (1 - p) / of + z / (4 * of)) / (1 + z)
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))
