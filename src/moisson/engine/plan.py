"""Units of work: what is to be done, in which order, cut so that each takes seconds."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from re import Pattern
from re import compile as compile_pattern
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from moisson.engine.messages import Place
from moisson.settings import Pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Do = Literal["scan", "list", "read", "digest", "map", "sweep", "match", "compact"]

UNIT_ITEMS = 200
UNIT_BYTES = 64 << 20
PASSES: tuple[Pass, ...] = ("glance", "skim", "harvest", "sweep")
SCAN_PRIORITY, LIST_PRIORITY, DIGEST_PRIORITY = 1000.0, 900.0, 45.0
MAP_PRIORITY, SWEEP_PRIORITY = 4.0, 3.0
SAMPLED = 20.0
STRETCH = 256 << 20


class Unit(Struct, frozen=True):
    """One piece of work on one exhibit; the same plan gives the same `id`."""

    id: str
    do: Do
    exhibit: str
    level: Pass
    priority: float
    cost: float = 0.0
    place: Place | None = None
    segment: str = ""
    start: int = 0
    count: int = 0
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Class:
    """A sort of item: its worth before it is read."""

    name: str
    value: float
    skim: bool
    extensions: frozenset[str]
    paths: Pattern[str] | None

    def fits(self, path: str, extension: str) -> bool:
        """Whether a case-folded path belongs here."""
        return extension in self.extensions or bool(self.paths and self.paths.match(path))


@lru_cache(maxsize=1)
def classes() -> tuple[tuple[Class, ...], int]:
    """The classes in order, and the largest size in bytes that the skim takes."""
    table = tomllib.loads(files("moisson.engine").joinpath("classes.toml").read_text(encoding="utf-8"))
    found = []
    for row in table["class"]:
        globs = "|".join(translate(g) for g in row.get("paths", ()))
        pattern = compile_pattern(globs) if globs else None
        found.append(Class(row["name"], row["value"], row["skim"], frozenset(row.get("extensions", ())), pattern))
    return tuple(found), table["skim_mb"] << 20


def classify(path: str) -> Class:
    """The class of a path."""
    lower = path.casefold()
    extension = lower.rpartition("/")[2].rpartition(".")[2]
    ranked, _ = classes()
    return next((c for c in ranked if c.fits(lower, extension)), ranked[-1])


def first_units(exhibits: Iterable[str]) -> Iterator[Unit]:
    """What is known to be needed before anything was opened."""
    for exhibit in exhibits:
        yield Unit(f"scan/{exhibit}", "scan", exhibit, "glance", SCAN_PRIORITY)
        yield Unit(f"digest/{exhibit}", "digest", exhibit, "harvest", DIGEST_PRIORITY)


def list_unit(exhibit: str, place: Place) -> Unit:
    """The listing of one volume."""
    name = "/".join((exhibit, *place.layers, place.kind))
    return Unit(f"list/{name}", "list", exhibit, "glance", LIST_PRIORITY, place=place)


def map_unit(scan: Unit) -> Unit:
    """What tells for every byte of an image whose it is; once more when it was scanned once more."""
    return Unit(f"map/{scan.id.removeprefix('scan/')}", "map", scan.exhibit, "sweep", MAP_PRIORITY)


def sweep_units(exhibit: str, layers: Sequence[str], size: int) -> Iterator[Unit]:
    """The stretches in which a medium is read byte by byte."""
    name = "/".join((exhibit, *layers))
    for start in range(0, size, STRETCH):
        length = min(STRETCH, size - start)
        place = Place(tuple(layers), "medium", start, length)
        unit = f"sweep/{name}/{start}+{length}"
        yield Unit(unit, "sweep", exhibit, "sweep", SWEEP_PRIORITY - start / 1e15, length / 1e6, place)


def read_units(listing: Unit, segment: str, rows: Sequence[tuple[float, bool, int]]) -> Iterator[Unit]:
    """Cut listed files, in the order of the listing (value, skim, size), into units of one value each."""
    start, cost = 0, 0
    for n, (value, skim, size) in enumerate(rows):
        new = n > start and (
            rows[start][:2] != (value, skim) or n - start >= UNIT_ITEMS or cost + min(size, UNIT_BYTES) > UNIT_BYTES
        )
        if new:
            yield _read_unit(listing, segment, rows[start], start, n - start, cost)
            start, cost = n, 0
        cost += min(size, UNIT_BYTES)
    if start < len(rows):
        yield _read_unit(listing, segment, rows[start], start, len(rows) - start, cost)


def _read_unit(listing: Unit, segment: str, row: tuple[float, bool, int], start: int, count: int, cost: int) -> Unit:
    name = f"read/{listing.id.removeprefix('list/')}/{start}+{count}"
    jitter = int.from_bytes(blake2b(name.encode(), digest_size=2).digest(), "big") / 65536
    level: Pass = "skim" if row[1] else "harvest"
    priority = row[0] + (100 if row[1] else 0) + jitter + listing.priority - LIST_PRIORITY
    return Unit(name, "read", listing.exhibit, level, priority, cost / 1e6, listing.place, segment, start, count)
