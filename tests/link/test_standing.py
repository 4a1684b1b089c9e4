"""Who is only to be reached: shown apart from the network, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moisson.link.countries import hypotheses, summarise
from moisson.link.standing import FEW
from moisson.model import Event, Item, Lead, Party, Record, Sighting
from tests.link.test_countries import FR, IMEI, TN, case, seen

if TYPE_CHECKING:
    from pathlib import Path


def file(address: str, content: str) -> Item:
    return Item(address, "i@1", "a.txt", "a.txt", "text/plain", 1, content * 32)


def card(name: str, item: str = "A/1") -> list[Record]:
    return [
        file(item, "ab"),
        seen("phone", FR, -1, item, context=name),
        seen("email", "pm@x.example", -1, item, context=name),
        seen("name", name, -1, item, context=name),
    ]


def aside(root: Path, *records: Record) -> dict[tuple[str, str], str]:
    root.mkdir(exist_ok=True)
    return {(h.kind, h.value): h.aside for h in hypotheses(case(root, *records)) if h.country == "FR"}


def test_a_mere_contact_is_set_aside_with_the_reason(tmp_path: Path) -> None:
    reader = case(tmp_path, *card("Paul Martin"))
    found = hypotheses(reader)
    assert {h.kind for h in found} == {"phone", "email", "name"}
    assert {h.aside for h in found} == {"no more than contact details, in a single file; nobody wrote or called"}
    (france,) = summarise(found)
    assert (france.selectors, france.exhibits, len(france.aside)) == ((), (), 3)


@pytest.mark.parametrize("kind", ["message", "call"])
def test_whom_somebody_wrote_to_or_called_is_not(tmp_path: Path, kind: str) -> None:
    event = Event("A/1/e", "e@1", kind, None, "sms", (Party("recipient", "phone", FR),), "", "A/1")
    assert set(aside(tmp_path, *card("Paul Martin"), event).values()) == {""}


def test_a_watchlist_keeps_its_own(tmp_path: Path) -> None:
    lead = Lead("A/l", "l@1", "watchlist:1", 3, "listed", "A", (f"A/1/t:1phone{FR}+1",))
    assert set(aside(tmp_path, *card("Paul Martin"), lead).values()) == {""}


def test_what_a_device_calls_its_own_is_not_set_aside(tmp_path: Path) -> None:
    mine = seen("phone", FR, 7)
    owner = type(mine)("A/1/o", "s@1", "phone", FR, FR, "A/1", role="owner")
    assert set(aside(tmp_path, *card("Paul Martin"), owner).values()) == {""}


@pytest.mark.parametrize(("kind", "value"), [("imei", IMEI), ("phone", TN)])
def test_more_than_contact_details_is_not_set_aside(tmp_path: Path, kind: str, value: str) -> None:
    found = aside(tmp_path, *card("Paul Martin"), seen(kind, value, 5), seen("name", "Paul Martin", 5))
    assert bool(found["phone", FR]) is (kind == "phone")


def test_people_who_stand_together_are_not_set_aside(tmp_path: Path) -> None:
    beside = [seen("name", "Karim Benali", 5), seen("name", "Paul Martin", 5)]
    assert set(aside(tmp_path, *card("Paul Martin"), *beside).values()) == {""}


def test_many_files_tell_of_more_but_copies_do_not(tmp_path: Path) -> None:
    files = [r for n in range(FEW + 1) for r in (file(f"A/{n + 2}", f"{n}c"), seen("phone", FR, 1, f"A/{n + 2}"))]
    assert not any(aside(tmp_path / "a", *card("Paul Martin"), *files).values())
    copies = [r for n in range(FEW + 1) for r in (file(f"A/{n + 2}", "ab"), seen("phone", FR, 1, f"A/{n + 2}"))]
    assert all(aside(tmp_path / "b", *card("Paul Martin"), *copies).values())


def test_another_spelling_elsewhere_leaves_doubt(tmp_path: Path) -> None:
    elsewhere = [seen("name", "Gamal Haddad", 9, "A/2"), seen("imei", IMEI, 9, "A/2")]
    assert all(aside(tmp_path / "a", *card("Claire Fontaine"), *elsewhere).values())
    assert not any(aside(tmp_path / "b", *card("Jamal Haddad"), *elsewhere).values())


def test_who_has_no_name_is_not_set_aside(tmp_path: Path) -> None:
    assert aside(tmp_path, seen("phone", FR, 1), file("A/1", "ab"))["phone", FR] == ""


def test_of_whom_more_is_told_is_not_set_aside(tmp_path: Path) -> None:
    text = "Paul Martin prend la livraison de Lyon, le joindre au +33612345678 avant midi"
    told = Sighting("A/1/t:9", "find.text@1", "phone", FR, FR, "A/1", text, line=9)
    assert not any(aside(tmp_path, *card("Paul Martin"), told).values())
