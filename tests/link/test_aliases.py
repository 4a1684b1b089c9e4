"""Values that mean another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.link.aliases import NEAR, _merged, aliases
from moisson.link.countries import hypotheses
from moisson.link.rarity import proof, shared
from moisson.model import Sighting
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.store.segment import SegmentWriter

if TYPE_CHECKING:
    from pathlib import Path

FRENCH, BELGIAN = "+33465713101", "+32465713101"


def case(root: Path, *seen: tuple[str, str, str, str]) -> Reader:
    """A case with sightings: exhibit, kind, value, raw."""
    manifest = Manifest(root / "manifest.db")
    for exhibit in sorted({row[0] for row in seen}):
        writer = SegmentWriter(root, exhibit, f"read/{exhibit}")
        for n, (home, kind, value, raw) in enumerate(seen):
            if home == exhibit:
                writer.add(Sighting(f"{exhibit}/1/t:{n}+1", "s@1", kind, value, raw, f"{exhibit}/1", "", line=n))
        assert manifest.publish(writer.close())
    return Reader(root)


def test_the_case_knows_whose_number_it_is(tmp_path: Path) -> None:
    reader = case(tmp_path, ("A", "phone", FRENCH, "+33 4 65 71 31 01"), ("B", "phone", BELGIAN, "0465713101"))
    assert aliases(reader) == {("phone", BELGIAN): FRENCH}
    assert [(s.value, s.exhibits) for s in shared(reader)] == [(FRENCH, ("A", "B"))]
    assert {(h.country, h.value) for h in hypotheses(reader)} == {("FR", FRENCH)}
    assert {exhibit for exhibit, *_ in proof(reader, "phone", FRENCH)} == {"A", "B"}


@pytest.mark.parametrize(
    "more",
    [
        ("B", "phone", BELGIAN, "0032 465 71 31 01"),
        ("B", "phone", BELGIAN, "32465713101@s.whatsapp.net"),
        ("B", "phone", BELGIAN, "٠٠٣٢٤٦٥٧١٣١٠١"),
    ],
)
def test_what_says_its_country_is_believed(tmp_path: Path, more: tuple[str, str, str, str]) -> None:
    seen = [("A", "phone", FRENCH, "+33465713101"), ("B", "phone", BELGIAN, "0465713101")]
    assert aliases(case(tmp_path, *seen, more)) == {}


def test_two_claims_leave_it_open(tmp_path: Path) -> None:
    seen = [("A", "phone", v, v) for v in (FRENCH, "+216465713101", "+31465713101")]
    found = aliases(case(tmp_path, *seen, ("B", "phone", BELGIAN, "0465713101")))
    assert found == {}


def test_other_digits_are_another_number(tmp_path: Path) -> None:
    seen = [("A", "phone", "+33165713101", "+33165713101"), ("B", "phone", BELGIAN, "0465713101")]
    assert aliases(case(tmp_path, *seen)) == {}


def test_steps_away_is_the_same_place(tmp_path: Path) -> None:
    seen = [("A", "coords", "51.94212,4.51962", "x"), ("A", "coords", "51.94212,4.51962", "y")]
    seen += [("B", "coords", "51.94213,4.51963", "z"), ("C", "coords", "51.95212,4.51962", "w")]
    found = shared(case(tmp_path, *seen))
    assert [(s.value, s.exhibits) for s in found] == [("51.94212,4.51962", ("A", "B"))]


@given(st.lists(st.tuples(st.integers(-900000, 900000), st.integers(-1800000, 1800000)), max_size=40))
def test_nothing_is_moved_far(points: list[tuple[int, int]]) -> None:
    counts = {f"{x / 10000:.5f},{y / 10000:.5f}": 1 for x, y in points}
    found = _merged(counts)
    assert not set(found) & set(found.values())
    for one, other in found.items():
        pairs = zip(one.split(","), other.split(","), strict=True)
        assert all(abs(float(a) - float(b)) <= NEAR for a, b in pairs)


def test_a_track_is_no_single_place() -> None:
    track = {f"{48 + n * 0.0001:.5f},2.00000": 1 for n in range(100)}
    assert len(set(track) - set(_merged(track))) > 20
