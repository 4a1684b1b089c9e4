from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.selectors.names import POSSIBLE, SAME, keys, score
from moisson.selectors.spelling import fold, skeleton, tokens


@pytest.fixture(scope="module")
def pairs():
    families, same, other = [], [], []
    for line in (Path(__file__).parent / "data" / "names.txt").read_text("utf-8").splitlines():
        if line.startswith("##"):
            families.append([])
        else:
            families[-1].append(line.split("|"))
    for family in families:
        for person in family:
            same += combinations(person, 2)
        for a, b in combinations(family, 2):
            other += [(x, y) for x in a for y in b]
    return same, other


def test_area_under_the_curve(pairs):
    same, other = ([score(a, b).value for a, b in group] for group in pairs)
    assert (len(same), len(other)) == (382, 2051)
    low = sorted(other)
    area = sum(bisect_left(low, v) + bisect_right(low, v) for v in same) / 2 / len(same) / len(low)
    assert area >= 0.98


def test_the_bands_hold(pairs):
    same, other = ([score(a, b).value for a, b in group] for group in pairs)
    right, wrong = sum(v >= SAME for v in same), sum(v >= SAME for v in other)
    assert right / (right + wrong) >= 0.93
    assert right / len(same) >= 0.86
    assert sum(v >= POSSIBLE for v in same) / len(same) >= 0.95


def test_keys_find_the_pairs(pairs):
    met = [bool(keys(a) & keys(b)) for a, b in pairs[0]]
    assert sum(met) / len(met) >= 0.98


@pytest.mark.corpus
def test_attested_pairs_meet_in_a_key(corpora):
    lines = (corpora / "names" / "ar2en-eval.txt").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if "\t" in line]
    met = sum(bool(keys(arabic) & keys(latin)) for arabic, latin in rows)
    assert met / len(rows) >= 0.5


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_score_is_symmetric_and_bounded(a, b):
    there, back = score(a, b), score(b, a)
    assert there == back
    assert 0 <= there.value <= 1


@given(st.text(min_size=1, max_size=40))
def test_a_name_is_like_itself(name):
    if tokens(name):
        assert score(name, name).value == 1
        assert keys(name) or set(tokens(name)) <= {"abu", "umm"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Abdul Rahman al-Husseini", ("abdrahman", "husseini")),
        ("عبد الرحمن الحسيني", ("عبدرحمن", "حسيني")),
        ("Salah ed-Din Ben Ali", ("salahdin", "ali")),
        ("أبو بكر البغدادي", ("abu", "بكر", "بغدادي")),
        ("Abou Bakr El-Baghdadi", ("abu", "bakr", "baghdadi")),
        ("إلياس", ("الياس",)),
        ("Рамзан Кадыров", ("ramzan", "kadyrov")),
    ],
)
def test_particles(name, parts):
    assert tokens(name) == parts


def test_consonants_meet_across_scripts():
    assert skeleton(tokens("خديجة")[0]) == skeleton(tokens("Khadija")[0]) == skeleton(tokens("Khadidja")[0])
    assert fold("Şâhîn") == "shahin"


def test_the_reason_says_which_parts_met():
    found = score("حسن خليل", "Hassan Jaber")
    assert found.band == "different"
    assert "hassan" in found.reason
    assert "alone" in found.reason or "~" in found.reason
