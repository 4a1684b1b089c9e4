from __future__ import annotations

import os

import pyarrow.parquet as pq
import pytest

from moisson import model as m
from moisson.errors import CaseError
from moisson.store.compact import candidates, collect_garbage, compact, should_compact
from moisson.store.manifest import Manifest, Unit
from moisson.store.query import Reader

from .specimens import everything, write


def unit(exhibit, n):
    for k in range(60):
        at = f"{exhibit}/ntfs:{n}-{k}"
        yield m.Item(at, "id@1", f"{n}-{k}.txt", f"d/{n}-{k}.txt", "text/plain", k, f"{n:02}{k:02}")
        yield m.Text(at, "t@1", f"text number{n} item{k} " + f"some words of unit {n} that are the same " * 6)
        yield m.Sighting(f"{at}/t:0+4", "s@1", "phone", f"+{k % 5}{n % 3}", "x", at)


@pytest.fixture
def case(root):
    manifest = Manifest(root / "manifest.db")
    for n in range(10):
        manifest.publish(write(root, f"read/{n}", list(unit("E1", n))))
    manifest.publish(write(root, "list/1", [m.Item(f"E1/x:{n}", "l@1", f"{n}", f"{n}") for n in range(9)]))
    manifest.publish(write(root, "other", list(unit("E2", 1)), "E2"))
    return manifest


def test_compaction_changes_nothing_that_can_be_asked(root, case):
    before = Reader(root)
    olds = candidates(case, "E1")
    assert sorted(s.unit for s in olds) == [f"read/{n}" for n in range(10)]
    made = compact(root, olds)
    assert case.publish(made, replaces=[s.unit for s in olds])
    after = Reader(root)
    assert len(case.live()) == 3
    assert everything(after) == everything(before)
    for query in ("number3", "item7 words", '"unit 4 that"', "sel:phone:+32", "kind:text size:>30"):
        assert after.search(query).total == before.search(query).total > 0
    assert after.facets("", ["ext", "exhibit"]) == before.facets("", ["ext", "exhibit"])
    counted = "select kind, value, sum(n), count(*) from selectors where exhibit = 'E1' group by all order by all"
    assert [row[:3] for row in after.sql(counted)] == [row[:3] for row in before.sql(counted)]
    assert {row[3] for row in after.sql(counted)} == {1}
    values = pq.read_table(root / "seg" / made.name / "sightings.parquet", columns=["value"])["value"].to_pylist()
    assert values == sorted(values)
    assert not case.publish(made, replaces=["read/1"])


def test_packs_with_dictionaries_can_be_joined(root):
    manifest = Manifest(root / "manifest.db")
    texts = []
    for n in range(8):
        words = [
            f"{n}/{k} the quick brown fox jumps over the lazy dog {k * 7919 % 1000} times " * 6 for k in range(1200)
        ]
        texts += [m.Text(f"E1/f:{n}-{k}", "t@1", text) for k, text in enumerate(words)]
        manifest.publish(write(root, f"read/{n}", texts[-1200:]))
    olds = manifest.live()
    manifest.publish(compact(root, olds), replaces=[s.unit for s in olds])
    reader = Reader(root)
    assert len(set(reader.sql('select "dictionary" from texts'))) == 8
    assert everything(reader) == sorted(m.identity(text) for text in texts)


def test_listings_are_left_alone_while_units_wait_for_them(root):
    manifest = Manifest(root / "manifest.db")
    for n in range(9):
        manifest.publish(write(root, f"list/{n}", [m.Item(f"E1/x:{n}", "l@1", f"{n}", f"{n}")]))
    manifest.add_units([Unit("read/1", "E1", "harvest")])
    assert candidates(manifest, "E1") == []
    manifest.publish(write(root, "read/1", [m.Failure("E1", "f", "damaged")]))
    olds = candidates(manifest, "E1")
    made = compact(root, olds)
    assert made.listing
    assert len(olds) == 9
    assert not (root / "seg" / made.name / "index").exists()


def test_when(root, case):
    assert should_compact(case) == []
    assert should_compact(case, many=5) == ["E1"]
    with pytest.raises(CaseError, match="one exhibit"):
        compact(root, case.live())


def test_garbage_goes_after_its_time(root, case):
    olds = candidates(case, "E1")
    case.publish(compact(root, olds), replaces=[s.unit for s in olds])
    stray = write(root, "stray", list(unit("E1", 50)))
    left = root / "tmp" / "left"
    left.mkdir()
    assert collect_garbage(root, case) == 0
    os.utime(left, (0, 0))
    assert collect_garbage(root, case) == 1
    assert collect_garbage(root, case, grace=0) == 11
    assert not (root / "seg" / stray.name).exists()
    assert case.retired() == {}
    assert {p.name for p in (root / "seg").iterdir()} == {s.name for s in case.live()}
    assert Reader(root).search("number3").total == 60
