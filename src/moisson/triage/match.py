"""Watchlists and requirements as stored queries: each new sighting is looked up, so that the cost follows new items."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

import yaml
from msgspec import Struct, structs

from moisson.address import Address
from moisson.custody.brought import read_list
from moisson.errors import AddressError, UsageError
from moisson.link.origins import origins
from moisson.model import Lead, Sighting
from moisson.selectors import find, kinds, names
from moisson.selectors.places import metres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moisson.model import Record
    from moisson.settings import Settings

RUN = "triage.match@1"
SAME_NAME = 0.82
SAME_PLACE = 50


class Entry(Struct, frozen=True):
    """One line of a watchlist: `row` counts from 1, `priority` 1 is the most urgent; `others` may be meant as well."""

    row: int
    kind: str
    value: str
    raw: str
    reason: str = ""
    priority: int = 2
    others: tuple[str, ...] = ()


class Requirement(Struct, frozen=True):
    """A question the investigation asks: the values and countries that answer it."""

    id: str
    question: str
    selectors: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


def read_watchlist(path: Path, context: find.Context) -> list[Entry]:
    """Read `kind,value,reason,priority`; raises `UsageError` naming the line."""
    text = read_list(path)
    dialect = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect))
    except csv.Error as error:
        raise UsageError(f"{path}: not a table of comma-separated values ({error})") from error
    head = [name.strip().lower() for name in lines[0]] if lines else []
    if not {"kind", "value"} <= set(head):
        raise UsageError(f"{path}: the first line must name the columns kind and value (and may name reason, priority)")
    entries = []
    for number, cells in enumerate(filter(None, lines[1:]), 1):
        row = dict(zip(head, cells, strict=False))
        kind, raw = row.get("kind", "").strip().lower(), row.get("value", "").strip()
        if not raw:
            continue
        priority = row.get("priority", "").strip() or "2"
        if not (priority.isascii() and priority.isdigit() and len(priority) < 4):
            raise UsageError(f"{path}: line {number + 1}: priority {priority!r} is no number")
        meant = (raw,) if kind == "name" else find.read_meanings(kind, raw, context) or (raw,)
        entries.append(Entry(number, kind, meant[0], raw, row.get("reason", "").strip(), int(priority), meant[1:]))
    return entries


def read_requirements(path: Path) -> list[Requirement]:
    """Read `requirements:` with id, question, selectors and countries; raises `UsageError`."""
    try:
        table = yaml.safe_load(read_list(path)) or {}
        return [
            Requirement(
                str(row["id"]),
                str(row.get("question", "")),
                _words(row.get("selectors")),
                tuple(country.upper() for country in _words(row.get("countries"))),
            )
            for row in table.get("requirements") or []
        ]
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a list of requirements ({' '.join(str(error).split())})") from error


def _words(said: object) -> tuple[str, ...]:
    """One word or a list of words; what else YAML reads (a number, `NO` for Norway as false) raises `TypeError`."""
    words = [said] if isinstance(said, str) else said or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"{said!r} is no list of words; put numbers and NO in quotes")
    return tuple(words)


def current_run(lists: Path) -> str:
    """What the leads of these lists have as their `run`: with other lists, older leads no longer count."""
    digest = sha256()
    for name in ("watchlist.csv", "requirements.yaml"):
        path = lists / name
        digest.update(path.read_bytes() if path.exists() else b"")
    return f"{RUN}/{digest.hexdigest()[:12]}"


class Matcher:
    """The stored queries of a case, ready to be asked about any record."""

    def __init__(self, entries: list[Entry], requirements: list[Requirement], run: str = RUN) -> None:
        self.run = run
        self.by_value: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        self.places: list[Entry] = []
        self.by_key: dict[str, list[Entry]] = defaultdict(list)
        self.asked: dict[str, list[Requirement]] = defaultdict(list)
        self.asked_kinds: dict[str, list[Requirement]] = defaultdict(list)
        for entry in entries:
            if entry.kind == "name":
                for key in names.keys(entry.value):
                    self.by_key[key].append(entry)
            elif entry.kind == "coords":
                self.places.append(entry)
            for value in (entry.value, *entry.others):
                self.by_value[entry.kind, value].append(entry)
        for requirement in requirements:
            for wanted in requirement.selectors:
                if wanted in kinds.KINDS:
                    self.asked_kinds[wanted].append(requirement)
                else:
                    self.asked[wanted].append(requirement)
        self.names: dict[str, list[tuple[Entry, str]]] = {}

    @classmethod
    def open(cls, lists: Path, settings: Settings) -> Matcher:
        """The lists kept in the case."""
        context = find.Context(regions=settings.regions, languages=settings.languages)
        watchlist, requirements = lists / "watchlist.csv", lists / "requirements.yaml"
        entries = read_watchlist(watchlist, context) if watchlist.exists() else []
        questions = read_requirements(requirements) if requirements.exists() else []
        return cls(entries, [_canonical(question, context) for question in questions], current_run(lists))

    def leads(self, record: Record) -> list[Lead]:
        """What the lists say of this record; only sightings can be on them."""
        return list(self._leads(record)) if isinstance(record, Sighting) else []

    def _leads(self, sighting: Sighting) -> Iterator[Lead]:
        for entry, how in self.entries(sighting):
            why = f"watchlist row {entry.row}: {entry.kind} {entry.raw}"
            why += f" ({entry.reason})" if entry.reason else ""
            yield _lead(self.run, sighting, f"watchlist:{entry.row}", entry.priority, why + how)
        for requirement in self._requirements(sighting):
            why = f"{requirement.id}: {requirement.question} {sighting.kind} {sighting.value}"
            yield _lead(self.run, sighting, f"requirement:{requirement.id}", 2, why)

    def entries(self, sighting: Sighting) -> Iterator[tuple[Entry, str]]:
        """The entries that this sighting meets, and what is to be said of how."""
        if sighting.kind != "name":
            for entry in self.by_value.get((sighting.kind, sighting.value), ()):
                yield entry, "" if sighting.value == entry.value else f"; it may be {sighting.value} that is meant"
            if sighting.kind == "coords":
                yield from self._close_by(sighting.value)
            return
        if sighting.value not in self.names:
            if len(self.names) > 100_000:
                self.names.clear()
            self.names[sighting.value] = list(self._named(sighting.value)) if self.by_key else []
        yield from self.names[sighting.value]

    def _close_by(self, value: str) -> Iterator[tuple[Entry, str]]:
        for entry in self.places:
            with suppress(ValueError):
                if value != entry.value and (apart := metres(value, entry.value)) <= SAME_PLACE:
                    yield entry, f"; {value} here, {apart:.0f} m away"

    def _named(self, value: str) -> Iterator[tuple[Entry, str]]:
        candidates = {entry.row: entry for key in names.keys(value) for entry in self.by_key.get(key, ())}
        for row in sorted(candidates):
            score = names.score(candidates[row].value, value)
            if score.value >= SAME_NAME:
                yield candidates[row], f"; written {value} here, likeness {score.value:.2f}"

    def _requirements(self, sighting: Sighting) -> Iterator[Requirement]:
        yield from self.asked.get(sighting.value, ())
        for requirement in self.asked_kinds.get(sighting.kind, ()):
            reasons = origins(sighting.kind, sighting.value)
            if {reason.country for reason in reasons} & set(requirement.countries):
                yield requirement


def _canonical(requirement: Requirement, context: find.Context) -> Requirement:
    """With its selectors as sightings have them, however they are written."""
    meant = ((word, None if word in kinds.KINDS else find.guess(word, context)) for word in requirement.selectors)
    return structs.replace(requirement, selectors=tuple(guess[1] if guess else word for word, guess in meant))


def _lead(run: str, sighting: Sighting, rule: str, severity: int, why: str) -> Lead:
    try:
        exhibit = Address.parse(sighting.address).exhibit
    except AddressError:
        exhibit = sighting.address.partition("/")[0]
    return Lead(sighting.address, run, rule, severity, why[:400], exhibit, (sighting.address,))
