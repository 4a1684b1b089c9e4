"""Which country a selector concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moisson.link.borders import country_at
from moisson.link.countries import hypotheses, summarise
from moisson.link.origins import origins
from moisson.link.ties import CROWD, MOST, Ties, gather, name_key
from moisson.model import Event, Item, Party, Record, Sighting
from moisson.store.manifest import Manifest
from moisson.store.query import Reader
from moisson.store.segment import SegmentWriter

if TYPE_CHECKING:
    from pathlib import Path

FR, TN, IMEI = "+33612345678", "+21620123456", "356938035643809"


def seen(kind: str, value: str, line: int, item: str = "A/1", context: str = "") -> Sighting:
    return Sighting(f"{item}/t:{abs(line)}{kind}{value}+1", "s@1", kind, value, value, item, context, line=line)


def case(root: Path, *records: Record) -> Reader:
    """A case of one exhibit with these records."""
    manifest = Manifest(root / "manifest.db")
    writer = SegmentWriter(root, "A", "read/a")
    for record in records:
        writer.add(record)
    assert manifest.publish(writer.close())
    return Reader(root)


def told(reader: Reader) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for h in hypotheses(reader):
        found.setdefault((h.kind, h.value), set()).add(h.country)
    return found


@pytest.mark.parametrize(
    ("lat", "lon", "country"),
    [
        (48.86, 2.35, "FR"), (51.51, -0.13, "GB"), (36.34, 43.13, "IQ"), (33.51, 36.29, "SY"), (36.81, 10.17, "TN"),
        (41.01, 28.95, "TR"), (52.52, 13.40, "DE"), (-33.87, 151.21, "AU"), (-17.7, 178.0, "FJ"), (64.14, -21.9, "IS"),
        (0.0, -30.0, ""), (90.0, 0.0, ""), (-90.0, 0.0, ""),
    ],
)  # fmt: skip
def test_positions_lie_in_countries(lat: float, lon: float, country: str) -> None:
    here, _ = country_at(lat, lon)
    assert here == country or (lat == -90.0 and here in ("", "AQ"))


def test_a_border_leaves_doubt() -> None:
    assert country_at(50.85, 5.69) == ("NL", ("BE",))
    assert {r.country for r in origins("coords", "50.85000,5.69000")} == {"NL", "BE"}


def test_providers_name_networks() -> None:
    assert [r.country for r in origins("ssid", "Livebox-1A2B")] == ["FR"]
    assert [r.country for r in origins("ssid", "FRITZ!Box 7590 AB")] == ["DE"]
    assert origins("ssid", "home of the brave") == ()


def test_shared_codes_count_for_the_main_country() -> None:
    assert {r.country for r in origins("phone", "+447911123456")} >= {"GB"}
    assert origins("phone", "+33800000000") == ()


def test_a_line_lends_its_country(tmp_path: Path) -> None:
    found = hypotheses(case(tmp_path, seen("phone", FR, 3), seen("imei", IMEI, 3)))
    borrowed = next(h for h in found if h.kind == "imei")
    assert borrowed.country == "FR"
    assert borrowed.strength < next(h for h in found if h.kind == "phone").strength
    assert borrowed.reasons[0].startswith(f"stands with phone {FR}: number begins with +33")
    assert borrowed.exhibits == ("A",)


def test_the_lines_of_an_entry_belong_together(tmp_path: Path) -> None:
    entry = [seen("name", "Karim Benali", 0), seen("phone", TN, 1), seen("email", "kb@x.example", 2)]
    entry += [seen("name", "Paul Martin", 3), seen("phone", FR, 4), seen("email", "pm@x.example", 5)]
    found = told(case(tmp_path, *entry))
    assert found["email", "kb@x.example"] == {"TN"}
    assert found["email", "pm@x.example"] == {"FR"}


def test_rows_of_a_database_make_no_entry(tmp_path: Path) -> None:
    item = Item("A/1", "i@1", "a.db", "a.db", "application/vnd.sqlite3", 1, "ab" * 32)
    found = told(case(tmp_path, item, seen("phone", TN, 1), seen("email", "kb@x.example", 2)))
    assert ("email", "kb@x.example") not in found


def test_a_card_belongs_to_its_owner(tmp_path: Path) -> None:
    card = [seen("phone", TN, -1, context="Karim Benali"), seen("email", "kb@x.example", -1, context="Karim Benali")]
    other = [seen("email", "pm@x.example", -1, context="Paul Martin")]
    found = told(case(tmp_path, *card, *other))
    assert found["email", "kb@x.example"] == {"TN"}
    assert ("email", "pm@x.example") not in found


def test_names_carry_a_country_across_scripts(tmp_path: Path) -> None:
    first = [seen("name", "طارق الشمري", 1), seen("phone", "+9647700012345", 1)]
    second = [seen("name", "AL-SHAMMARI Tariq", 1, "A/2"), seen("imei", IMEI, 1, "A/2")]
    assert told(case(tmp_path, *first, *second))["imei", IMEI] == {"IQ"}


def test_who_writes_is_not_what_is_written(tmp_path: Path) -> None:
    message = Event("A/1/e", "e@1", "message", None, "sms", (Party("sender", "phone", TN),), "wallet", "A/1")
    found = told(case(tmp_path, message, seen("phone", TN, 1), seen("imei", IMEI, 1)))
    assert found["phone", TN] == {"TN"}
    assert ("imei", IMEI) not in found


def test_a_card_says_whose_number_it_is_even_among_messages(tmp_path: Path) -> None:
    message = Event("A/1/e", "e@1", "message", None, "telegram", (Party("sender", "phone", TN),), "hi", "A/1")
    card = [seen("phone", TN, -1, context="Karim Benali"), seen("account", "x:@kb", 1, "A/2")]
    other = [seen("name", "Benali Karim", 1, "A/2")]
    found = told(case(tmp_path, message, *card, *other))
    assert found["account", "x:@kb"] == {"TN"}


def test_names_are_shown_as_they_are_spelled_most(tmp_path: Path) -> None:
    spellings = ["Tariq al-Shammari", "AL-SHAMMARI Tariq", "Tariq al-Shammari"]
    lines = [s for n, name in enumerate(spellings) for s in (seen("name", name, 9 * n), seen("phone", TN, 9 * n))]
    assert [h.value for h in hypotheses(case(tmp_path, *lines)) if h.kind == "name"] == ["Tariq al-Shammari"]


def test_a_sender_named_beside_the_address_is_its_holder(tmp_path: Path) -> None:
    header = [
        seen("name", "Karim Benali", -1, context="kb@x.example"),
        seen("phone", TN, 5),
        seen("name", "Benali Karim", 5),
    ]
    found = told(case(tmp_path, *header, seen("email", "kb@x.example", 70)))
    assert found["email", "kb@x.example"] == {"TN"}
    assert {value for kind, value in found if kind == "name"} <= {"Karim Benali", "Benali Karim"}


def test_an_address_spells_its_holder(tmp_path: Path) -> None:
    person = [seen("name", "طارق الشمري", 1), seen("phone", "+9647700012345", 1)]
    found = told(
        case(tmp_path, *person, seen("email", "tariq.alshammari77@x.example", 40), seen("email", "tariq@x.example", 60))
    )
    assert found["email", "tariq.alshammari77@x.example"] == {"IQ"}
    assert ("email", "tariq@x.example") not in found


def test_a_shared_code_weakens_nobody(tmp_path: Path) -> None:
    british = [seen("phone", "+447911123281", n) for n in (1, 9)] + [seen("crypto", "bc1qx", n) for n in (1, 9)]
    strengths = {h.country: h.strength for h in hypotheses(case(tmp_path, *british)) if h.kind == "crypto"}
    assert set(strengths) == {"GG", "GB"}
    assert strengths["GB"] == strengths["GG"] > 0.5


def test_what_everybody_has_concerns_nobody(tmp_path: Path) -> None:
    found = told(case(tmp_path, seen("email", "support@vendor.example", 1), seen("phone", FR, 1)))
    assert ("email", "support@vendor.example") not in found


def test_crowded_lines_are_left_out(tmp_path: Path) -> None:
    crowd = [seen("phone", f"+3361234{n:04}", 1) for n in range(CROWD + 1)]
    reader = case(tmp_path, seen("imei", IMEI, 1), *crowd)
    assert not gather(reader).of
    assert ("imei", IMEI) not in told(reader)


def test_ties_are_bounded() -> None:
    ties = Ties()
    for n in range(10 * MOST):
        ties.add(("phone", FR), ("email", f"{n}@x.example"), 1.0 + n)
    kept = ties.of["phone", FR]
    assert len(kept) <= MOST
    assert ("email", f"{10 * MOST - 1}@x.example") in kept


def test_countries_are_summed_up(tmp_path: Path) -> None:
    summaries = summarise(hypotheses(case(tmp_path, seen("phone", FR, 1), seen("imei", IMEI, 1), seen("phone", TN, 9))))
    assert [(s.country, len(s.selectors), s.exhibits) for s in summaries] == [("FR", 2, ("A",)), ("TN", 1, ("A",))]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Rachid Karadağ", "رشيد قره داغ"), ("Tariq al-Shammari", "CHAMMARI Tareq"), ("Abu Sami", "أبو سامي")],
)
def test_spellings_share_a_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) is not None


def test_short_names_tell_nobody() -> None:
    assert name_key("Ali") is None
    assert name_key("Abu Sami") != name_key("Sami Abid")


def test_an_address_that_spells_a_name_says_so(tmp_path: Path) -> None:
    person = [seen("name", "طارق الشمري", 1), seen("phone", TN, 1)]
    found = hypotheses(case(tmp_path, *person, seen("email", "talshammari@x.example", 40)))
    (address,) = [h for h in found if h.kind == "email"]
    assert (address.country, address.reasons) == ("TN", ("spells طارق الشمري, who stands with TN",))


def test_a_plate_of_two_plans_is_chosen_by_its_company(tmp_path: Path) -> None:
    plate = seen("plate", "21E29457", 1)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert told(case(tmp_path / "a", plate))["plate", "21E29457"] == {"IQ", "TR"}
    assert told(case(tmp_path / "b", plate, seen("phone", "+9647700012345", 1)))["plate", "21E29457"] == {"IQ"}


def test_a_plate_of_two_plans_says_nothing_of_others(tmp_path: Path) -> None:
    beside = [seen("plate", "21E29457", 1), seen("imei", IMEI, 1)]
    assert ("imei", IMEI) not in told(case(tmp_path, *beside))


def test_where_somebody_passes_says_less_than_their_number(tmp_path: Path) -> None:
    line = [seen("email", "kb@x.example", 1), seen("phone", TN, 1), seen("coords", "48.85700,2.35100", 1)]
    assert told(case(tmp_path, *line))["email", "kb@x.example"] == {"TN"}


def test_a_device_that_knows_many_networks_says_little_of_each(tmp_path: Path) -> None:
    owner = Sighting("A/9/o", "s@1", "phone", TN, TN, "A/9", role="owner")
    known = [Sighting(f"A/9/s{n}", "s@1", "ssid", f"net{n}", f"net{n}", "A/9", role="device") for n in range(4)]
    ties = gather(case(tmp_path, owner, *known))
    assert ties.of["ssid", "net0"]["phone", TN] == 0.5
    assert ties.how[("ssid", "net0"), ("phone", TN)] == "is known to the device of"


def test_what_stands_around_a_raw_find_is_no_card(tmp_path: Path) -> None:
    raw = [
        Sighting(f"A/1/{kind}", "sweep.live@1", kind, value, value, "A/1", "Karim Benali 0612", line=-1)
        for kind, value in (("phone", FR), ("imei", IMEI))
    ]
    ties = gather(case(tmp_path, *raw))
    assert not ties.of
    assert not [key for key in ties.where if key[0] == "name"]


def test_only_a_bare_kunya_is_one() -> None:
    ties = Ties()
    for name in ("أبو أنس", "Fuad Bou Zayd"):
        key = name_key(name)
        assert key is not None
        ties.add(key, ("phone", FR), 1.0)
    assert sorted(ties.of["phone", FR].values()) == [0.5, 1.0]
