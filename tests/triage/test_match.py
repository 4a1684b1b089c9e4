"""Watchlists and requirements, and what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import UsageError
from moisson.model import Item, Sighting
from moisson.selectors.kind import Context
from moisson.settings import Settings
from moisson.triage.match import Matcher, Requirement, current_run, read_requirements, read_watchlist

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = Context()
NUMBER = "+33612345678"


def seen(kind: str, value: str, address: str = "E1/ntfs:1/t:3+4") -> Sighting:
    return Sighting(address, "s@1", kind, value, value)


def listed(tmp_path: Path, *rows: str, head: str = "kind,value,reason,priority") -> Path:
    path = tmp_path / "watchlist.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8-sig")
    return path


def matcher(tmp_path: Path, *rows: str) -> Matcher:
    return Matcher(read_watchlist(listed(tmp_path, *rows), CONTEXT), [])


@pytest.mark.parametrize("written", ["06 12 34 56 78", "+33 (0)6 12 34 56 78", "0033612345678", "٠٠٣٣٦١٢٣٤٥٦٧٨"])
def test_numbers_match_however_written(tmp_path: Path, written: str) -> None:
    settings = Matcher(read_watchlist(listed(tmp_path, f"phone,{written},courier,1"), Context(regions=("FR",))), [])
    leads = settings.leads(seen("phone", NUMBER))
    assert [(lead.rule, lead.severity, lead.exhibit) for lead in leads] == [("watchlist:1", 1, "E1")]
    assert leads[0].why == f"watchlist row 1: phone {written} (courier)"
    assert leads[0].evidence == (leads[0].address,)
    assert not settings.leads(seen("phone", "+33612345679"))


@pytest.mark.parametrize(
    ("listed_as", "found_as"),
    [
        ("مروان البزاز", "Marouane El Bazzaz"), ("Rachid Karadağ", "رشيد قره داغ"), ("EL KAÏSSI Samira", "Samira el Kaissi"),
        ("Tariq al-Shammari", "طارق الشمري"), ("Abou Leïth", "أبو ليث"),
    ],
)  # fmt: skip
def test_names_match_in_any_script(tmp_path: Path, listed_as: str, found_as: str) -> None:
    leads = matcher(tmp_path, f"name,{listed_as},,").leads(seen("name", found_as))
    assert [lead.rule for lead in leads] == ["watchlist:1"]
    assert leads[0].severity == 2
    assert f"written {found_as} here" in leads[0].why


@pytest.mark.parametrize("found", ["+33612345678", "+212612345678", "+31612345678"])
def test_a_number_without_its_country_may_be_of_several(tmp_path: Path, found: str) -> None:
    lists = matcher(tmp_path, "phone,0612345678,,")
    (lead,) = lists.leads(seen("phone", found))
    assert ("may be" in lead.why) == (found != "+212612345678")
    assert not lists.leads(seen("phone", "+33612345679"))


def test_positions_match_close_by(tmp_path: Path) -> None:
    lists = matcher(tmp_path, """coords,"50°55'02.2""N 6°59'26.8""E",,""", "coords,nowhere,,")
    assert [lead.rule for lead in lists.leads(seen("coords", "50.91728,6.99077"))] == ["watchlist:1"]
    assert lists.leads(seen("coords", "50.91740,6.99077"))[0].why.endswith("13 m away")
    assert not lists.leads(seen("coords", "50.91828,6.99077"))


def test_other_names_do_not(tmp_path: Path) -> None:
    lists = matcher(tmp_path, "name,Tariq al-Shammari,,")
    assert not lists.leads(seen("name", "Marouane El Bazzaz"))
    assert not lists.leads(seen("name", "Tariq"))


def test_only_sightings_are_looked_up(tmp_path: Path) -> None:
    assert not matcher(tmp_path, f"phone,{NUMBER},,").leads(Item("E1/a", "i@1", NUMBER, NUMBER))


def test_semicolons_and_heads_as_spreadsheets_write_them(tmp_path: Path) -> None:
    path = listed(tmp_path, '1;"a; b";PHONE;+33 6 12 34 56 78', "", "2;;phone;", head="Priority;Reason; Kind ;Value")
    entries = read_watchlist(path, CONTEXT)
    assert [(e.row, e.kind, e.value, e.reason, e.priority) for e in entries] == [(1, "phone", NUMBER, "a; b", 1)]


@pytest.mark.parametrize(
    ("rows", "head", "says"),
    [
        (["phone,1,x,²"], "kind,value,reason,priority", "line 2: priority"),
        (["phone,1,x,-1"], "kind,value,reason,priority", "line 2: priority"),
        (["phone,1"], "type,number", "must name the columns"),
        ([], "", "must name the columns"),
        (['phone,"' + "1" * 200_000 + '"'], "kind,value", "comma-separated"),
    ],
)
def test_bad_lists_are_named(tmp_path: Path, rows: list[str], head: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_watchlist(listed(tmp_path, *rows, head=head), CONTEXT)


def test_a_list_in_utf_16_is_read_and_another_charset_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("kind,value\nname,أبو نور\n".encode("utf-16"))
    assert [entry.raw for entry in read_watchlist(path, CONTEXT)] == ["أبو نور"]
    path.write_bytes("kind,value\nname,أبو نور\n".encode("cp1256"))
    with pytest.raises(UsageError, match=r"list\.csv: not UTF-8 from byte 16 on"):
        read_watchlist(path, CONTEXT)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"kind,value,priority\n" + data)
    try:
        rows = read_watchlist(path, CONTEXT)
    except UsageError as error:
        assert "any.csv" in str(error)
    else:
        assert all(entry.raw for entry in rows)


def ask(tmp_path: Path, text: str) -> list[Requirement]:
    path = tmp_path / "requirements.yaml"
    path.write_text(text, encoding="utf-8")
    return read_requirements(path)


@pytest.mark.parametrize(
    "text", ["a", "[1]", "requirements: [1]", "requirements: [{}]", "a: [", "requirements: [{id: 1, countries: [NO]}]",
             "requirements: [{id: 1, selectors: [33612345678]}]", "a: 2024-99-99"],
)  # fmt: skip
def test_bad_requirements_are_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"requirements\.yaml"):
        ask(tmp_path, text)


def test_kinds_in_countries_are_asked_for(tmp_path: Path) -> None:
    asked = ask(tmp_path, 'requirements:\n - {id: Q1, question: "Who?", selectors: [phone, coords], countries: [fr]}\n')
    lists = Matcher([], asked)
    assert [lead.rule for lead in lists.leads(seen("phone", NUMBER))] == ["requirement:Q1"]
    assert [lead.rule for lead in lists.leads(seen("coords", "48.86000,2.35000"))] == ["requirement:Q1"]
    assert not lists.leads(seen("phone", "+21620123456"))
    assert not lists.leads(seen("iban", "FR7630006000011234567890189"))


def test_the_lists_of_a_case(tmp_path: Path) -> None:
    listed(tmp_path, f"phone,{NUMBER},,3")
    ask(tmp_path, 'requirements:\n - {id: Q2, question: "Where?", selectors: "+33 6 12 34 56 78"}\n')
    lists = Matcher.open(tmp_path, Settings())
    leads = lists.leads(seen("phone", NUMBER))
    assert {lead.rule: lead.severity for lead in leads} == {"watchlist:1": 3, "requirement:Q2": 2}
    assert {lead.run for lead in leads} == {current_run(tmp_path)}


def test_other_lists_are_another_run(tmp_path: Path) -> None:
    before = current_run(tmp_path)
    listed(tmp_path, f"phone,{NUMBER},,")
    assert current_run(tmp_path) != before
    assert not Matcher.open(tmp_path / "nothing", Settings()).leads(seen("phone", NUMBER))
