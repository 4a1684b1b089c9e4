"""Tables for a spreadsheet: CSV in UTF-8 with a mark, cells that a spreadsheet would run made harmless."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from moisson.export.cells import harmless
from moisson.link import countries, rarity
from moisson.triage.match import RUN, current_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from moisson.store.query import Reader

_QUERIES = {
    "files": (
        ("exhibit", "path", "kind", "state", "size", "sha256", "modified", "address"),
        """select exhibit, path, kind, state, size, sha256,
                  coalesce(strftime(make_timestamp_ns(modified_ns), '%Y-%m-%d %H:%M:%S'), ''),
                  address from items where sha256 != '' order by exhibit, path, address""",
    ),
    "sightings": (
        ("kind", "value", "as written", "exhibit", "path", "context", "address"),
        """select s.kind, s.value, s.raw, s.exhibit, coalesce(i.path, ''), s.context, s.address
           from sightings s left join items i on i.address = s.item and i.exhibit = s.exhibit
           order by s.kind, s.value, s.address""",
    ),
    "leads": (
        ("urgency", "rule", "why", "exhibit", "address"),
        """select severity, rule, why, exhibit, address from leads where run not like ? || '/%' or run = ?
           order by severity, rule, address""",
    ),
    "not read": (
        ("exhibit", "kind", "because", "address"),
        "select exhibit, kind, detail, address from failures order by all",
    ),
}


def export_sheets(reader: Reader, out: Path) -> dict[str, int]:
    """Write every table; gives the number of rows by file."""
    out.mkdir(parents=True, exist_ok=True)
    args = {"leads": (RUN, current_run(reader.root / "lists"))}
    counts = {
        name: _write(out / f"{name}.csv", head, reader.stream(query, *args.get(name, ())))
        for name, (head, query) in _QUERIES.items()
    }
    found = rarity.shared(reader, 100_000)
    rows = [(s.weight, s.kind, s.value, " ".join(s.exhibits), s.why) for s in found]
    counts["links"] = _write(out / "links.csv", ("weight", "kind", "value", "exhibits", "why"), rows)
    land = [
        (h.country, h.strength, h.kind, h.value, " ".join(h.exhibits), "; ".join(h.reasons), h.aside)
        for h in countries.hypotheses(reader)
    ]
    head = ("country", "strength", "kind", "value", "exhibits", "why", "set aside")
    counts["countries"] = _write(out / "countries.csv", head, land)
    return counts


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    n = 0
    with path.open("w", encoding="utf-8-sig", newline="", errors="backslashreplace") as file:
        sheet = csv.writer(file)
        sheet.writerow(head)
        for row in rows:
            sheet.writerow([harmless(cell) for cell in row])
            n += 1
    return n
