from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from moisson.selectors.plans import ABROAD, is_mobile, main_region, readings, region_of

REGIONS = ("IQ", "SY", "TR", "LB", "JO", "TN", "MA", "DZ", "FR", "BE", "DE", "NL", "GB", "US", "IT", "RU", "EG")


def told(text, region=None):
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None


@given(st.from_regex(r"0?[1-9][0-9]{6,10}", fullmatch=True), st.sampled_from(REGIONS))
@example("011623100000", "US")  # 011 is dialled there for a call abroad
def test_national_numbers_are_those_of_the_library(digits, region):
    assume(not digits.startswith(str(phonenumbers.country_code_for_region(region))))  # the library adds the plus
    ours = {r.value for r in readings(digits, (region,)) if r.region or r.confidence == ABROAD}
    assert ours == {value for value in [told(digits, region)] if value}


@given(
    st.sampled_from(["1", "7", "20", "31", "33", "39", "44", "49", "90", "212", "216", "961", "963", "964"]), st.data()
)
def test_numbers_of_the_world_are_those_of_the_library(code, data):
    digits = code + data.draw(st.from_regex(r"[0-9]{6,11}", fullmatch=True))
    assert [r.value for r in readings(f"+{digits}", ())] == [v for v in [told(f"+{digits}")] if v]


@pytest.mark.parametrize(
    ("value", "region"),
    [
        ("+33612345678", "FR"),
        ("+12042345678", "CA"),
        ("+79161234567", "RU"),
        ("+447400123456", "GB"),
        ("+447911123456", "GG"),
        ("+999", ""),
    ],
)
def test_regions(value, region):
    assert region_of(value) == region


@pytest.mark.parametrize(("digits", "region"), [("07911123456", "GB"), ("2042345678", "US"), ("0528812345", "MA")])
def test_neighbours_under_one_code_are_valid(digits, region):
    assert [r.value for r in readings(digits, (region,)) if r.region] == [told(digits, region)]


def test_no_number_is_longer_than_the_recommendation_allows():
    assert not readings("0410313113111300", ("DE",))


def test_the_largest_region_of_a_code():
    assert main_region("+447911123456") == "GB"
    assert main_region("+12042345678") == "US"
    assert main_region("+999") == ""


def test_mobiles():
    assert is_mobile("+33612345678")
    assert not is_mobile("+33123456789")
    assert not is_mobile("3939")


@pytest.mark.parametrize("region", REGIONS)
def test_examples_of_every_region(region):
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        assert readings(written, (region,))[0].value == phonenumbers.format_number(
            number, phonenumbers.PhoneNumberFormat.E164
        )
