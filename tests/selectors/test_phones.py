from __future__ import annotations

import json

import pytest

from moisson.selectors.find import Context, find
from moisson.selectors.phones import Phone, readings


@pytest.fixture(scope="module")
def folder(corpora):
    return corpora / "phonenumbers"


@pytest.mark.corpus
def test_normalise_cases(folder):
    cases = json.loads((folder / "normalise_cases.json").read_text("utf-8"))
    wrong = []
    for case in cases["parse"]:
        today = case["today"]
        if not today["valid"] or not case["region"] or case["region"] == "ZZ" or today["extension"]:
            continue
        if any(c.isalpha() for c in case["input"].removeprefix("tel:")):
            continue
        got = Phone.clean(case["input"], Context(regions=(case["region"],)))
        if got != today["e164"]:
            wrong.append((case["input"], case["region"], today["e164"], got))
    assert len(wrong) <= 5, wrong


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
    cases = json.loads((folder / "finder_cases.json").read_text("utf-8"))
    missed = []
    for case in cases["find_in_text"]:
        if not case["today"]["valid"] or case["today"]["extension"]:
            continue
        ctx = Context(regions=(case["region"],))
        text = f"phone {case['number']}\n"
        if case["today"]["e164"] not in [f.value for f in find(text, ctx) if f.kind == "phone"]:
            missed.append((case["number"], case["region"], case["today"]["e164"]))
    assert len(missed) <= 6, missed


@pytest.mark.corpus
def test_what_stands_around_a_number(folder):
    around = json.loads((folder / "finder_cases.json").read_text("utf-8"))["surroundings_by_test"]
    ctx = Context(regions=("US",))

    def found(before, after):
        return [f.value for f in find(f"{before}415-666-7777{after}", ctx) if f.kind == "phone"]

    for name, pairs in around.items():
        for before, after in pairs:
            if name in (
                "testMoneyNotSeenAsPhoneNumber.possibleOnlyContexts",
                "testPercentageNotSeenAsPhoneNumber.possibleOnlyContexts",
            ):
                assert not found(before, after), (name, before, after)
            if name in (
                "testMatchesWithSurroundingPunctuation.validContexts",
                "testMatchesWithSurroundingChineseChars.validContexts",
            ):
                assert found(before, after) == ["+14156667777"], (name, before, after)


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
    ],
)
def test_other_numbers_are_no_telephone(text):
    assert not [f for f in find(text, Context()) if f.kind == "phone"]
