"""A small case for every export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moisson import model as m
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.store.segment import SegmentWriter
from moisson.times import Instant
from moisson.triage.match import current_run

if TYPE_CHECKING:
    from pathlib import Path

PHONE, WHEN = "+33612345678", Instant(1_700_000_000 * 10**9, "s")


def records(exhibit: str, run: str) -> list[m.Record]:
    file = f"{exhibit}/ntfs:1"
    return [
        m.Item(file, "i@1", "=cmd.txt", "a/=cmd.txt", "text/plain", 5, "ab" * 32, modified=WHEN),
        m.Item(f"{exhibit}/ntfs:2", "i@1", "empty", "a/empty"),
        m.Text(file, "t@1", "call 06 12 34 56 78"),
        m.Sighting(f"{file}/t:5+14", "s@1", "phone", PHONE, "06 12 34 56 78", file, "=1+1", line=0),
        m.Sighting(f"{file}/t:0+4", "s@1", "name", "karim benali", "Karim BENALI", file, line=0),
        m.Event(f"{file}/e", "e@1", "message", WHEN, "sms", (m.Party("sender", "phone", PHONE),), "hi", file),
        m.Lead(f"{file}/t:5+14", run, "watchlist:7", 1, "watchlist line 7", exhibit),
        m.Lead(f"{file}/t:5+14", "triage.match@1/000000000000", "watchlist:8", 1, "an older list", exhibit),
        m.Lead(file, "triage.rules@1", "rule:wiping", 2, "another maker", exhibit),
        m.Failure(f"{exhibit}/ntfs:3", "f@1", "password", "-locked"),
    ]


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    root: Path = tmp_path_factory.mktemp("case")
    manifest = Manifest(root / "manifest.db")
    for exhibit in ("A", "B"):
        writer = SegmentWriter(root, exhibit, f"read/{exhibit}")
        for record in records(exhibit, current_run(root / "lists")):
            writer.add(record)
        assert manifest.publish(writer.close())
    return Reader(root)
