"""Every record of a case as JSON lines, one file a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.model import encode

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.store.query import Reader

TABLES = ("items", "texts", "sightings", "events", "leads", "failures", "runs", "links")


def export_lines(reader: Reader, out: Path) -> dict[str, int]:
    """Write every table; gives the number of records by file."""
    out.mkdir(parents=True, exist_ok=True)
    counts = {}
    for table in TABLES:
        n = 0
        with (out / f"{table}.jsonl").open("wb") as file:
            for record in reader.records(table):
                file.write(encode(record) + b"\n")
                n += 1
        counts[table] = n
    return counts
