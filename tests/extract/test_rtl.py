from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.extract.rtl import logical, plain


def turn(word: str) -> str:
    """A word as it is painted from left to right."""
    return word[::-1]


@pytest.mark.parametrize(
    ("visual", "read"),
    [
        (f"0142-555-06 {turn('هاتف')}", "هاتف 06-555-0142"),
        (f"04-555-0142 {turn('טלפון')}", "טלפון 04-555-0142"),
        (f"ali.h@example.org :{turn('بريد')}", "بريد: ali.h@example.org"),
        (f"+49 171 3920085 {turn('هاتف')}", "هاتف +49 171 3920085"),
        (f"3920085 171 49+ {turn('هاتف')}", "هاتف +49 171 3920085"),
        (f"TN 8210 687 {turn('السيارة')}", "السيارة 687 TN 8210"),
        (f"({turn('بيروت')}) {turn('خالد')}", "خالد (بيروت)"),
        (f"){turn('بيروت')}( {turn('خالد')}", "خالد (بيروت)"),
        (f".{turn('طرابلس')} 20.648.224 {turn('رقم')}", "رقم 20.648.224 طرابلس."),
        (f"S9 {turn('هاتف')}", "هاتف S9"),
        (f".par London, tél. 020 7946 0459 {turn('خالد')}", "خالد par London, tél. 020 7946 0459."),
        (f"Contact: 4567 123 0770 {turn('خالد')} today", "Contact: خالد 0770 123 4567 today"),
    ],
)
def test_reading_order(visual, read):
    assert logical(list(visual)) == read


def test_a_line_without_arabic_is_left_alone():
    assert logical(list("06-555-0142 (x)")) == "06-555-0142 (x)"


def test_ligatures_stay_whole():
    assert logical(["م", "لا", "س"]) == "سلام"


def test_presentation_forms_are_letters():
    assert plain("\ufefb\ufe8d") == "لاا"


@given(st.lists(st.sampled_from([*"ابتجد ", *"abc ", *"0123", *"٠١", *"+-.,:/@()", "\u064e"]), min_size=1, max_size=40))
def test_nothing_is_lost(cells):
    swap = str.maketrans("()", "((")
    assert Counter(logical(cells).translate(swap)) == Counter("".join(cells).translate(swap))
