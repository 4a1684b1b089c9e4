from __future__ import annotations

import pytest

from moisson.selectors.find import Context, find
from tests.counting import growth

CASE = Context()


def numbers(text):
    return [f.value for f in find(text, CASE) if f.kind == "phone"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("data1: 07911123456; data4: +447911123456", "+447911123456"),
        ("Joindre Ali au 0612345678, compte NL91ABNA0417164300", "+31612345678"),
        ("Joindre Ali au 0612345678, compte FR1420041010050500013M02606", "+33612345678"),
        ("tel 0612345678 mail a@example.nl", "+31612345678"),
        ("Il passe par Rotterdam, tél. 0612345678", "+31612345678"),
        ("يمر في لندن هاتف ٠٧٩١١١٢٣٤٥٦", "+447911123456"),
        ("يمر في بغداد هاتف ٠٧٩١١١٢٣٤٥٦", "+9647911123456"),
        ("+31 6 11111111\n\nAli\n0612345678", "+31612345678"),
        ("appelé le 06 12345678 hier", "+31612345678"),
        ("هاتف ٠٧٧٠٠٠١٢٣٤٥", "+9647700012345"),
    ],
)
def test_a_national_number_is_of_the_country_around_it(text, number):
    assert number in numbers(text)


def test_what_follows_counts_as_well():
    assert numbers("tel 07911123456\ncompte GB82WEST12345698765432") == ["+447911123456"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Ali Salah | 20649575 | ali@example.org", ["+21620649575"]),
        ('["Slim", "20649575", "s@example.org"]', ["+21620649575"]),
        ("ref 20649575", []),
        ("20240513 | a@example.org", []),
        ("Stock | 20649575 | 4", []),
    ],
)
def test_a_bare_number_needs_company(text, number):
    assert numbers(text) == number


def test_confidence_falls_where_several_countries_are_as_likely():
    alone, near = (
        next(f.confidence for f in find(text, CASE) if f.kind == "phone")
        for text in ("tel 0612345678", "tel 0612345678, NL91ABNA0417164300")
    )
    assert alone < 0.8 < near


def test_many_clues_and_many_numbers_cost_linear_time():
    line = "Ali\t0612345678\tNL91ABNA0417164300\t+31612345678\ta@example.nl\n"
    assert set(numbers(line * 3000)) == {"+31612345678"}
    assert growth(lambda n: numbers(line * n), 200) < 3
