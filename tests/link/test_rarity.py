"""What a shared selector is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.link.rarity import FLOOR, base_rate, pairs, proof, shared, weigh
from moisson.model import Sighting
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.store.segment import SegmentWriter

if TYPE_CHECKING:
    from pathlib import Path

PHONE, IBAN, HELP, LONE = "+33612345678", "FR7630006000011234567890189", "support@vendor.example", "+4915123456789"


def case(root: Path, seen: list[tuple[str, str, str, str]]) -> Reader:
    """A case with sightings: exhibit, item, kind, value."""
    manifest = Manifest(root / "manifest.db")
    for exhibit in sorted({row[0] for row in seen}):
        writer = SegmentWriter(root, exhibit, f"read/{exhibit}")
        for n, (home, item, kind, value) in enumerate(seen):
            if home == exhibit:
                writer.add(Sighting(f"{exhibit}/{item}/t:{n}+1", "s@1", kind, value, value, f"{exhibit}/{item}", "ctx"))
        assert manifest.publish(writer.close())
    return Reader(root)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Eight exhibits: a number on two, an account on three, a help desk on all, a number on one."""
    seen = [("A", "1", "phone", PHONE), ("B", "1", "phone", PHONE), ("B", "2", "phone", PHONE)]
    seen += [(e, "1", "iban", IBAN) for e in "ABC"]
    seen += [(e, "1", "email", HELP) for e in "ABCDEFGH"]
    return case(
        tmp_path, [*seen, ("D", "1", "phone", LONE), ("D", "1", "date", "2024-01-01"), ("E", "1", "date", "2024-01-01")]
    )


def test_only_what_says_something_is_shared(reader: Reader) -> None:
    found = shared(reader)
    assert {s.value for s in found} == {PHONE, IBAN}
    assert all(s.weight >= FLOOR for s in found)
    assert next(s for s in found if s.value == PHONE).exhibits == ("A", "B")
    assert next(s for s in found if s.value == IBAN).sightings == 3


def test_help_desks_come_back_without_a_floor(reader: Reader) -> None:
    help_desk = next(s for s in shared(reader, floor=0.0) if s.value == HELP)
    assert help_desk.weight < 0.05
    assert "97% of clean systems" in help_desk.why
    assert "too common" in help_desk.why


def test_pairs_say_why_and_others_are_silent(reader: Reader) -> None:
    found = pairs(shared(reader))
    assert (found[0].a, found[0].b) == ("A", "B")
    assert set(found[0].selectors) == {("phone", PHONE), ("iban", IBAN)}
    assert {(p.a, p.b) for p in found} == {("A", "B"), ("A", "C"), ("B", "C")}
    assert all(0 < p.score < 1 for p in found)


def test_namesakes_make_no_pair(tmp_path: Path) -> None:
    seen = [(e, i, "name", "Abou Sami") for e in "AB" for i in "12"]
    seen += [(e, i, "name", "Tariq Mahmoud al-Shammari") for e in "CD" for i in "123"]
    seen += [(e, i, "phone", PHONE) for e in "EF" for i in "12"]
    found = pairs(shared(case(tmp_path, seen)))
    assert [(p.a, p.b) for p in found] == [("E", "F"), ("C", "D")]
    assert found[0].score > 2 * found[1].score


def test_proof_shows_each_exhibit_first(reader: Reader) -> None:
    rows = list(proof(reader, "phone", PHONE))
    assert [row[0] for row in rows] == ["A", "B", "B"]
    assert rows[0][1].startswith("A/1/t:")


@given(st.integers(2, 60), st.integers(2, 60), st.integers(2, 60))
def test_weight_falls_with_frequency(n: int, a: int, b: int) -> None:
    low, high = sorted((min(a, n), min(b, n)))
    assert weigh("phone", PHONE, low, n)[0] >= weigh("phone", PHONE, high, n)[0]
    assert 0 <= weigh("phone", PHONE, high, n)[0] <= 1


@given(st.integers(2, 30), st.integers(0, 30), st.integers(0, 30))
def test_weight_rises_with_files(df: int, a: int, b: int) -> None:
    few, many = sorted((a, b))
    assert weigh("phone", PHONE, df, 40, df + few)[0] <= weigh("phone", PHONE, df, 40, df + many)[0]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "noreply@bank.example"), ("email", "user@example.com"), ("ipv4", "192.168.1.1"), ("mac", "FF:FF:FF:FF:FF:FF"),
        ("ssid", "AndroidAP"), ("url", "http://www.w3.org/1999/xhtml"), ("phone", "+33800000000"), ("phone", "3939"),
    ],
)  # fmt: skip
def test_what_every_system_has(kind: str, value: str) -> None:
    assert base_rate(kind, value) >= 0.9


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "karim.benali@example.com"),
        ("phone", PHONE),
        ("ipv4", "81.2.69.142"),
        ("ssid", "Livebox-4F21"),
        ("iban", IBAN),
    ],
)
def test_what_is_somebodys(kind: str, value: str) -> None:
    assert base_rate(kind, value) < 0.5
