"""Words inside serialised objects."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.extract.blobs import attributed, phone_in, text_in, tl_strings, wording
from tests.conftest import unpack
from tests.extract.test_apps import tl


@pytest.mark.corpus
def test_attributed_strings_say_what_their_rows_say(corpora):
    with closing(sqlite3.connect(":memory:")) as db:
        raw = unpack(corpora / "phones/plaso/sqlite/imessage_chat.db.gz")
        db.deserialize(raw[:18] + b"\1\1" + raw[20:])
        rows = db.execute("select text, attributedBody from message where attributedBody is not null").fetchall()
    assert len(rows) >= 9
    same = sum(attributed(blob) == text for text, blob in rows)
    assert same >= len(rows) - 2, "two rows of the specimen were changed by hand"


@given(st.lists(st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs")), min_size=1), min_size=1, max_size=5))
def test_strings_come_back(texts):
    assert tl_strings(bytes(4) + b"".join(map(tl, texts))) == texts


@given(st.binary(max_size=400))
def test_no_bytes_break_them(raw):
    for form in ("tl", "typedstream", ""):
        assert isinstance(text_in(raw, form), str)
        assert isinstance(text_in(b"NSString\x01\x94\x84\x01+" + raw, form), str)
    assert isinstance(phone_in(raw), str)
    assert isinstance(wording(raw), str)


def test_what_is_no_text_is_none():
    assert text_in("text", "tl") == ""
    assert phone_in(None) == ""
    assert wording(None) == wording(b"\xff") == ""
    assert wording(4.5) == "4.5"
