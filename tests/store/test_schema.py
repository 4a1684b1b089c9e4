from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson import model
from moisson.store.schema import TABLE_OF, TABLES, batch, record
from moisson.times import Instant

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TIME = st.none() | st.builds(
    Instant, st.integers(-(1 << 68), 1 << 68), st.just("us"), st.sampled_from(["utc", "local"])
)
META = st.dictionaries(TEXT, TEXT | st.integers(-(1 << 63), (1 << 63) - 1) | st.lists(TEXT, max_size=3), max_size=3)
ITEMS = st.builds(
    model.Item, TEXT, TEXT, TEXT, TEXT, TEXT, st.integers(-5, 1 << 64), modified=TIME, created=TIME, meta=META,
    flags=st.lists(TEXT, max_size=3).map(tuple),
)  # fmt: skip


def through(records):
    table = TABLE_OF[type(records[0])]
    extra = {name: ["E1"] * len(records) for name in ("exhibit", "origin")}
    rows = batch(table, records, extra).to_pylist()
    return [record(table, row) for row in rows]


@given(st.lists(ITEMS, min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_items_come_back_as_they_were(items):
    assert through(items) == items


def test_a_lead_keeps_its_own_exhibit():
    leads = [model.Lead("E1", "r", "rule", 1, "why"), model.Lead("E1", "r", "rule", 1, "why", "E1")]
    assert through(leads) == leads


@pytest.mark.parametrize("name", TABLES)
def test_every_field_of_a_record_has_its_column(name):
    table = TABLES[name]
    named = {field for field, _ in table.fields}
    assert set(table.record.__struct_fields__) <= named | {"content"}
    assert {"address", "run", "exhibit", "exact"} <= named


def test_identity_does_not_depend_on_the_way_of_a_record():
    sighting = model.Sighting("E1/t:1+2", "s@1", "phone", "+1", "1", confidence=1.0, role="mentioned")
    (again,) = through([sighting])
    fresh = model.decode(msgspec.json.encode(msgspec.json.decode(model.encode(sighting))))
    assert model.identity(again) == model.identity(sighting) == model.identity(fresh)
