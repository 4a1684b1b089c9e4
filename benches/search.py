"""How fast a case answers: items of made-up text over many segments, then the 50th and 95th percentile of each query.

python benches/search.py [ITEMS] [FOLDER]       a million items take about six minutes to write
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import random
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from moisson.model import Item, Record, Sighting, Text
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.store.segment import SegmentWriter
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.model import State

SEGMENT, WORDS, ROUNDS = 25_000, 60, 40
KINDS = ("application/pdf", "text/plain", "message/rfc822", "image/jpeg", "application/msword")
STATES: tuple[State, ...] = ("live", "live", "live", "deleted", "carved")
LETTERS = ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", "abcdefghijklmnoprstuvéè")
START = 1_600_000_000 * 10**9


class Vocabulary:
    """Words in two scripts whose frequencies fall as in a language."""

    def __init__(self, chance: random.Random, size: int = 40_000) -> None:
        self.chance = chance
        self.words = ["".join(chance.choices(LETTERS[n % 2], k=chance.randint(2, 9))) for n in range(size)]
        self.weights = list(itertools.accumulate(1 / (n + 1) ** 1.05 for n in range(size)))

    def text(self, words: int) -> str:
        """A text of so many words."""
        return " ".join(self.chance.choices(self.words, cum_weights=self.weights, k=words))

    def some(self, low: float, high: float) -> str:
        """A word whose share of all words is summed up between two bounds: near 0 common, near 1 rare."""
        at = self.chance.uniform(low, high) * self.weights[-1]
        return self.words[min(len(self.words) - 1, bisect.bisect(self.weights, at))]


def records(vocabulary: Vocabulary, exhibit: str, first: int, count: int) -> Iterator[Record]:
    """Items with text and selectors."""
    chance = vocabulary.chance
    for n in range(first, first + count):
        at = f"{exhibit}/p1/ntfs:{n}-128-1"
        path = f"Users/{n % 7}/Documents/{vocabulary.words[n % 999]}/{n}.pdf"
        when = Instant(START + chance.randrange(10**8) * 10**9)
        kind, state = chance.choice(KINDS), chance.choice(STATES)
        yield Item(at, "b@1", f"{n}.pdf", path, kind, chance.randrange(10**7), f"{n:064x}", "", state, when)
        yield Text(at, "b@1", vocabulary.text(WORDS), ((chance.choice(("ar", "fr", "en")), 1.0),))
        for k in range(2):
            value = f"+336{chance.randrange(10**6):08}"
            yield Sighting(f"{at}/t:{k}+12", "b@1", "phone", value, value, at)


def write(root: Path, items: int, vocabulary: Vocabulary) -> None:
    """Fill a case and say how fast that was."""
    manifest, began, texts = Manifest(root / "manifest.db"), time.process_time(), 0
    for n, first in enumerate(range(0, items, SEGMENT)):
        exhibit = f"E{n % 20}"
        writer = SegmentWriter(root, exhibit, f"read/{n}")
        for record in records(vocabulary, exhibit, first, min(SEGMENT, items - first)):
            writer.add(record)
            texts += len(record.content.encode()) if isinstance(record, Text) else 0
        manifest.publish(writer.close())
    took, size = time.process_time() - began, sum(s.bytes for s in manifest.live())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{items} items, {texts / 1e6:.0f} MB of text, {len(manifest.live())} segments, {size / 1e6:.0f} MB on disk")
    print(f"{took:.0f} CPU s with making it up: {texts / 1e6 / took:.1f} MB and {items / took:.0f} items a CPU second")
    print(f"{peak:.0f} MB resident at most\n")


def questions(reader: Reader, v: Vocabulary) -> dict[str, Callable[[], object]]:
    """The queries that are measured, each new every time."""
    return {
        "common word": lambda: reader.search(v.some(0.0, 0.2)),
        "mid word": lambda: reader.search(v.some(0.4, 0.6)),
        "rare word": lambda: reader.search(v.some(0.9, 1.0)),
        "two words": lambda: reader.search(f"{v.some(0.0, 0.3)} {v.some(0.2, 0.6)}"),
        "phrase": lambda: reader.search(f'"{v.some(0.1, 0.5)} {v.some(0.3, 0.9)}"'),
        "phrase of 'the', 'of'": lambda: reader.search(f'"{v.some(0.0, 0.2)} {v.some(0.0, 0.2)}"'),
        "prefix": lambda: reader.search(f"{v.some(0.5, 1.0)[:3]}*x OR {v.some(0.5, 1.0)[:2]}zz*"),
        "prefix, 3 letters": lambda: reader.search(f"{v.some(0.5, 1.0).ljust(3, 'a')[:3]}*"),
        "fuzzy": lambda: reader.search(f"{v.some(0.7, 1.0)}~"),
        "word + fields": lambda: reader.search(f"{v.some(0.1, 0.4)} kind:pdf state:deleted date:2021..2022"),
        "selector": lambda: reader.search(f"sel:+336{v.chance.randrange(10**6):08}"),
        "items_with": lambda: reader.items_with("phone", f"+336{v.chance.randrange(10**6):08}"),
        "facets of a word": lambda: reader.facets(v.some(0.1, 0.4)),
        "by time": lambda: reader.search(v.some(0.1, 0.4), sort="time"),
        "by path": lambda: reader.search(v.some(0.1, 0.4), sort="path"),
        "everything by time": lambda: reader.search("", sort="time"),
        "facets of everything": lambda: reader.facets(""),
    }


def measure(ask: Callable[[], object]) -> tuple[float, float, float]:
    """Milliseconds at the 50th and 95th percentile, and CPU milliseconds at the 50th."""
    walls, works = [], []
    for _ in range(ROUNDS):
        wall, work = time.perf_counter(), time.process_time()
        ask()
        walls.append((time.perf_counter() - wall) * 1000)
        works.append((time.process_time() - work) * 1000)
    walls.sort()
    return walls[ROUNDS // 2], walls[int(ROUNDS * 0.95)], sorted(works)[ROUNDS // 2]


def main() -> None:
    """Write, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("items", type=int, nargs="?", default=1_000_000)
    parser.add_argument("folder", type=Path, nargs="?", help="keep the case there, or ask the one that is there")
    arguments = parser.parse_args()
    root = arguments.folder or Path(tempfile.mkdtemp())
    vocabulary = Vocabulary(random.Random(7))
    root.mkdir(exist_ok=True)
    if not (root / "manifest.db").exists():
        write(root, arguments.items, vocabulary)
    reader = Reader(root)
    print(f"{'query':24}{'p50 ms':>10}{'p95 ms':>10}{'CPU ms':>10}")
    for name, ask in questions(reader, vocabulary).items():
        print(f"{name:24}" + "".join(f"{ms:10.2f}" for ms in measure(ask)))
    if not arguments.folder:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
