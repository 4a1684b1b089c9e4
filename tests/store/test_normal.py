from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.store.normal import LONGEST, fold

SAME = [
    ("مُحَمَّد", "محمد"),
    ("ﻣﺤﻤﺪ", "محمد"),
    ("كــتاب", "كتاب"),
    ("أسلحة", "اسلحه"),
    ("إسلام آسيا", "اسلام اسيا"),
    ("علي", "على"),
    ("کتاب یک", "كتاب يك"),
    ("٠٧٧٠ ۱۲۳", "0770 123"),
    ("\u202babc\u202c \u200fdef", "abc def"),
    ("L’Été Œuvre Straße", "l ete oeuvre strasse"),
    ("İSTANBUL ışık", "istanbul isik"),
    ("ﬁn e\u0301t\u00e9", "fin ete"),
    ("a@b.com IMG_2024.jpg", "a b com img 2024 jpg"),
    ("東京都 한국어", "東 京 都 한국어"),
    ("Ёлка й", "елка и"),
    ("soft\u00adhyphen", "softhyphen"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_fold_to_the_same_words(one, other):
    assert fold(one) == fold(other)


@given(st.text(max_size=300))
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_blank_separates(a, b):
    assert fold(f"{a} {b}").split() == fold(a).split() + fold(b).split()


@given(st.text(alphabet="أإآابتةىيئؤءوكلمن\u064b\u0651\u0640", max_size=12))
def test_marks_never_matter_in_arabic(word):
    bare = "".join(c for c in word if unicodedata.category(c) != "Mn" and c != "\u0640")
    assert fold(word) == fold(bare)


@given(st.text(st.characters(codec="ascii"), min_size=60, max_size=300))
def test_long_plain_text_folds_like_its_pieces(text):
    assert fold(text).split() == [word for piece in text.split() for word in fold(f"{piece} é").split()[:-1]]


def test_no_word_is_lost_for_its_length():
    words = fold("f" * (3 * LONGEST + 5)).split()
    assert [len(word) for word in words] == [LONGEST] * 3 + [5]
    assert fold("é" * (LONGEST + 1)).split()[1] == "e"
