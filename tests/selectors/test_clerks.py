from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.selectors.clerks import respellings
from moisson.selectors.lexicon import near_given
from moisson.selectors.names import score


@pytest.mark.parametrize(
    ("written", "attested"),
    [
        ("dschamal", "jamal"), ("cemal", "jamal"), ("mouneer", "mounir"), ("hacen", "hassan"), ("chatib", "khatib"),
        ("hatip", "khatib"), ("rassan", "ghassan"), ("souhad", "souad"), ("oualid", "walid"), ("joussef", "youssef"),
        ("verfelli", "warfalli"), ("heysem", "haytham"), ("zawahiri", "dhawahiri"),
    ],
)  # fmt: skip
def test_clerks_of_one_country_are_read_by_those_of_another(written, attested):
    assert attested in respellings(written)


@pytest.mark.parametrize("word", ["garden", "legal", "smart", "studio", "organe", "gaza", "american", "scale", "adobe"])
def test_ordinary_words_are_no_given_names(word):
    assert not near_given(word)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Qasim Al Chatib", "قاسم الخطيب"), ("Rassan Ouerfelli", "Ghassan al-Warfalli"), ("Hacen Şahin", "حسن شاهين"),
        ("Mouneer Qaradagh", "منير قره داغ"), ("Cemal Alobaydi", "جمال العبيدي"), ("Ilyas Alravi", "Ilyès Ar Raoui"),
        ("Chadidscha Benyoussef", "خديجة بن يوسف"), ("Mowladi Udugow", "Movladi Udugov"),
    ],
)  # fmt: skip
def test_names_meet_whoever_wrote_them(one, other):
    assert score(one, other).band == "same"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Jamal Haddad", "Kamal Haddad"), ("Hassan Khalil", "Mohsen Khalil"), ("Samir Rawi", "Samir Ravelli")],
)
def test_names_that_differ_stay_apart(one, other):
    assert score(one, other).band != "same"


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", max_size=24))
def test_respellings_are_few_and_differ(word):
    found = respellings(word)
    assert len(found) <= 48
    assert word not in found
    assert len(set(found)) == len(found)
