"""Whose bytes: asked against the plain rule, on extents as a hostile file system would claim them."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.engine.owners import Owner, Owners
from tests.counting import growth

RANKS = ("live", "slack", "deleted", "orphan")


class Table:
    """The extents of a case, in a database of their own."""

    def __init__(self, rows):
        self.db = duckdb.connect()
        self.db.execute(
            'create table extents(exhibit text, medium text, "offset" bigint, length bigint, "at" bigint,'
            " state text, address text)"
        )
        if rows:
            self.db.executemany("insert into extents values ('E', 'E', ?, ?, ?, ?, ?)", rows)

    def stream(self, sql, *parameters):
        yield from self.db.execute(sql, parameters).fetchall()


def plainly(rows, offset):
    """The rule, without any index: the living first, then what begins last."""
    holding = [row for row in rows if row[0] <= offset < row[0] + row[1]]
    if not holding:
        return None
    best = max(holding, key=lambda row: (-RANKS.index(row[3]), row))
    return Owner(best[4], best[2] + offset - best[0], best[3])


extent = st.tuples(
    st.integers(0, 60), st.integers(0, 30), st.integers(0, 5), st.sampled_from(RANKS), st.sampled_from("abcdef")
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(extent, max_size=25))
def test_every_byte_has_the_owner_that_the_rule_names(rows):
    owners = Owners(Table(rows), "E", "E", 0, 100)
    assert [owners.find(at) for at in range(100)] == [plainly(rows, at) for at in range(100)]


def test_one_long_live_file_is_found_below_a_thousand_dead_ones():
    rows = [(0, 1 << 20, 0, "live", "whole")]
    rows += [(512 * n, 512, 0, "deleted", f"dead{n}") for n in range(1000)]
    owners = Owners(Table(rows), "E", "E", 0, 1 << 20)
    assert owners.find(512 * 999 + 7) == Owner("whole", 512 * 999 + 7, "live")
    assert owners.find((1 << 20) - 1) == Owner("whole", (1 << 20) - 1, "live")
    assert owners.find(1 << 20) is None


def test_a_thousand_files_on_the_same_bytes_cost_linear_work():
    rows = [(n % 7, 1 << 20, 0, RANKS[1 + n % 3], f"f{n:04}") for n in range(1000)]
    assert Owners(Table(rows), "E", "E", 0, 1 << 20).find(500) == plainly(rows, 500)
    assert growth(lambda n: Owners(Table(rows[:n]), "E", "E", 0, 1 << 20).find(500), 500) < 3


def test_extents_that_reach_beyond_the_range_are_clipped():
    rows = [(0, 1000, 0, "live", "a"), (1500, 10_000, 0, "deleted", "b")]
    owners = Owners(Table(rows), "E", "E", 500, 2000)
    assert owners.free() == [(1000, 1000)]
    assert [at for at, _ in owners.dead()] == [1500]


@pytest.mark.parametrize(("most", "cut"), [(10, 5000), (3, 300), (2, 200)])
def test_more_extents_than_anybody_looks_at_are_said_to_be_unknown(most, cut):
    rows = [(100 * n, 100, 0, "live", f"f{n}") for n in range(4)]
    owners = Owners(Table(rows), "E", "E", 0, 5000, most)
    assert owners.cut == cut
    assert owners.find(150) == Owner("f1", 50, "live")
