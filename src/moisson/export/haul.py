"""The neutral form in which synthetic hauls are scored: JSON lines of selectors, files, messages, links, countries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from moisson.link import countries, rarity
from moisson.link.aliases import aliases
from moisson.link.holders import holders
from moisson.times import Instant
from moisson.triage.match import current_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from moisson.store.query import Reader

Row = dict[str, Any]


def export_haul(reader: Reader, out: Path) -> dict[str, int]:
    """Write every table; gives the number of rows by file."""
    out.mkdir(parents=True, exist_ok=True)
    tables = {
        "selectors": _selectors(reader),
        "files": _files(reader),
        "messages": _messages(reader),
        "links": _links(reader),
        "countries": _countries(reader),
        "watchlist": _watchlist(reader),
    }
    return {name: _write(out / f"{name}.jsonl", rows) for name, rows in tables.items()}


def _write(path: Path, rows: Iterable[Row]) -> int:
    n = 0
    with path.open("wb") as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")
            n += 1
    return n


def _selectors(reader: Reader) -> Iterator[Row]:
    rows = reader.stream(
        r"""select distinct s.kind, case when s.kind = 'name' then s.raw else s.value end, s.exhibit, o.path,
               regexp_extract(s.address, '^[^/]+/(@|pieces:)(\d+)', 2)
           from sightings s left join items o on o.address = s.origin and o.exhibit = s.exhibit order by all"""
    )
    meant = {key: value for key, value in aliases(reader).items() if key[0] == "phone"}
    for kind, value, exhibit, path, offset in rows:
        row = {"kind": kind, "value": meant.get((kind, value), value), "exhibit": exhibit, "path": path or ""}
        yield row | {"offset": int(offset)} if offset else row


def _files(reader: Reader) -> Iterator[Row]:
    rows = reader.stream(
        "select exhibit, path, state, sha256 from items where sha256 != '' and role != 'medium' order by all"
    )
    for exhibit, path, state, sha256 in rows:
        yield {"exhibit": exhibit, "path": path, "state": state, "sha256": sha256}


def _messages(reader: Reader) -> Iterator[Row]:
    rows = reader.stream(
        "select app, exhibit, parties, when_ns, text from events where kind = 'message' order by exhibit, address"
    )
    own = {e: next((v for k, v in stated if k == "phone"), "") for e, stated in holders(reader).items()}
    for app, exhibit, parties, ns, text in rows:
        sides = {"sender": "", "recipient": ""}
        for party in parties or ():
            if party["role"] in sides and not sides[party["role"]]:
                sides[party["role"]] = party["value"]
        if app != "email" and len(parties or ()) == 1:
            sides = {side: value or own.get(exhibit, "") for side, value in sides.items()}
        when = "" if ns is None else str(Instant(ns, "s"))
        row = {"app": app, "exhibit": exhibit, "from": sides["sender"], "to": sides["recipient"]}
        yield row | {"time": when, "text": text}


def _links(reader: Reader) -> Iterator[Row]:
    found = rarity.shared(reader, 100_000)
    for s in found:
        yield {"kind": s.kind, "value": s.value, "score": s.weight, "exhibits": s.exhibits}
    for pair in rarity.pairs(found, 100_000):
        yield {"a": pair.a, "b": pair.b, "score": pair.score}


def _countries(reader: Reader) -> Iterator[Row]:
    for summary in countries.summarise(countries.hypotheses(reader)):
        for h in summary.selectors:
            if h.kind != "name":
                yield {"country": h.country, "kind": h.kind, "value": h.value, "strength": h.strength}
        for exhibit in summary.exhibits:
            yield {"country": summary.country, "exhibit": exhibit}


def _watchlist(reader: Reader) -> Iterator[Row]:
    rows = reader.stream(
        "select distinct rule, exhibit from leads where rule like 'watchlist:%' and run = ? order by all",
        current_run(reader.root / "lists"),
    )
    for rule, exhibit in rows:
        yield {"row": int(rule.partition(":")[2]), "exhibit": exhibit}
