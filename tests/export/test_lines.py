"""Records as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson import model as m
from moisson.export.lines import TABLES, export_lines

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.store.query import Reader


def test_every_record_comes_back(reader: Reader, tmp_path: Path) -> None:
    counts = export_lines(reader, tmp_path / "out")
    assert set(counts) == set(TABLES)
    assert counts["sightings"] == 4
    for table in TABLES:
        lines = (tmp_path / "out" / f"{table}.jsonl").read_bytes().splitlines()
        assert len(lines) == counts[table]
        written = sorted(m.identity(m.decode(line)) for line in lines)
        assert written == sorted(m.identity(record) for record in reader.records(table))
