from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import DamagedError
from moisson.extract.rtf import read_rtf
from tests.extract.pieces import golden, read, squeezed


def rtf(body: str, head: str = r"\ansi\ansicpg1252\deff0") -> bytes:
    return ("{\\rtf1" + head + "\n" + body + "}").encode("latin-1")


def quoted(text: str, charset: str) -> str:
    return "".join(f"\\'{b:02x}" for b in text.encode(charset))


def test_unicode_with_replacement_characters():
    body = "".join(f"\\u{ord(c) if ord(c) < 32768 else ord(c) - 65536}?" for c in "خالد")
    assert read(read_rtf, rtf(r"\uc1 " + body + " 06\\par")).text.strip() == "خالد 06"


def test_surrogate_pairs():
    assert "😀" in read(read_rtf, rtf(r"\u-10179?\u-8704?")).text


def test_arabic_by_code_page_and_by_font():
    assert "خالد" in read(read_rtf, rtf(quoted("خالد", "cp1256"), r"\ansi\ansicpg1256")).text
    table = r"{\fonttbl{\f0 Arial;}{\f1\fcharset178 Arial;}{\f2\fcharset128 Gothic;}}"
    text = read(read_rtf, rtf(table + r"{\f1 " + quoted("خالد", "cp1256") + r"}\f2 " + quoted("日本", "cp932"))).text
    assert "خالد日本" in text
    assert "Arial" not in text


def test_fields_notes_and_hidden_destinations():
    body = r'{\field{\*\fldinst HYPERLINK "mailto:ali@example.org"}{\fldrslt Ali}}{\*\secret no}{\stylesheet no}{\footnote yes}'
    text = read(read_rtf, rtf(body)).text
    assert "mailto:ali@example.org" in text
    assert "Ali" in text
    assert "yes" in text
    assert "no" not in text


def test_properties():
    facts = read(read_rtf, rtf(r"{\info{\author Zo\'e9}{\operator Omar}{\doccomm note}}text")).facts
    assert facts == {"office.author": "Zoé", "office.last_author": "Omar", "office.comments": "note"}


def test_pictures_and_objects_are_children():
    inner = b"\2\0a.txt\0C:\\a.txt\0\0\0\3\0\6\0\0\0a.txt\0" + b"\5\0\0\0" + b"hello"
    ole = b"\1\5\0\0\2\0\0\0" + b"\x08\0\0\0Package\0" + bytes(8) + len(inner).to_bytes(4, "little") + inner
    body = r"{\pict\pngblip 89504e47}{\object\objemb{\*\objdata " + ole.hex() + "}}"
    children = read(read_rtf, rtf(body)).children
    assert [c.name for c in children] == ["picture1.png", "a.txt"]
    assert [c.open().whole() for c in children] == [b"\x89PNG", b"hello"]


def test_deep_groups_and_huge_binaries_end():
    given_ = read(read_rtf, b"{\\rtf1" + b"{" * 100_000 + b"0612345678")
    assert "0612345678" in given_.text
    assert given_.flags == {"truncated", "damaged"}
    assert "x" not in read(read_rtf, rtf(r"\bin2000000000 x")).text


def test_no_rtf():
    with pytest.raises(DamagedError):
        read(read_rtf, b"plain")


@given(st.text(alphabet=r"\{}'u0179-abpict* ;", max_size=300))
def test_any_markup(body):
    assert isinstance(read(read_rtf, rtf(body)).text, str)


@pytest.mark.corpus
def test_specimens(corpora):
    expected = json.loads((corpora / "docs" / "expected.json").read_text())
    names = [n for n in expected if n.endswith(".rtf")]
    assert names
    for name in names:
        text = squeezed(read(read_rtf, (corpora / "docs" / name).read_bytes()).text)
        assert all(squeezed(t) in text for t in golden(corpora, name, expected)), name
