"""Records of every kind, and how to put them into a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson import model as m
from moisson.store.segment import SegmentWriter
from moisson.times import Instant

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.store.query import Reader

DAY = 86_400_000_000_000
PDF, MEMBER, PLACE = "E1/ntfs:1", "E1/ntfs:1/zip:b.txt", "E1/@53/gzip/@5+4"
LISTED = [
    m.Item(f"E1/ntfs:{i}", "list@1", f"f{i}.pdf", f"a/f{i}.pdf", size=i, modified=Instant(i * DAY)) for i in range(5)
]
READ: list[m.Record] = [
    m.Item(PDF, "id@1", "f1.pdf", "a/f1.pdf", "application/pdf", 1, "ab" * 32, modified=Instant(1_700_000_000 * 10**9)),
    m.Text(PDF, "t@1", "هذه الأسلحة في المستودع, call +33 6 12 34 56 78; l'été", (("ar", 0.75), ("fr", 0.25))),
    m.Item(MEMBER, "id@1", "b.txt", "a/f1.pdf/b.txt", "text/plain", 10, "ac" * 32, state="deleted", parent=PDF),
    m.Text(MEMBER, "t@1", "the weapons were delivered to houses in Mosul", source="ocr", marks=((0, "page:1"),)),
    m.Sighting(f"{PDF}/t:3+4", "s@1", "phone", "+33612345678", "+33 6", PDF, role="owner", confidence=0.5),
    m.Sighting(PLACE, "s@1", "email", "a@b.com", "A@b.com"),
    m.Event(
        f"{PDF}/sqlite:1",
        "e@1",
        "message",
        Instant(1_690_000_000 * 10**9, "s"),
        "whatsapp",
        (m.Party("sender", "phone", "+33612345678", "Ali"),),
        "bonjour les amies, rendez-vous demain",
        PDF,
        meta={"n": 3, "f": 1.0, "l": ["x"]},
    ),
    m.Lead(PDF, "l@1", "watch:1", 3, "because", evidence=("E1/x",)),
    m.Lead(PDF, "l@1", "watch:2", 1, "because", "E1"),
    m.Failure("E1/ntfs:2", "f@1", "password", "locked"),
    m.Run("E1", "r@1", "read/a", tools={"a": "1"}, started=Instant(5)),
    m.Link("E1/x", "l@1", "a", "b", "knows", weight=0.5, evidence=("q",)),
]
RECORDS = READ + [item for item in LISTED if item.address != PDF]


def write(root: Path, unit: str, records: list[m.Record], exhibit: str = "E1"):
    writer = SegmentWriter(root, exhibit, unit)
    for record in records:
        writer.add(record)
    return writer.close()


def everything(reader: Reader) -> list[str]:
    """The identity of every record, sorted."""
    tables = ("items", "texts", "sightings", "events", "leads", "failures", "runs", "links")
    return sorted(m.identity(record) for table in tables for record in reader.records(table))
