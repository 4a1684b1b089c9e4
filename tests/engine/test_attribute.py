"""Whose sightings, and which of them were told already: the rules one by one, on tables as the store has them."""

from __future__ import annotations

import duckdb
import pytest
from msgspec.structs import replace

from moisson.engine.attribute import Attribution
from moisson.model import Item, Sighting
from moisson.scan.finds import VERSION

LAYOUT = {
    "extents": '"offset" bigint, length bigint, "at" bigint, state text, address text, exhibit text, medium text',
    "items": "exhibit text, address text, kind text, flags text[], sha256 text",
    "sightings": "exhibit text, origin text, kind text, value text, run text",
}
EXTENTS = [
    (0, 1000, 0, "live", "E/fat:1"),
    (1000, 24, 1000, "slack", "E/fat:1"),
    (2000, 500, 0, "deleted", "E/fat:2"),
    (2200, 100, 0, "live", "E/fat:3"),
    (4000, 500, 0, "live", "E/fat:4"),
    (5000, 500, 0, "live", "E/fat:5"),
    (6000, 500, 0, "orphan", "E/fat:6"),
]
ITEMS = [
    ("E/fat:1", "application/pdf", [], "11"),
    ("E/fat:2", "text/plain", [], "22"),
    ("E/fat:3", "application/pdf", ["damaged"], "33"),
    ("E/fat:4", "text/plain", ["known"], "44"),
    ("E/fat:5", "text/plain", ["text-cut"], "55"),
]
TOLD = [("E/fat:1", "email", "anna@verger.example"), ("E/fat:1", "url", "http://verger.example/pa")]


class Store:
    """The tables of a case, in a database of their own."""

    def __init__(self):
        self.db = duckdb.connect()
        for name, columns in LAYOUT.items():
            self.db.execute(f"create table {name}({columns})")
        self.db.executemany("insert into extents values (?, ?, ?, ?, ?, 'E', 'E')", EXTENTS)
        self.db.executemany("insert into items values ('E', ?, ?, ?, ?)", ITEMS)
        self.db.executemany("insert into sightings values ('E', ?, ?, ?, 'find.text@1')", TOLD)

    def stream(self, sql, *parameters):
        yield from self.db.execute(sql, parameters).fetchall()


@pytest.fixture
def attribution():
    return Attribution(Store(), "E", "E", 0, 10_000)


def seen(at, value="karim@atelier.example", kind="email", inner="", **rest):
    return Sighting(f"E/@{at}+10{inner}", VERSION, kind, value, value, "", **rest)


@pytest.mark.parametrize(
    ("at", "run", "item"),
    [
        (10, "sweep.live@1", "E/fat:1"),
        (1010, "sweep.slack@1", "E/fat:1"),
        (1500, "sweep.free@1", ""),
        (2250, "sweep.live@1", "E/fat:3"),
        (6100, "sweep.orphan@1", "E/fat:6"),
        (9999, "sweep.free@1", ""),
    ],
)
def test_a_value_is_told_by_whose_bytes_it_lies_in(attribution, at, run, item):
    sighting = seen(at)
    assert list(attribution.settle([sighting])) == [replace(sighting, run=run, item=item)]


@pytest.mark.parametrize(
    "sighting",
    [
        seen(10, "anna@verger.example"),
        seen(10, "anna@verger.exampleX"),
        seen(10, "http://verger.example/page", "url"),
        seen(2010),
        seen(10, inner="/zip/@3+4"),
        seen(4100),
        seen(4100, "-----BEGIN", "pgp"),
    ],
)
def test_what_the_file_itself_told_or_had_before_it_is_left_out(attribution, sighting):
    assert list(attribution.settle([sighting])) == []


@pytest.mark.parametrize(
    "sighting",
    [
        seen(10, "anna@verger.exampl"),
        seen(10, "anna@verger.example", "account"),
        seen(1010, "karim@atelier.example", inner="/zip/@3+4"),
        seen(2250, inner="/zip/@3+4"),
        seen(5100),
        seen(2010, "k", "secret"),
        seen(1500, "anna@verger.example"),
    ],
)
def test_what_is_new_or_lies_in_what_was_not_read_whole_is_told(attribution, sighting):
    assert len(list(attribution.settle([sighting]))) == 1


def test_slack_tells_what_its_own_file_does_not(attribution):
    assert list(attribution.settle([seen(1010, "anna@verger.example")])) == []
    assert [s.run for s in attribution.settle([seen(1010)])] == ["sweep.slack@1"]


def test_names_of_messages_are_no_addresses(attribution):
    mail = seen(1500, "a1@mailer.example", context="Message-ID: <a1@mailer.example> From: x")
    sender = seen(1500, "a1@mailer.example", context="Message-ID: <q@x> From: a1@mailer.example")
    assert list(attribution.settle([mail])) == []
    assert len(list(attribution.settle([sender]))) == 1


def test_a_carved_file_equals_the_deleted_one_that_begins_there(attribution):
    carved = Item("E/@2000+500", "carve.find@1", "x", "", sha256="22", state="carved")
    assert attribution.has(carved)
    assert not attribution.has(replace(carved, sha256="23"))
    assert not attribution.has(replace(carved, sha256=""))
    assert not attribution.has(replace(carved, address="E/@2100+500"))
    assert not attribution.has(replace(carved, address="E/@1500+500"))
    assert attribution.has(replace(carved, address="E/pieces:2000+100,9000+400"))


def test_the_order_is_kept_over_many(attribution):
    many = [seen(at, f"p{at}@verger.example") for at in range(8000, 9000)] * 30
    found = list(attribution.settle(many))
    assert [s.address for s in found] == [s.address for s in many]
