"""Which entries of a watchlist a sample of a medium showed, and how much of it may hold them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from moisson.scan.shares import SIZE, interval
from moisson.triage.match import Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from moisson.model import Sighting
    from moisson.scan.shares import Sample
    from moisson.triage.match import Entry


class Presence(NamedTuple):
    """An entry, in how many places it stood, the first address, and the share of such places (95 % interval)."""

    entry: Entry
    places: int
    address: str
    share: float
    low: float
    high: float


class Sought:
    """A watchlist in the hands of who looks at places."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self._matcher = Matcher(list(entries), [])
        self._places: Counter[int] = Counter()
        self._first: dict[int, str] = {}

    def take(self, sightings: Iterable[Sighting]) -> None:
        """Take all that was seen in one place."""
        here: dict[int, str] = {}
        for sighting in sightings:
            for entry, _ in self._matcher.entries(sighting):
                here.setdefault(entry.row, sighting.address)
        self._places.update(here.keys())
        self._first = here | self._first

    def presences(self, sample: Sample) -> Iterator[Presence]:
        """What the sample says of each entry: those seen most first, then as listed; exact if all was looked at."""
        whole = sample.places * SIZE >= sample.size
        for entry in sorted(self.entries, key=lambda entry: -self._places[entry.row]):
            n, of = self._places[entry.row], max(1, sample.places)
            low, high = (n / of, n / of) if whole else interval(n, of)
            yield Presence(entry, n, self._first.get(entry.row, ""), n / of, low, high)
