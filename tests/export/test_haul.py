"""The neutral form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from moisson.export.haul import export_haul

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.store.query import Reader


def test_all_tables(reader: Reader, tmp_path: Path) -> None:
    counts = export_haul(reader, tmp_path)
    tables = {
        name: [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for name in counts
    }
    assert {name: len(rows) for name, rows in tables.items()} == counts
    assert {"kind": "name", "value": "Karim BENALI", "exhibit": "A", "path": "a/=cmd.txt"} in tables["selectors"]
    assert {"kind": "phone", "value": "+33612345678", "exhibit": "B", "path": "a/=cmd.txt"} in tables["selectors"]
    assert [(row["exhibit"], row["path"], row["sha256"]) for row in tables["files"]] == [
        (exhibit, "a/=cmd.txt", "ab" * 32) for exhibit in "AB"
    ]
    assert tables["messages"][0] == {
        "app": "sms", "exhibit": "A", "from": "+33612345678", "to": "", "time": "2023-11-14T22:13:20Z", "text": "hi",
    }  # fmt: skip
    assert tables["watchlist"] == [{"row": 7, "exhibit": "A"}, {"row": 7, "exhibit": "B"}]


def test_links_and_countries(reader: Reader, tmp_path: Path) -> None:
    export_haul(reader, tmp_path)
    links = [json.loads(line) for line in (tmp_path / "links.jsonl").read_text("utf-8").splitlines()]
    assert (links[0]["kind"], links[0]["value"], links[0]["exhibits"]) == ("phone", "+33612345678", ["A", "B"])
    assert [(row["a"], row["b"]) for row in links if "a" in row] == [("A", "B")]
    land = [json.loads(line) for line in (tmp_path / "countries.jsonl").read_text("utf-8").splitlines()]
    assert [row["country"] for row in land] == ["FR"] * 3
    assert [row["exhibit"] for row in land if "exhibit" in row] == ["A", "B"]
