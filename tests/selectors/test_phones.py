from __future__ import annotations

import json

import pytest

from moisson.selectors.find import Context, find
from moisson.selectors.phones import Phone, readings


@pytest.fixture(scope="module")
def folder(corpora):
    return corpora / "phonenumbers"


BRAZILIAN_X = "(0xx) 1187654321"  # the letters stand for the code of a carrier that the caller chooses
TILDE = "0~01-650-333-6000"  # Poland's former second dialling tone, a tilde among the digits


@pytest.mark.corpus
def test_normalise_cases(folder):
    cases = json.loads((folder / "normalise_cases.json").read_text("utf-8"))["parse"]
    wrong = []
    for case in cases:
        today, region = case["today"], case["region"]
        got = Phone.clean(case["input"], Context(regions=(region,) if region else ()))
        if (today["valid"] and got != today["e164"]) or (not today["valid"] and (got or "").startswith("+")):
            wrong.append(case["input"])
    assert wrong == [BRAZILIAN_X]


@pytest.mark.corpus
def test_what_must_not_parse(folder):
    cases = json.loads((folder / "normalise_cases.json").read_text("utf-8"))["must_not_parse"]
    kept = [
        c
        for c in cases
        if (Phone.clean(c["input"], Context(regions=(c["region"],) if c["region"] else ())) or "").startswith("+")
    ]
    assert not kept


@pytest.mark.corpus
def test_same_numbers_are_one_value(folder):
    cases = json.loads((folder / "normalise_cases.json").read_text("utf-8"))["same_number"]
    for case in cases:
        a, b = (Phone.clean(case[k], Context(regions=())) for k in "ab")
        if a and b and a.startswith("+") and b.startswith("+"):
            assert (a == b) == (case["match"] in ("EXACT_MATCH", "NSN_MATCH", "SHORT_NSN_MATCH")), case


@pytest.mark.corpus
def test_numbers_in_text(folder):
    cases = json.loads((folder / "finder_cases.json").read_text("utf-8"))["find_in_text"]
    missed = []
    for case in cases:
        found = [f.value for f in find(f"phone {case['number']}\n", Context(regions=(case["region"],)))]
        if case["today"]["valid"] and case["today"]["e164"] not in found:
            missed.append(case["number"])
    assert set(missed) == {TILDE}


@pytest.mark.corpus
def test_what_stands_around_a_number(folder):
    around = json.loads((folder / "finder_cases.json").read_text("utf-8"))["surroundings_by_test"]
    ctx = Context(regions=("US",))
    opened = "testMatchesWithSurroundingLatinCharsAndLeadingPunctuation"
    assert len(around) == 8
    for name, pairs in around.items():
        wanted = not name.endswith("possibleOnlyContexts")
        numbers = ("+14156667777", "(415) 666-7777") if name.startswith(opened) else ("415-666-7777",)
        for before, after in pairs:
            for number in numbers:
                found = [f.value for f in find(f"{before}{number}{after}", ctx) if f.kind == "phone"]
                assert found == (["+14156667777"] if wanted else []), (name, before, number, after)


@pytest.mark.corpus
def test_levels_of_strictness(folder):
    """What only looks possible is never found; what is grouped as its country groups it is, without a label."""
    cases = json.loads((folder / "finder_cases.json").read_text("utf-8"))["leniency_cases"]
    for case in cases:
        found = [f.value for f in find(case["text"], Context(regions=(case["region"],))) if f.kind == "phone"]
        if not case["with_today_s_metadata"]["found_at_level_valid"]:
            assert not found, case["text"]


def test_the_order_of_regions_decides_and_all_readings_are_kept():
    iraq_first = Context(regions=("IQ", "FR", "MA"))
    both = [r.value for r in readings("0612345678", Context(regions=("FR", "MA")))]
    assert both == ["+33612345678", "+212612345678"]
    assert Phone.clean("0612345678", Context(regions=("MA", "FR"))) == "+212612345678"
    assert Phone.clean("07701234567", iraq_first) == "+9647701234567"
    assert Phone.clean("+39 (0)6 6982 1234", iraq_first) == "+390669821234"


def test_international_numbers_nearby_decide_a_national_one():
    text = "appeler +212 612 345 678 puis 0612345679"
    assert [f.value for f in find(text, Context(regions=("FR", "MA")))] == ["+212612345678", "+212612345679"]


@pytest.mark.parametrize(
    "text",
    [
        "20240513",
        "le 2024-05-13",
        "192.168.100.200",
        "n° 21640123",
        "ref 0612345678",
        "12345678 unités",
        "4.15.2301234",
        "a0612345678",
        "3,1415926535",
        "1715599670123",
        "٠١٢٣٤٥٦٧٨٩",
        "tel 0123456789",
        "هاتف +000 555 90 13 74",
        "رقم الهاتف +004 993 963 910",
        "tel +964 750 000 1732".replace("+964", "+999"),
        "Arrivée 0(20 643 824 (216 Walid",
    ],
)
def test_other_numbers_are_no_telephone(text):
    assert not [f for f in find(text, Context()) if f.kind == "phone"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(06 12 34 56 78)", "+33612345678"),
        ("(+33) 6 12 34 56 78", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("06 12 34 56 78 (bureau 12)", "+33612345678"),
        ("+33612345679 0612345678", "+33612345678"),
    ],
)
def test_what_stands_close_by_does_not_hide_a_number(text, value):
    assert value in [f.value for f in find(text, Context(regions=("FR",))) if f.kind == "phone"]
