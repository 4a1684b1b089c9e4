from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from moisson import model as m
from moisson.errors import CaseError
from moisson.store import segment
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.store.segment import SegmentWriter

from .specimens import PDF, READ, everything, write


def rows(root, descriptor, name):
    return pq.read_table(root / "seg" / descriptor.name / f"{name}.parquet").to_pylist()


def test_same_records_give_the_same_rows(root):
    first, second = write(root, "a", READ), write(root, "b", READ)
    assert first.counts == second.counts
    for name in first.counts:
        assert rows(root, first, name) == rows(root, second, name)


def test_only_tables_with_rows_are_written(root):
    made = write(root, "a", [READ[0]])
    names = {path.name for path in (root / "seg" / made.name).iterdir()}
    assert names == {"items.parquet", "index"}
    assert not list((root / "tmp").iterdir())


def test_sightings_are_sorted_and_selectors_counted(root):
    seen = [m.Sighting(f"{PDF}/t:{n}+3", "s@1", "phone", f"+{n % 7}", "x", PDF) for n in range(100)]
    made = write(root, "a", seen)
    values = [(row["kind"], row["value"]) for row in rows(root, made, "sightings")]
    assert values == sorted(values)
    assert {row["value"]: row["n"] for row in rows(root, made, "selectors")} == {
        f"+{n}": 15 if n < 2 else 14 for n in range(7)
    }


def test_origin_is_the_outermost_item(root):
    made = write(root, "a", READ)
    assert {row["origin"] for row in rows(root, made, "items")} == {PDF}
    assert {row["origin"] for row in rows(root, made, "texts")} == {PDF}


def test_much_is_written_in_pieces(root, monkeypatch):
    monkeypatch.setattr(segment, "ROWS", 10)
    monkeypatch.setattr(segment, "CHARACTERS", 1000)
    monkeypatch.setattr(segment, "_RUN", 1000)
    records = [record for n in range(95) for record in many(n)]
    made = write(root, "a", records)
    assert made.counts == {"items": 95, "texts": 95, "sightings": 95, "selectors": 19}
    manifest = Manifest(root / "manifest.db")
    manifest.publish(made)
    assert everything(Reader(root)) == sorted(m.identity(record) for record in records)


def many(n):
    at = f"E1/ntfs:{n}"
    yield m.Item(at, "id@1", f"{n}", f"{n}", sha256="aa")
    yield m.Text(at, "t@1", f"text {n} " * 20)
    yield m.Sighting(f"{at}/t:0+4", "s@1", "phone", f"+{n % 19}", "x", at)


def test_records_of_others_are_refused(root):
    writer = SegmentWriter(root, "E1", "a")
    with pytest.raises(CaseError, match="does not belong"):
        writer.add(m.Failure("E10/x", "r", "damaged"))
    with pytest.raises(CaseError, match="does not hold"):
        writer.add(m.Exhibit("E1", "r", "E1"))
    writer.abandon()
    assert not list((root / "tmp").iterdir())


def test_a_unit_may_find_nothing(root):
    manifest = Manifest(root / "manifest.db")
    assert manifest.publish(write(root, "a", []))
    assert Reader(root).search("").total == 0
