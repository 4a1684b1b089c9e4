"""What was looked at: gaps are gaps, whoever read the rest."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import duckdb
import pytest

from moisson.export.coverage import Coverage, coverage, draw, sampled

LAYOUT = {
    "extents": 'exhibit text, medium text, "offset" bigint, length bigint, state text, address text',
    "stretches": 'exhibit text, medium text, run text, "offset" bigint, length bigint, kinds text',
    "items": "exhibit text, address text, role text, size bigint, sha256 text",
}


class Store:
    """The tables of a case, in a database of their own."""

    def __init__(self, **rows):
        self.db = duckdb.connect()
        for name, columns in LAYOUT.items():
            self.db.execute(f"create table {name}({columns})")
            for row in rows.get(name, ()):
                self.db.execute(f"insert into {name} values ({', '.join('?' * len(row))})", row)

    def stream(self, sql, *parameters):
        yield from self.db.execute(sql, parameters).fetchall()


def cell(at, n, exhibit="E", medium="E", run="sweep.scan@1", **kinds):
    return exhibit, medium, run, at, n, json.dumps(kinds or {"text": n})


MEDIUM = ("E", "E", "medium", 1000, "ff")


def test_a_gap_between_cells_was_not_looked_at():
    (found,) = coverage(Store(items=[MEDIUM], stretches=[cell(0, 100), cell(300, 200, zero=50, text=150)]))
    assert found.unseen == [(100, 200), (500, 500)]
    assert found.kinds == {"text": 250, "zero": 50}
    assert found.size == 1000


def test_files_that_were_read_fill_gaps_and_those_that_were_not_do_not():
    items = [MEDIUM, ("E", "E/fat:1", "", 100, "aa"), ("E", "E/fat:2", "", 100, "")]
    extents = [
        ("E", "E", 100, 100, "live", "E/fat:1"),
        ("E", "E", 200, 50, "slack", "E/fat:1"),
        ("E", "E", 400, 100, "live", "E/fat:2"),
    ]
    (found,) = coverage(Store(items=items, extents=extents, stretches=[cell(0, 100)]))
    assert found.read == [(100, 100)]
    assert found.unseen == [(200, 800)]


def test_a_file_that_claims_bytes_beyond_the_end_makes_the_gap_visible():
    extents = [("E", "E", 5000, 100, "live", "E/fat:1")]
    store = Store(items=[MEDIUM, ("E", "E/fat:1", "", 100, "aa")], extents=extents, stretches=[cell(0, 1000)])
    (found,) = coverage(store)
    assert found.size == 5100
    assert found.unseen == [(1000, 4000)]


def test_a_container_has_a_size_of_its_own():
    stretches = [cell(0, 1000), cell(0, 400, medium="E/luks")]
    outer, inner = coverage(Store(items=[MEDIUM], stretches=stretches))
    assert (outer.medium, outer.size, outer.unseen) == ("E", 1000, [])
    assert (inner.medium, inner.size, inner.unseen) == ("E/luks", 400, [])


def test_a_sample_is_no_reading():
    store = Store(items=[MEDIUM], stretches=[cell(0, 1000, run="sample.pages@1", zero=400, text=600)])
    assert list(coverage(store)) == []
    assert list(sampled(store)) == [("E", 1000, {"zero": 400, "text": 600})]


@pytest.mark.parametrize("size", [0, 1, 127, 10_000_000])
def test_the_picture_is_well_formed_and_shows_what_is_missing(tmp_path, size):
    half = size // 2
    whole = Coverage("E", "E<&>", size, {"text": half}, [(0, half)], [], [(0, half, {"text": half})] if half else [])
    draw([whole, whole._replace(cells=[], swept=[], read=[(0, half)])], tmp_path / "seen.svg")
    picture = (tmp_path / "seen.svg").read_text("utf-8")
    ET.fromstring(picture)
    assert picture.count("url(#unseen)") >= (3 if size else 1)
