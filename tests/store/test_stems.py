from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.store.normal import fold
from moisson.store.stems import asked, meets, stems

FOUND = """
سيارة: السيارة والسيارة للسيارة بالسيارة وبالسيارة سيارته سيارات لسيارة بسيارة وسيارة كسيارة سيارتهم فالسيارة
كتاب: الكتاب كتابه وكتاب للكتاب كتابها كتابين وبكتابهم والكتاب
هاتف: الهاتف هاتفه بالهاتف وهاتفها للهاتف هاتفي
مبلغ: المبلغ بمبلغ مبلغا والمبلغ
شحنة: الشحنة للشحنة شحنات شحنته لشحنة
قطعة: القطعة قطعتين القطعتان
حساب: الحساب حسابي حسابك حسابات بحساب لحساب
محمد: ومحمد لمحمد بمحمد
وليد: لوليد والوليد ووليد
بالسيارة: سيارة سيارات
وكتاب: كتاب الكتاب
بحساب: حساب حسابك
téléphone: telephones TÉLÉPHONES
cheval: chevaux
bateau: bateaux
box: boxes
city: cities
envoi: envois
house: houses
"""
NOT = "باسم:اسم وليد:ليد كتاب:تاب محمد:حمد glass:glas virus:viru paris:pari 2000s:2000 fois:foi"


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_a_word_finds_what_it_stands_in(line):
    word, _, others = line.partition(": ")
    roots = asked(fold(word))
    assert [other for other in others.split() if not meets(fold(other), roots)] == []


@pytest.mark.parametrize("pair", NOT.split())
def test_a_question_keeps_letters_that_may_be_its_own(pair):
    word, _, other = pair.partition(":")
    assert not meets(fold(other), asked(fold(word)))


def test_only_stems_that_differ_are_kept():
    assert stems(["house", "houses", "محمد"]) == {"house"}


@given(st.text(alphabet="ابتةهوليكفنمس", min_size=1, max_size=12))
def test_a_word_is_among_its_own_stems_and_the_index_knows_all_that_is_asked(word):
    folded = fold(word)
    if folded:
        assert folded in asked(folded)
        assert asked(folded) <= stems([folded]) | {folded}
